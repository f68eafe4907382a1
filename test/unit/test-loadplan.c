/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of modules: read, damaged, written. */

#include <string.h>

#include "cases.h"
#include "loadplan.h"
#include "tree.h"

struct plan_case {
	const char *name, *text;
	const char *result; /* "driver: path options line;" each, then drivers in brackets */
	size_t bad_line;
};

static const struct plan_case plans[] = {
	{ "nothing", "", "", 0 },
	{ "comments and blank lines", "# Modules\n\n#/x\n", "", 0 },
	{ "modules in their order, with their options",
	  "# Modules\n[vfio-pci]\n/lib/a.ko\n/lib/b.ko.xz x=1 y\n",
	  "vfio-pci:/lib/a.ko||3;vfio-pci:/lib/b.ko.xz|x=1 y|4;[vfio-pci]", 0 },
	{ "two drivers", "[vfio-pci]\n/lib/a.ko\n[mlx5]\n/lib/a.ko\n/lib/c.ko\n",
	  "vfio-pci:/lib/a.ko||2;mlx5:/lib/a.ko||4;mlx5:/lib/c.ko||5;[vfio-pci][mlx5]", 0 },
	{ "a driver that is built in", "[vfio-pci]\n", "[vfio-pci]", 0 },
	{ "no last newline", "[vfio-pci]\n/lib/a.ko", "vfio-pci:/lib/a.ko||2;[vfio-pci]", 0 },
	{ "a module without a driver is bad, what follows counts",
	  "/lib/a.ko\n[vfio-pci]\n/lib/b.ko\n", "vfio-pci:/lib/b.ko||3;[vfio-pci]", 1 },
	{ "a relative path is bad", "[vfio-pci]\nlib/a.ko\n/lib/b.ko\n",
	  "vfio-pci:/lib/b.ko||3;[vfio-pci]", 2 },
	{ "the first of several bad lines", "[vfio-pci]\n?\n/lib/b.ko\n?\n",
	  "vfio-pci:/lib/b.ko||3;[vfio-pci]", 2 },
	{ "a heading without a name is bad", "[]\n/lib/a.ko\n", "", 1 },
	{ "a heading without its bracket is bad", "[vfio-pci\n/lib/a.ko\n", "", 1 },
	{ "binary junk",
	  "\x7f"
	  "ELF\x01\x02\n\xff\xfe\n",
	  "", 1 },
};

static const char *render(const struct loadplan *plan, struct text *text)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct module *module = &plan->modules[i];

		text_add(text, module->driver, ":", module->path, "|", module->options, "|");
		text_add_number(text, module->line, 10, 1);
		text_add(text, ";");
	}
	for (size_t i = 0; i < plan->driver_count; i++)
		text_add(text, "[", plan->drivers[i], "]");
	return text_string(text);
}

static void test_parse(void **state)
{
	const struct plan_case *row = *state;
	struct loadplan plan = { 0 };
	struct text text = { 0 };

	assert_int_equal(loadplan_parse(&plan, row->text), 0);
	assert_string_equal(render(&plan, &text), row->result);
	assert_int_equal(plan.bad_line, row->bad_line);
	text_done(&text);
	loadplan_done(&plan);
}

