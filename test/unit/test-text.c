/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that grows. */

#include <string.h>

#include "cases.h"
#include "text.h"

static void test_starts_as_the_empty_string(void **state)
{
	struct text text = { 0 };

	(void)state;
	assert_string_equal(text_string(&text), "");
	assert_int_equal(text_error(&text), 0);
	text_done(&text);
}

static void test_adds_strings_bytes_and_numbers(void **state)
{
	struct text text = { 0 };

	(void)state;
	text_add(&text, "a", "", "bc");
	text_add_bytes(&text, "defg", 2);
	text_add_number(&text, 0x1f, 16, 4);
	assert_string_equal(text_string(&text), "abcde001f");
	assert_int_equal(text.length, 9);
	text_done(&text);
}

static void test_grows_and_stays_terminated(void **state)
{
	struct text text = { 0 };

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		text_add_bytes(&text, "x", 1);
		assert_int_equal(text.length, i + 1);
		assert_int_equal(text.data[i + 1], '\0');
		assert_true(text.size > text.length);
	}
	assert_int_equal(strlen(text_string(&text)), 5000);
	text_done(&text);
}

static void test_keeps_nul_bytes(void **state)
{
	struct text text = { 0 };

	(void)state;
	text_add_bytes(&text, "a\0b", 3);
	assert_int_equal(text.length, 3);
	assert_int_equal(text.data[2], 'b');
	text_done(&text);
}

static void test_steal_hands_over_and_empties(void **state)
{
	struct text text = { 0 };
	char *stolen;

	(void)state;
	text_add(&text, "mine");
	stolen = text_steal(&text);
	assert_string_equal(stolen, "mine");
	assert_null(text.data);
	assert_int_equal(text.length, 0);
	free(stolen);
	stolen = text_steal(&text);
	assert_string_equal(stolen, "");
	free(stolen);
}

static void test_a_lost_addition_is_remembered(void **state)
{
	struct text text = { .failed = true };

	(void)state;
	text_add(&text, "lost");
	assert_int_equal(text_error(&text), -ENOMEM);
	assert_string_equal(text_string(&text), "");
	assert_null(text_steal(&text));
	assert_int_equal(text_error(&text), 0);
}

static void test_equal_texts_have_the_same_bytes(void **state)
{
	struct text a = { 0 }, b = { 0 };

	(void)state;
	assert_true(text_equal(&a, &b));
	text_add_bytes(&a, "x\0y", 3);
	assert_false(text_equal(&a, &b));
	text_add_bytes(&b, "x\0z", 3);
	assert_false(text_equal(&a, &b));
	b.data[2] = 'y';
	assert_true(text_equal(&a, &b));
	text_add_bytes(&b, "", 1);
	assert_false(text_equal(&a, &b));
	text_done(&a);
	text_done(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts_as_the_empty_string),
		cmocka_unit_test(test_adds_strings_bytes_and_numbers),
		cmocka_unit_test(test_grows_and_stays_terminated),
		cmocka_unit_test(test_keeps_nul_bytes),
		cmocka_unit_test(test_steal_hands_over_and_empties),
		cmocka_unit_test(test_equal_texts_have_the_same_bytes),
		cmocka_unit_test(test_a_lost_addition_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
