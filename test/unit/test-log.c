/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the log, and the words of results. */

#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "log.h"
#include "result.h"
#include "tree.h"

/* Logs "TEXT!" to the kernel log of a root, and reads all that is in it. */
static void log_and_read(struct tree *tree, enum log_level level, const char *text, char *buffer,
			 size_t size)
{
	log_to_kernel(&tree->root);
	log_line(level, text, "!");
	log_to_kernel(NULL);
	assert_true(root_read_at(&tree->root, "dev/kmsg", buffer, size - 1, 0) > 0);
}

static void read_line(enum log_level level, const char *text, char *buffer, size_t size)
{
	struct tree tree;

	memset(buffer, 0, size);
	tree_open(&tree);
	tree_file(&tree, "dev/kmsg", "", 0);
	log_and_read(&tree, level, text, buffer, size);
	tree_done(&tree);
}

/* Reads what a line becomes on standard error. */
static void read_plain(const struct root *root, char *buffer, size_t size)
{
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t length;

	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_to_kernel(root);
	log_line(LOG_INFO, "bound", "!");
	log_to_kernel(NULL);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	length = read(ends[0], buffer, size - 1);
	assert_true(length > 0);
	buffer[length] = '\0';
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

static void test_plain_lines(void **state)
{
	struct tree tree;
	char line[64];

	(void)state;
	tree_open(&tree);
	read_plain(NULL, line, sizeof(line));
	assert_string_equal(line, "vfio-early: bound!\n");
	read_plain(&tree.root, line, sizeof(line)); /* it has no dev/kmsg */
	assert_string_equal(line, "vfio-early: bound!\n");
	tree_done(&tree);
}

/* The kernel drops all but ten lines of one open file: the eleventh needs another file. */
static void test_ten_lines_for_each_open_file(void **state)
{
	struct tree tree;
	char text[512] = "";

	(void)state;
	tree_open(&tree);
	tree_file(&tree, "dev/kmsg", "", 0);
	tree_file(&tree, "dev/new", "", 0);
	log_to_kernel(&tree.root);
	log_line(LOG_INFO, "1");
	assert_int_equal(renameat(tree.root.fd, "dev/kmsg", tree.root.fd, "dev/old"), 0);
	assert_int_equal(linkat(tree.root.fd, "dev/new", tree.root.fd, "dev/kmsg", 0), 0);
	for (int i = 0; i < 9; i++)
		log_line(LOG_INFO, "n");
	log_line(LOG_INFO, "11");
	log_to_kernel(NULL);
	assert_true(root_read_at(&tree.root, "dev/old", text, sizeof(text) - 1, 0) > 0);
	assert_int_equal(strlen(text), 10 * strlen("<6>vfio-early: 1\n"));
	memset(text, 0, sizeof(text));
	assert_true(root_read_at(&tree.root, "dev/kmsg", text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "<6>vfio-early: 11\n");
	assert_int_equal(unlinkat(tree.root.fd, "dev/old", 0), 0);
	tree_done(&tree);
}

static void test_kernel_lines_have_their_level(void **state)
{
	char line[64];

	(void)state;
	read_line(LOG_INFO, "bound", line, sizeof(line));
	assert_string_equal(line, "<6>vfio-early: bound!\n");
	read_line(LOG_WARNING, "bound", line, sizeof(line));
	assert_string_equal(line, "<4>vfio-early: bound!\n");
	read_line(LOG_ERROR, "bound", line, sizeof(line));
	assert_string_equal(line, "<3>vfio-early: bound!\n");
}

static void test_no_input_writes_a_second_line(void **state)
{
	char line[64];

	(void)state;
	read_line(LOG_INFO, "a\n<0>b\x1b[2J\r\t\x7f\xc2\x9b", line, sizeof(line));
	assert_string_equal(line, "<6>vfio-early: a?<0>b?[2J??"
				  "??"
				  "?!\n");
}

static void test_a_long_line_is_cut_and_still_one(void **state)
{
	char text[2000], line[3000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	read_line(LOG_INFO, text, line, sizeof(line));
	assert_true(strlen(line) <= LOG_LINE_MAX + 1);
	assert_true(strlen(line) > LOG_LINE_MAX - 8);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
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
		cmocka_unit_test(test_ten_lines_for_each_open_file),
		cmocka_unit_test(test_result_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
