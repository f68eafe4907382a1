/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMOCKA_H_
#define CMOCKA_H_

/*
 * What the unit tests use of cmocka, for klibc, which cmocka can't be built with. Only one source
 * file includes it in a program. The failing check jumps out of its test, as cmocka's does.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
	const char *name;
	CMUnitTestFunction test_func;
	CMFixtureFunction setup_func, teardown_func;
	void *initial_state;
};

/* clang-format off */
#define cmocka_unit_test(function) { #function, function, NULL, NULL, NULL }
/* clang-format on */
#define cmocka_run_group_tests(tests, setup, teardown) \
	_cmocka_run_group_tests(#tests, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

static jmp_buf cmocka_failed;

static inline void cmocka_fail(const char *file, int line)
{
	printf("[   LINE   ] --- %s:%d: error: Failure!\n", file, line);
	longjmp(cmocka_failed, 1);
}

static inline void cmocka_compare_int(unsigned long long left, unsigned long long right,
				      const char *file, int line)
{
	if (left == right)
		return;
	printf("%#llx != %#llx\n", left, right);
	cmocka_fail(file, line);
}

static inline void cmocka_compare_string(const char *left, const char *right, const char *file,
					 int line)
{
	if (!strcmp(left, right))
		return;
	/* Not by printf(), whose buffer in klibc is shorter than some of our strings. */
	fputs("\"", stdout);
	fputs(left, stdout);
	fputs("\" != \"", stdout);
	fputs(right, stdout);
	fputs("\"\n", stdout);
	cmocka_fail(file, line);
}

#define assert_true(expression)                          \
	do {                                             \
		if (!(expression)) {                     \
			printf("%s\n", #expression);     \
			cmocka_fail(__FILE__, __LINE__); \
		}                                        \
	} while (0)
#define assert_false(expression) assert_true(!(expression))
#define assert_null(pointer) assert_true((pointer) == NULL)
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_ptr_equal(left, right) assert_true((left) == (right))
#define assert_int_equal(left, right) cmocka_compare_int(left, right, __FILE__, __LINE__)
#define assert_string_equal(left, right) cmocka_compare_string(left, right, __FILE__, __LINE__)

static inline int cmocka_run_test(const struct CMUnitTest *test)
{
	void *state = test->initial_state;

	if (setjmp(cmocka_failed)) {
		printf("[  FAILED  ] %s\n", test->name);
		return 1;
	}
	test->test_func(&state);
	printf("[       OK ] %s\n", test->name);
	return 0;
}

static inline int _cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests,
					  size_t count, CMFixtureFunction setup,
					  CMFixtureFunction teardown)
{
	int failed = 0;

	(void)setup;
	(void)teardown;
	printf("[==========] %s: Running %d test(s).\n", name, (int)count);
	for (size_t i = 0; i < count; i++)
		failed += cmocka_run_test(&tests[i]);
	return failed;
}

#endif
