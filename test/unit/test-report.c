/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report: written, read back, and read when it is damaged. */

#include "machine.h"
#include "report.h"
#include "tree.h"

static void add_number(struct text *text, const char *before, uint64_t number)
{
	text_add(text, before);
	text_add_number(text, number, 16, 1);
}

static void add_record(const struct report_record *record, struct text *text)
{
	const struct report_function *function = &record->function;
	char address[PCI_ADDRESS_SIZE];

	switch (record->kind) {
	case REPORT_HEAD:
		add_number(text, "report ", record->head.version);
		add_number(text, " ", record->head.time);
		text_add(text, " <", record->head.kernel, "> <",
			 report_mode_name(record->head.mode), "> <", record->head.note, "> <",
			 record->head.wrong, ">");
		break;
	case REPORT_LINE:
		text_add(text, "line <", record->line.place, "> ", result_name(record->line.result),
			 " <", record->line.reason, ">");
		break;
	case REPORT_FUNCTION:
		text_add(text, "function ", pci_address_format(&function->address, address), " <",
			 function->line, ">");
		add_number(text, " ", function->class);
		text_add(text, " <", function->target, ">", function->rescue ? " rescue " : " ",
			 result_name(function->result), " <", function->reason, ">");
		break;
	case REPORT_RESCUE:
		text_add(text, "rescue ", pci_address_format(&record->rescue.address, address),
			 record->rescue.released ? " released" : " failed");
		break;
	}
	text_add(text, ";");
}

/* The records of a text as "line <at> result <reason>;". */
static const char *render(const char *report, struct text *text)
{
	char *copy = strdup(report), *cursor = copy;
	struct report_record record;

	assert_non_null(copy);
	while (report_next(&cursor, &record))
		add_record(&record, text);
	free(copy);
	return text_string(text);
}

struct read_case {
	const char *name, *text, *result;
};

#define GOOD "line at=e\n"
#define GOOD_READ "line <e> none <>;"

static const struct read_case reads[] = {
	{ "nothing", "", "" },
	{ "a word alone", "report\n", "report 0 0 <> <> <> <>;" },
	{ "the first record",
	  "report version=1 program=2 kernel=6.1 time=16 mode=dry-run errors=0 wrong=x "
	  "note=\"a b\"\n",
	  "report 1 10 <6.1> <dry-run> <a b> <x>;" },
	{ "a mode and numbers that are none", "report version=x time=-1 mode=x\n",
	  "report 0 0 <> <> <> <>;" },
	{ "a line", "line at=/c:1 result=absent reason=\"no such device\"\n",
	  "line </c:1> absent <no such device>;" },
	{ "a result that is none", "line at=/c:1 result=fine\n", "line </c:1> none <>;" },
	{ "a function",
	  "function address=0000:01:00.0 line=/c:1 id=10de:1c03 class=010802 was=- "
	  "target=vfio-pci driver=- rescue=release result=fenced reason=x\n",
	  "function 0000:01:00.0 </c:1> 10802 <vfio-pci> rescue fenced <x>;" },
	{ "a function without an address",
	  "function line=/c:1 result=bound\nfunction address=1:0 line=/c:1\n" GOOD, GOOD_READ },
	{ "a rescue",
	  "rescue address=0000:01:00.0 result=released\nrescue address=0000:01:00.1 "
	  "result=failed\nrescue result=released\n",
	  "rescue 0000:01:00.0 released;rescue 0000:01:00.1 failed;" },
	{ "records of other words", "module driver=a path=/b\nconfig file=/c\n" GOOD, GOOD_READ },
	{ "no last newline", "line at=x", "line <x> none <>;" },
	{ "quotes", "line reason=\"a b\" at=x\n", "line <x> none <a b>;" },
	{ "an empty value", "line reason=\"\" at=\n", "line <> none <>;" },
	{ "escapes", "line reason=\"\\\"\\\\\\x41\\x1b\"\n", "line <> none <\"\\A\x1b>;" },
	{ "an equals sign in a value", "line at=a=b\n", "line <a=b> none <>;" },
	{ "a quote inside a value is no quote", "line at=a\"b\n", "line <a\"b> none <>;" },
	{ "what goes on behind a quoted value is damaged", "line at=\"b\"c\n" GOOD, GOOD_READ },
	{ "quotes that never end", "line at=\"b\n" GOOD, GOOD_READ },
	{ "a backslash at the end", "line at=\"b\\\n" GOOD, GOOD_READ },
	{ "a bad escape", "line at=\"\\xg0\"\nline at=\"\\x4\"\n" GOOD, GOOD_READ },
	{ "a field without a value", "line at\n" GOOD, GOOD_READ },
	{ "empty lines", "\n\n a=b\n" GOOD "\n", GOOD_READ },
	{ "two blanks", "line  at=b\n" GOOD, "line <> none <>;" GOOD_READ },
	{ "a line cut off", "line at=x\nfunction addr", "line <x> none <>;" },
	{ "binary junk",
	  "\x7f"
	  "ELF\x01 \xff\xfe\n" GOOD,
	  GOOD_READ },
	{ "more fields than a record has",
	  "line 1= 2= 3= 4= 5= 6= 7= 8= 9= 10= 11= 12= 13= 14= 15= reason=x at=y\n" GOOD,
	  "line <> none <x>;" GOOD_READ },
	{ "the first of two fields counts", "line at=a at=b\n", "line <a> none <>;" },
};

static void test_read(void **state)
{
	const struct read_case *row = *state;
	struct text text = { 0 };

	assert_string_equal(render(row->text, &text), row->result);
	text_done(&text);
}

