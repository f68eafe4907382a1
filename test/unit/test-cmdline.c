/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel command line: our switch, and the module parameters that modprobe would read. */

#include <string.h>

#include "cases.h"
#include "cmdline.h"

struct switch_case {
	const char *name, *text;
	bool off, dry_run;
	const char *profiles; /* each with a blank behind it */
	const char *wrong;    /* NULL: nothing */
};

static const struct switch_case switches[] = {
	{ "nothing", "", false, false, "", NULL },
	{ "nothing of ours", "root=/dev/sda1 quiet\n", false, false, "", NULL },
	{ "off", "quiet vfio_early=off\n", true, false, "", NULL },
	{ "dry-run", "vfio_early=dry-run quiet", false, true, "", NULL },
	{ "a profile", "vfio_early=gaming", false, false, "gaming ", NULL },
	{ "several with commas", "vfio_early=a,dry-run,b,off", true, true, "a b ", NULL },
	{ "several words", "vfio_early=a quiet vfio_early=b", false, false, "a b ", NULL },
	{ "empty ones are passed over", "vfio_early=,a,,", false, false, "a ", NULL },
	{ "no word at all", "vfio_early=", false, false, "", "vfio_early=" },
	{ "no equals sign", "quiet vfio_early", false, false, "", "vfio_early" },
	{ "another sign", "vfio_early.off", false, false, "", "vfio_early.off" },
	{ "a longer name", "vfio_early_x=off", false, false, "", "vfio_early_x=off" },
	{ "another name", "xvfio_early=off", false, false, "", NULL },
	{ "- for _, as the kernel allows", "vfio-early=off", true, false, "", NULL },
	{ "quotes around the word", "\"vfio_early=off\"", true, false, "", NULL },
	{ "quotes around the value", "vfio_early=\"a,off\"", true, false, "a ", NULL },
	{ "a bad name is told, and the others count", "vfio_early=a,b.c,d,e/f", false, false,
	  "a d ", "b.c" },
	{ "any blank parts words", "a\tvfio_early=off\nb", true, false, "", NULL },
	{ "not inside quotes of another word", "a=\"x vfio_early=off y\"", false, false, "", NULL },
	{ "a quote that never ends", "a=\"x vfio_early=off", false, false, "", NULL },
	{ "the name in upper case", "VFIO_EARLY=off", true, false, "", NULL },
	{ "switches in upper case", "vfio_early=OFF,Dry-Run", true, true, "", NULL },
	{ "a switch that is too long", "vfio_early=OFFX", false, false, "OFFX ", NULL },
	{ "16 profiles at most", "vfio_early=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r", false, false,
	  "a b c d e f g h i j k l m n o p ", "q" },
};

static void test_switch(void **state)
{
	const struct switch_case *row = *state;
	struct cmdline cmdline = { 0 };
	struct text profiles = { 0 };

	assert_int_equal(cmdline_parse(&cmdline, row->text), 0);
	assert_int_equal(cmdline.off, row->off);
	assert_int_equal(cmdline.dry_run, row->dry_run);
	for (size_t i = 0; i < cmdline.profile_count; i++)
		text_add(&profiles, cmdline.profiles[i], " ");
	assert_string_equal(text_string(&profiles), row->profiles);
	assert_string_equal(cmdline.wrong ? cmdline.wrong : "", row->wrong ? row->wrong : "");
	text_done(&profiles);
	cmdline_done(&cmdline);
}

static void test_names_that_no_heading_has(void **state)
{
	static const char text[] = "[gaming]\nbind 01:00.0\n[empty]\n";
	static const char *const rows[][2] = { { "vfio_early=gaming,empty", "" },
					       { "vfio_early=gamming", "gamming" },
					       { "vfio_early=gaming,of", "of" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cmdline cmdline = { 0 };
		struct conf conf = { 0 };

		assert_int_equal(conf_parse(&conf, "f", text, strlen(text), false), 0);
		assert_int_equal(cmdline_parse(&cmdline, rows[i][0]), 0);
		cmdline_check(&cmdline, &conf);
		assert_string_equal(cmdline.wrong ? cmdline.wrong : "", rows[i][1]);
		cmdline_done(&cmdline);
		conf_done(&conf);
	}
}

struct module_case {
	const char *name, *text, *module, *options;
	bool blacklisted;
};

static const struct module_case modules[] = {
	{ "a parameter", "vfio_pci.disable_vga=1", "vfio_pci", " disable_vga=1", false },
	{ "- and _ are the same in the module's name", "vfio-pci.disable_vga=1 vfio_pci.ids=1:2",
	  "vfio_pci", " disable_vga=1 ids=1:2", false },
	{ "the value stays as it is", "vfio-pci.a-b=c-d.e", "vfio_pci", " a-b=c-d.e", false },
	{ "a parameter without a value", "kvm.nx", "kvm", " nx", false },
	{ "a value with blanks in quotes", "m.s=\"a b\" n.s=1", "m", " s=\"a b\"", false },
	{ "not another module's", "vfio_pci_core.x=1 vfio.x=1 xvfio_pci.x=1", "vfio_pci", "",
	  false },
	{ "no dot", "vfio_pci vfio_pci=1", "vfio_pci", "", false },
	{ "modprobe.blacklist=", "modprobe.blacklist=nouveau,vfio-pci", "vfio_pci", "", true },
	{ "modprobe.blacklist= alone in the list", "modprobe.blacklist=vfio_pci", "vfio_pci", "",
	  true },
	{ "modprobe.blacklist= of another", "modprobe.blacklist=vfio_pci_core,vfio", "vfio_pci", "",
	  false },
	{ "modprobe.blacklist= twice", "modprobe.blacklist=a modprobe.blacklist=,vfio_pci",
	  "vfio_pci", "", true },
	{ "module_blacklist= is the kernel's own", "module_blacklist=vfio_pci", "vfio_pci", "",
	  false },
	{ "nothing", "", "vfio_pci", "", false },
};

static void test_module(void **state)
{
	const struct module_case *row = *state;
	struct cmdline cmdline = { 0 };
	struct text options = { 0 };

	assert_int_equal(cmdline_parse(&cmdline, row->text), 0);
	cmdline_module_options(&cmdline, row->module, &options);
	assert_string_equal(text_string(&options), row->options);
	assert_int_equal(cmdline_blacklists(&cmdline, row->module), row->blacklisted);
	text_done(&options);
	cmdline_done(&cmdline);
}

static void test_nothing_was_parsed(void **state)
{
	struct cmdline cmdline = { 0 };
	struct text options = { 0 };

	(void)state;
	cmdline_module_options(&cmdline, "vfio", &options);
	assert_string_equal(text_string(&options), "");
	assert_false(cmdline_blacklists(&cmdline, "vfio"));
	cmdline_done(&cmdline);
}

static void test_module_names(void **state)
{
	(void)state;
	assert_true(module_name_equal("vfio-pci", 8, "vfio_pci"));
	assert_true(module_name_equal("vfio_pci.x", 8, "vfio-pci"));
	assert_false(module_name_equal("vfio-pci", 4, "vfio_pci"));
	assert_false(module_name_equal("vfio-pci", 8, "vfio"));
	assert_true(module_name_equal("", 0, ""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_that_no_heading_has),
		cmocka_unit_test(test_nothing_was_parsed),
		cmocka_unit_test(test_module_names),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	failed += RUN_TABLE(switches, test_switch);
	failed += RUN_TABLE(modules, test_module);
	return failed != 0;
}
