/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the log, and the words of results. */

#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "log.h"
#include "result.h"

/* What one line comes to at the other end of a pipe, in `buffer`. */
static void read_line(bool kernel, enum log_level level, const char *text, char *buffer,
		      size_t size)
{
	int ends[2];
	ssize_t length;

	assert_int_equal(pipe(ends), 0);
	log_to(ends[1], kernel);
	log_line(level, text, "!");
	close(ends[1]);
	length = read(ends[0], buffer, size - 1);
	assert_true(length > 0);
	buffer[length] = '\0';
	close(ends[0]);
}

static void test_plain_lines(void **state)
{
	char line[64];

	(void)state;
	read_line(false, LOG_INFO, "bound", line, sizeof(line));
	assert_string_equal(line, "vfio-early: bound!\n");
}

static void test_kernel_lines_have_their_level(void **state)
{
	char line[64];

	(void)state;
	read_line(true, LOG_INFO, "bound", line, sizeof(line));
	assert_string_equal(line, "<6>vfio-early: bound!\n");
	read_line(true, LOG_WARNING, "bound", line, sizeof(line));
	assert_string_equal(line, "<4>vfio-early: bound!\n");
	read_line(true, LOG_ERROR, "bound", line, sizeof(line));
	assert_string_equal(line, "<3>vfio-early: bound!\n");
}

static void test_no_input_writes_a_second_line(void **state)
{
	char line[64];

	(void)state;
	read_line(true, LOG_INFO, "a\n<0>b\x1b[2J\r\t\x7f\xc2\x9b", line, sizeof(line));
	assert_string_equal(line, "<6>vfio-early: a?<0>b?[2J??" "??" "?!\n");
}

static void test_a_long_line_is_cut_and_still_one(void **state)
{
	char text[2000], line[3000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int kernel = 0; kernel < 2; kernel++) {
		read_line(kernel, LOG_INFO, text, line, sizeof(line));
		assert_true(strlen(line) <= LOG_LINE_MAX + 1);
		assert_true(strlen(line) > LOG_LINE_MAX - 8);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	}
}

static void test_a_log_that_is_gone_is_no_matter(void **state)
{
	(void)state;
	log_to(-1, true);
	log_line(LOG_ERROR, "nobody hears it");
	log_to(STDERR_FILENO, false);
}

static void test_result_names(void **state)
{
	(void)state;
	for (int result = RESULT_NONE; result <= RESULT_FAILED; result++)
		assert_int_equal(result_parse(result_name(result)), result);
	assert_string_equal(result_name(RESULT_AMBIGUOUS), "ambiguous");
	assert_string_equal(result_name(RESULT_FENCED), "fenced");
	assert_int_equal(result_parse(""), RESULT_NONE);
	assert_int_equal(result_parse("Bound"), RESULT_NONE);
	assert_int_equal(result_parse("boundx"), RESULT_NONE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_lines),
		cmocka_unit_test(test_kernel_lines_have_their_level),
		cmocka_unit_test(test_no_input_writes_a_second_line),
		cmocka_unit_test(test_a_long_line_is_cut_and_still_one),
		cmocka_unit_test(test_a_log_that_is_gone_is_no_matter),
		cmocka_unit_test(test_result_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