static void test_written_and_read_back(void **state)
{
	struct loadplan plan = { 0 }, again = { 0 };
	struct text text = { 0 }, first = { 0 }, second = { 0 };

	(void)state;
	assert_int_equal(loadplan_add_driver(&plan, "vfio-pci"), 0);
	assert_int_equal(loadplan_add(&plan, "/lib/vfio.ko", ""), 0);
	assert_int_equal(loadplan_add(&plan, "/lib/vfio-pci.ko.zst", "disable_vga=1"), 0);
	assert_int_equal(loadplan_add_driver(&plan, "pci-stub"), 0);
	assert_int_equal(loadplan_add_driver(&plan, "mlx5"), 0);
	assert_int_equal(loadplan_add(&plan, "/lib/mlx5.ko", ""), 0);
	loadplan_format(&plan, "6.1.0", &text);
	assert_non_null(prefix_skip(text_string(&text), "# "));
	assert_non_null(strstr(text_string(&text), " 6.1.0\n"));
	assert_string_equal(line_next(text_string(&text)),
			    "[vfio-pci]\n/lib/vfio.ko\n/lib/vfio-pci.ko.zst "
			    "disable_vga=1\n[pci-stub]\n[mlx5]\n/lib/mlx5.ko\n");

	assert_int_equal(loadplan_parse(&again, text_string(&text)), 0);
	assert_int_equal(again.bad_line, 0);
	for (size_t i = 0; i < plan.count; i++)
		plan.modules[i].line = again.modules[i].line;
	assert_string_equal(render(&plan, &first), render(&again, &second));
	text_done(&text);
	text_done(&first);
	text_done(&second);
	loadplan_done(&plan);
	loadplan_done(&again);
}

static void test_has(void **state)
{
	struct loadplan plan = { 0 };

	(void)state;
	assert_int_equal(loadplan_parse(&plan, "[a]\n/x.ko\n[b]\n/y.ko\n"), 0);
	assert_true(loadplan_has_driver(&plan, "a"));
	assert_true(loadplan_has_driver(&plan, "b"));
	assert_false(loadplan_has_driver(&plan, "c"));
	assert_true(loadplan_has_module(&plan, "b", "/y.ko"));
	assert_false(loadplan_has_module(&plan, "a", "/y.ko"));
	assert_false(loadplan_has_module(&plan, "b", "/y.ko.xz"));
	loadplan_done(&plan);
}

struct name_case {
	const char *name, *path, *module;
};

static const struct name_case names[] = {
	{ "dashes become underscores", "/lib/modules/6.1/vfio-pci.ko", "vfio_pci" },
	{ "a compressed file", "/lib/modules/6.1/vfio-pci-core.ko.xz", "vfio_pci_core" },
	{ "no directory", "vfio.ko", "vfio" },
	{ "dots in a directory", "/lib/modules/6.1.0-40/kvm.ko.zst", "kvm" },
	{ "no suffix", "/lib/kvm", "kvm" },
	{ "too long a name is cut",
	  "/lib/0123456789012345678901234567890123456789012345678901234567890.ko",
	  "0123456789012345678901234567890123456789012345678901234" },
};

static void test_module_name(void **state)
{
	const struct name_case *row = *state;
	char name[PCI_DRIVER_SIZE];

	loadplan_module_name(row->path, name);
	assert_string_equal(name, row->module);
}

struct load_case {
	const char *name, *initstate;
	int result;
};

static const struct load_case loads[] = {
	{ "not there: its file is opened", NULL, -ENOENT },
	{ "there: its file is not looked at", "live\n", 0 },
	{ "still starting: the kernel waits for it", "coming\n", -ENOENT },
	{ "on its way out", "going\n", -ENOENT },
};

static void test_load(void **state)
{
	const struct load_case *row = *state;
	const struct module module = { "vfio-pci", (char *)"/lib/vfio-pci.ko", (char *)"", 1 };
	const struct cmdline cmdline = { 0 };
	const struct conf conf = { 0 };
	struct tree tree;

	tree_open(&tree);
	tree.root.live = true;
	if (row->initstate)
		tree_file(&tree, "sys/module/vfio_pci/initstate", row->initstate,
			  strlen(row->initstate));
	assert_true(loadplan_load(&tree.root, &module, &conf, &cmdline) == row->result);
	tree_done(&tree);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_and_read_back),
		cmocka_unit_test(test_has),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	failed += RUN_TABLE(plans, test_parse);
	failed += RUN_TABLE(names, test_module_name);
	failed += RUN_TABLE(loads, test_load);
	return failed != 0;
}