/* Every byte that a value can have comes back, and no value starts another record or field. */
static void test_any_value_comes_back(void **state)
{
	static const char *const values[] = { "",	  "plain",    "a b",	"\"",
					      "\\",	  "\\x41",    "a=b",	"\n\r\t\x01\x7f",
					      "\xc3\xa4", "\" x=\"y", "a\\\"b", " " };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct text text = { 0 };
		struct report_record record;
		char *cursor;

		text_add(&text, "line");
		report_add_field(&text, "reason", values[i]);
		report_add_field(&text, "at", "end");
		text_add(&text, "\n");
		cursor = text.data;
		assert_true(report_next(&cursor, &record));
		assert_int_equal(record.kind, REPORT_LINE);
		assert_string_equal(record.line.reason, values[i]);
		assert_string_equal(record.line.place, "end");
		assert_false(report_next(&cursor, &record));
		text_done(&text);
	}
}

/* Cut or changed anywhere, a report is read without harm; whatever is read is in bounds. */
static void test_damage_anywhere(void **state)
{
	static const char whole[] = "report version=1 mode=normal\nline at=/a:1 "
				    "result=fenced reason=\"x \\\"y\\\" \\x1b\"\n"
				    "function address=0000:01:00.0 result=fenced\n";
	static const char junk[] = "\"\\ =\n\xff";
	struct text text = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		for (size_t j = 0; j < sizeof(junk); j++) {
			char copy[sizeof(whole)];

			memcpy(copy, whole, sizeof(whole));
			copy[i] = junk[j];
			render(copy, &text);
		}
	}
	assert_true(text.length > 1000);
	text_done(&text);
}

#define MACHINE                                     \
	"01:00.0 10de:1c03 030000 driver=nouveau\n" \
	"02:00.0 8086:10d3 020000\n"

static void test_written(void **state)
{
	static const char config[] =
		"bind 01:00.0 rescue=release\nbind 02:00.0\nbind 09:00.0\nkeep class=01\n"
		"bind 10de:1c03";
	const struct trial_input input = { .config = config,
					   .machine = MACHINE,
					   .cmdline = "vfio_early=work,x" };
	struct confdir confdir = { 0 };
	struct loadplan loadplan = { 0 };
	struct report report = { .kernel = "6.1.0-test", .time = 12345, .mode = MODE_DRY_RUN };
	const struct root root = ROOT_NONE;
	struct text text = { 0 };
	struct trial trial;

	(void)state;
	trial_run(&trial, &input);
	assert_int_equal(claims_judge(&root, &loadplan, NULL, &trial.match), 0);
	assert_int_equal(conf_parse(&confdir.conf, "/etc/x", "bad line", 8, false), 0);
	report.cmdline = &trial.cmdline;
	report.confdir = &confdir;
	report.loadplan = &loadplan;
	report.match = &trial.match;
	report_format(&report, &text);
	assert_int_equal(text_error(&text), 0);
	assert_non_null(prefix_skip(text_string(&text), "report version=1 program="));
	assert_non_null(strstr(text_string(&text), " kernel=6.1.0-test time=12345 mode=dry-run"));
	assert_string_equal(
		strstr(text_string(&text), "profile"),
		"profile name=work\nprofile name=x\n"
		"error at=/etc/x:1:1 result=invalid reason=\"bad: unknown statement (expected "
		"bind, keep, option, start or [NAME])\"\n"
		"line at=f:1 result=planned\nline at=f:2 result=planned\n"
		"line at=f:3 result=absent reason=\"no device at 0000:09:00.0\"\n"
		"line at=f:4 result=active\nline at=f:5 result=planned\n"
		"function address=0000:01:00.0 line=f:1 id=10de:1c03 class=030000 "
		"was=nouveau target=vfio-pci driver=nouveau rescue=release "
		"result=planned\n"
		"function address=0000:02:00.0 line=f:2 id=8086:10d3 class=020000 "
		"was=- target=vfio-pci driver=- result=planned\n");
	text_done(&text);
	confdir_done(&confdir);
	trial_done(&trial);
}

static void test_modules(void **state)
{
	int outcomes[] = { 0, -ENOENT, OUTCOME_NOT_TRIED, OUTCOME_RUNNING };
	const struct applied applied = { .modules = outcomes };
	struct loadplan loadplan = { 0 };
	struct report report = { .kernel = "k", .mode = MODE_NORMAL, .note = "a note" };
	struct text text = { 0 };

	(void)state;
	assert_int_equal(loadplan_parse(&loadplan, "[d]\n/a\n/b\n/c d=1\n/e\n"), 0);
	report.loadplan = &loadplan;
	report.applied = &applied;
	report_format(&report, &text);
	assert_non_null(strstr(text_string(&text), " mode=normal note=\"a note\"\n"));
	assert_string_equal(strstr(text_string(&text), "module"),
			    "module driver=d path=/a result=loaded\n"
			    "module driver=d path=/b result=failed reason=\"No such file or "
			    "directory (not in this image, or without a module it needs; rebuild "
			    "it)\"\n"
			    "module driver=d path=/c result=skipped\n"
			    "module driver=d path=/e result=failed reason=\"it hangs inside the "
			    "kernel\"\n");
	text_done(&text);
	loadplan_done(&loadplan);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_value_comes_back),
		cmocka_unit_test(test_damage_anywhere),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_modules),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	failed += RUN_TABLE(reads, test_read);
	return failed != 0;
}
