/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files below a root, and those that are none. */

#include "text.h"
#include "tree.h"

static void test_an_attribute_is_read_without_its_newline(void **state)
{
	struct tree tree;
	char buffer[8];

	(void)state;
	tree_open(&tree);
	tree_file(&tree, "a/boot_vga", "1\n", 2);
	assert_int_equal(root_read(&tree.root, "a/boot_vga", buffer, sizeof(buffer)), 1);
	assert_string_equal(buffer, "1");
	tree_file(&tree, "empty", "", 0);
	assert_int_equal(root_read(&tree.root, "empty", buffer, sizeof(buffer)), 0);
	assert_string_equal(buffer, "");
	tree_file(&tree, "long", "123456789\n", 10);
	assert_int_equal(root_read(&tree.root, "long", buffer, sizeof(buffer)), 7);
	assert_string_equal(buffer, "1234567");
	assert_true(root_read(&tree.root, "missing", buffer, sizeof(buffer)) == -ENOENT);
	assert_string_equal(buffer, "");
	tree_done(&tree);
}

static void test_reading_from_an_offset(void **state)
{
	struct tree tree;
	char buffer[4];

	(void)state;
	tree_open(&tree);
	tree_file(&tree, "config", "0123456789", 10);
	assert_int_equal(root_read_at(&tree.root, "config", buffer, 4, 8), 2);
	assert_true(buffer[0] == '8' && buffer[1] == '9');
	assert_int_equal(root_read_at(&tree.root, "config", buffer, 4, 256), 0);
	tree_done(&tree);
}

struct limit_case {
	const char *name;
	size_t size, limit;
	int result;
	size_t length;
};

static const struct limit_case limits[] = {
	{ "below the limit", 99, 100, 0, 99 },
	{ "at the limit", 100, 100, 0, 100 },
	{ "above the limit", 101, 100, 1, 100 },
	{ "far above the limit", 5000, 100, 1, 100 },
	{ "empty", 0, 100, 0, 0 },
};

static void test_limit(void **state)
{
	const struct limit_case *row = *state;
	char bytes[5000];
	struct tree tree;

	memset(bytes, 'x', sizeof(bytes));
	tree_open(&tree);
	tree_file(&tree, "file", bytes, row->size);
	for (int i = 0; i < 2; i++) {
		struct text text = { 0 };
		int result = i ? root_read_proc(&tree.root, "file", row->limit, &text)
			       : root_read_file(&tree.root, "file", row->limit, &text);

		assert_int_equal(result, row->result);
		assert_int_equal(text.length, row->length);
		assert_int_equal(strlen(text_string(&text)), row->length);
		text_done(&text);
	}
	tree_done(&tree);
}

static void test_what_is_no_regular_file_is_not_read(void **state)
{
	struct text text = { 0 };
	struct tree tree;

	(void)state;
	tree_open(&tree);
	tree_directory(&tree, "directory");
	assert_true(root_read_file(&tree.root, "directory", 10, &text) == -EISDIR);
	tree_parent(&tree, "fifo");
	assert_int_equal(mknodat(tree.root.fd, "fifo", S_IFIFO | 0600, 0), 0);
	tree_made(&tree, "fifo");
	assert_true(root_read_file(&tree.root, "fifo", 10, &text) == -EINVAL);
	assert_true(root_read_file(&tree.root, "missing", 10, &text) == -ENOENT);
	tree_link(&tree, "loop", "loop");
	assert_true(root_read_file(&tree.root, "loop", 10, &text) == -ELOOP);
	assert_int_equal(text.length, 0);
	text_done(&text);
	tree_done(&tree);
}

static void test_writing_creates_no_attribute(void **state)
{
	char buffer[32];
	struct tree tree;

	(void)state;
	tree_open(&tree);
	assert_true(root_write(&tree.root, "driver_override", "vfio-pci") == -ENOENT);
	tree_file(&tree, "driver_override", "(null)\n and more", 16);
	assert_int_equal(root_write(&tree.root, "driver_override", "vfio-pci"), 0);
	root_read(&tree.root, "driver_override", buffer, sizeof(buffer));
	assert_string_equal(buffer, "vfio-pci");
	tree_done(&tree);
}

