/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report: written, read back, and read when it is damaged. */

#include "machine.h"
#include "report.h"
#include "tree.h"

/* The records of a text as "word key=<value> ...;". */
static const char *render(const char *report, struct text *text)
{
	char *copy = strdup(report), *cursor = copy;
	struct report_record record;

	assert_non_null(copy);
	while (report_next(&cursor, &record)) {
		text_add(text, record.word);
		for (size_t i = 0; i < record.count; i++)
			text_add(text, " ", record.fields[i].key, "=<", record.fields[i].value,
				 ">");
		text_add(text, ";");
	}
	free(copy);
	return text_string(text);
}

struct read_case {
	const char *name, *text, *result;
};

static const struct read_case reads[] = {
	{ "nothing", "", "" },
	{ "a word alone", "report\n", "report;" },
	{ "fields", "module driver=a path=/b\nline at=/c:1\n",
	  "module driver=<a> path=</b>;line at=</c:1>;" },
	{ "no last newline", "line at=x", "line at=<x>;" },
	{ "quotes", "line reason=\"a b\" at=x\n", "line reason=<a b> at=<x>;" },
	{ "an empty value", "line reason=\"\" at=\n", "line reason=<> at=<>;" },
	{ "escapes", "line reason=\"\\\"\\\\\\x41\\x1b\"\n", "line reason=<\"\\A\x1b>;" },
	{ "an equals sign in a value", "line at=a=b\n", "line at=<a=b>;" },
	{ "a quote inside a value is no quote", "line at=a\"b\n", "line at=<a\"b>;" },
	{ "what goes on behind a quoted value is damaged", "line a=\"b\"c\nline d=e\n",
	  "line d=<e>;" },
	{ "quotes that never end", "line a=\"b\nline d=e\n", "line d=<e>;" },
	{ "a backslash at the end", "line a=\"b\\\nline d=e\n", "line d=<e>;" },
	{ "a bad escape", "line a=\"\\xg0\"\nline a=\"\\x4\"\nline d=e\n", "line d=<e>;" },
	{ "a field without a value", "line a\nline d=e\n", "line d=<e>;" },
	{ "empty lines", "\n\n a=b\nline d=e\n\n", "line d=<e>;" },
	{ "two blanks", "line  a=b\nline d=e\n", "line  a=<b>;line d=<e>;" },
	{ "a line cut off", "line at=x\nfunction addr", "line at=<x>;" },
	{ "binary junk",
	  "\x7f"
	  "ELF\x01 \xff\xfe\nline d=e\n",
	  "line d=<e>;" },
	{ "more fields than a record has",
	  "x 1= 2= 3= 4= 5= 6= 7= 8= 9= 10= 11= 12= 13= 14= 15= 16= 17=\nline d=e\n",
	  "x 1=<> 2=<> 3=<> 4=<> 5=<> 6=<> 7=<> 8=<> 9=<> 10=<> 11=<> 12=<> 13=<> 14=<> "
	  "15=<> 16=<>;line d=<e>;" },
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
		assert_string_equal(record.word, "line");
		assert_int_equal(record.count, 2);
		assert_string_equal(report_value(&record, "reason"), values[i]);
		assert_string_equal(report_value(&record, "at"), "end");
		assert_string_equal(report_value(&record, "other"), "");
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
	static const char config[] = "bind 01:00.0\nbind 02:00.0\nbind 09:00.0\nkeep class=01";
	const struct trial_input input = { .config = config,
					   .machine = MACHINE,
					   .cmdline = "vfio_early=work,x" };
	struct confdir confdir = { 0 };
	struct loadplan loadplan = { 0 };
	struct verdicts verdicts = { 0 };
	struct report report = { .kernel = "6.1.0-test", .time = 12345, .mode = "dry-run" };
	const struct root root = ROOT_NONE;
	struct text text = { 0 }, result = { 0 };
	struct trial trial;

	(void)state;
	trial_run(&trial, &input);
	assert_int_equal(verdicts_make(&root, &trial.match, &loadplan, NULL, &verdicts), 0);
	assert_int_equal(conf_parse(&confdir.conf, "/etc/x", "bad line", 8, false), 0);
	report.cmdline = &trial.cmdline;
	report.confdir = &confdir;
	report.loadplan = &loadplan;
	report.verdicts = &verdicts;
	report_format(&report, &text);
	assert_int_equal(text_error(&text), 0);
	render(text_string(&text), &result);
	assert_non_null(prefix_skip(text_string(&result), "report version=<1> program=<"));
	assert_non_null(strstr(text_string(&result), " kernel=<6.1.0-test> time=<12345> "
						     "mode=<dry-run>"));
	assert_string_equal(
		strstr(text_string(&result), "profile"),
		"profile name=<work>;profile name=<x>;"
		"error at=</etc/x:1:1> result=<invalid> reason=<bad is no statement; bind, "
		"keep, option, start and [NAME] are>;"
		"line at=<f:1> result=<planned>;line at=<f:2> result=<planned>;"
		"line at=<f:3> result=<absent> reason=<no device at 0000:09:00.0>;"
		"line at=<f:4> result=<active>;"
		"function address=<0000:01:00.0> line=<f:1> id=<10de:1c03> class=<030000> "
		"was=<nouveau> target=<vfio-pci> driver=<nouveau> result=<planned>;"
		"function address=<0000:02:00.0> line=<f:2> id=<8086:10d3> class=<020000> "
		"was=<-> target=<vfio-pci> driver=<-> result=<planned>;");
	text_done(&text);
	text_done(&result);
	verdicts_done(&verdicts);
	confdir_done(&confdir);
	trial_done(&trial);
}

static void test_modules(void **state)
{
	int outcomes[] = { 0, -ENOENT, OUTCOME_NOT_TRIED, OUTCOME_RUNNING };
	const struct applied applied = { .modules = outcomes };
	struct loadplan loadplan = { 0 };
	struct report report = { .kernel = "k", .mode = "normal", .note = "a note" };
	struct text text = { 0 }, result = { 0 };

	(void)state;
	assert_int_equal(loadplan_parse(&loadplan, "[d]\n/a\n/b\n/c d=1\n/e\n"), 0);
	report.loadplan = &loadplan;
	report.applied = &applied;
	report_format(&report, &text);
	render(text_string(&text), &result);
	assert_non_null(strstr(text_string(&result), " note=<a note>"));
	assert_string_equal(
		strstr(text_string(&result), "module"),
		"module driver=<d> path=</a> result=<loaded>;"
		"module driver=<d> path=</b> result=<failed> reason=<No such file or "
		"directory (not in this image, or without a module it needs; rebuild it)>;"
		"module driver=<d> path=</c> result=<skipped>;"
		"module driver=<d> path=</e> result=<failed> reason=<it hangs inside the "
		"kernel>;");
	text_done(&text);
	text_done(&result);
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