static void test_creating_makes_the_directories_and_replaces(void **state)
{
	static const char *const contents[] = { "first", "second one", "" };
	char buffer[32];
	struct tree tree;

	(void)state;
	tree_open(&tree);
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		assert_int_equal(
			root_create(&tree.root, "run/a/b/report", contents[i], strlen(contents[i])),
			0);
		root_read(&tree.root, "run/a/b/report", buffer, sizeof(buffer));
		assert_string_equal(buffer, contents[i]);
		assert_false(root_has(&tree.root, "run/a/b/report.new"));
	}
	tree_made(&tree, "run");
	tree_made(&tree, "run/a");
	tree_made(&tree, "run/a/b");
	tree_made(&tree, "run/a/b/report");
	tree_done(&tree);
}

static void test_creating_does_not_follow_a_link(void **state)
{
	char buffer[32];
	struct tree tree;

	(void)state;
	tree_open(&tree);
	tree_file(&tree, "victim", "mine", 4);
	tree_link(&tree, "report.new", "victim");
	assert_true(root_create(&tree.root, "report", "text", 4) < 0);
	root_read(&tree.root, "victim", buffer, sizeof(buffer));
	assert_string_equal(buffer, "mine");
	tree_done(&tree);
}

static void test_creating_that_fails_leaves_nothing(void **state)
{
	struct tree tree;

	(void)state;
	tree_open(&tree);
	tree_directory(&tree, "report");
	tree_file(&tree, "report/file", "", 0);
	assert_true(root_create(&tree.root, "report", "text", 4) < 0);
	assert_false(root_has(&tree.root, "report.new"));
	tree_file(&tree, "file", "", 0);
	assert_true(root_create(&tree.root, "file/below", "text", 4) == -ENOTDIR);
	tree_done(&tree);
}

static void test_links(void **state)
{
	char buffer[16];
	struct tree tree;

	(void)state;
	tree_open(&tree);
	tree_link(&tree, "driver", "../../bus/pci/drivers/vfio-pci");
	tree_link(&tree, "short", "nvme");
	assert_int_equal(root_link_name(&tree.root, "driver", buffer, sizeof(buffer)), 0);
	assert_string_equal(buffer, "vfio-pci");
	assert_int_equal(root_link_name(&tree.root, "short", buffer, sizeof(buffer)), 0);
	assert_string_equal(buffer, "nvme");
	assert_int_equal(root_link(&tree.root, "short", buffer, sizeof(buffer)), 0);
	assert_string_equal(buffer, "nvme");
	assert_true(root_link(&tree.root, "driver", buffer, sizeof(buffer)) == -ENAMETOOLONG);
	assert_true(root_link_name(&tree.root, "none", buffer, sizeof(buffer)) == -ENOENT);
	tree_done(&tree);
}

static void test_names_are_sorted_by_bytes(void **state)
{
	static const char *const expected[] = { "10", "9", "Z", "a", "b" };
	char **names = NULL;
	size_t count = 0;
	struct tree tree;

	(void)state;
	tree_open(&tree);
	tree_file(&tree, "d/b", "", 0);
	tree_file(&tree, "d/10", "", 0);
	tree_file(&tree, "d/.hidden", "", 0);
	tree_file(&tree, "d/a", "", 0);
	tree_file(&tree, "d/Z", "", 0);
	tree_file(&tree, "d/9", "", 0);
	assert_int_equal(root_names(&tree.root, "d", &names, &count), 0);
	assert_int_equal(count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < count; i++)
		assert_string_equal(names[i], expected[i]);
	names_free(names, count);
	assert_true(root_names(&tree.root, "none", &names, &count) == -ENOENT);
	assert_true(root_names(&tree.root, "d/a", &names, &count) == -ENOTDIR);
	tree_done(&tree);
}

static void test_roots(void **state)
{
	struct root root = ROOT_NONE;

	(void)state;
	assert_true(root_open(&root, "/no/such/directory") == -ENOENT);
	assert_int_equal(root_open(&root, "/"), 0);
	assert_true(root.live);
	root_done(&root);
	assert_true(root.fd < 0);
	assert_int_equal(root_open(&root, "/tmp"), 0);
	assert_false(root.live);
	root_done(&root);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_attribute_is_read_without_its_newline),
		cmocka_unit_test(test_reading_from_an_offset),
		cmocka_unit_test(test_what_is_no_regular_file_is_not_read),
		cmocka_unit_test(test_writing_creates_no_attribute),
		cmocka_unit_test(test_creating_makes_the_directories_and_replaces),
		cmocka_unit_test(test_creating_does_not_follow_a_link),
		cmocka_unit_test(test_creating_that_fails_leaves_nothing),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_names_are_sorted_by_bytes),
		cmocka_unit_test(test_roots),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	failed += RUN_TABLE(limits, test_limit);
	return failed != 0;
}
