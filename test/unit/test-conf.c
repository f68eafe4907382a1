/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The config language: text in, rules and errors with their places out. */

#include <string.h>

#include "cases.h"
#include "conf.h"
#include "text.h"

/* The rules and the errors as text: what the program understood. */

static void add_identity(struct text *text, const struct rule *rule)
{
	char buffer[PCI_PATH_SIZE];

	if (rule->given & CONDITION_ADDRESS)
		text_add(text, " address=", pci_address_format(&rule->address, buffer));
	if (rule->given & CONDITION_ID)
		text_add(text, " id=", pci_id_format(&rule->id, buffer));
	if (rule->given & CONDITION_SUBSYSTEM)
		text_add(text, " subsystem=", pci_id_format(&rule->subsystem, buffer));
	if (rule->given & CONDITION_CLASS) {
		text_add(text, " class=");
		text_add_number(text, rule->class, 16, rule->class_digits);
	}
	if (rule->given & CONDITION_PATH)
		text_add(text, " path=", pci_path_format(&rule->path, buffer));
	if (rule->given & CONDITION_SERIAL) {
		text_add(text, " serial=");
		text_add_number(text, rule->serial, 16, 16);
	}
}

static void add_settings(struct text *text, const struct rule *rule)
{
	static const char *const withs[] = { "nothing", "functions", "group" };

	if (rule->given & SETTING_COUNT) {
		text_add(text, " count=");
		text_add_number(text, rule->count, 10, 1);
	}
	if (rule->given & SETTING_WITH)
		text_add(text, " with=", withs[rule->with]);
	if (rule->given & SETTING_DRIVER)
		text_add(text, " driver=", rule->driver);
	if (rule->allow & ALLOW_BOOT_DISPLAY)
		text_add(text, " allow=boot-display");
	if (rule->allow & ALLOW_IN_USE)
		text_add(text, " allow=in-use");
	if (rule->rescue)
		text_add(text, " rescue");
}

static void add_rule(struct text *text, const struct rule *rule)
{
	static const char *const statements[] = { "bind", "keep", "option", "start" };

	place_add(&rule->place, text);
	text_add(text, " ", statements[rule->statement]);
	if (rule->profile)
		text_add(text, " [", rule->profile, "]");
	if (rule->generated)
		text_add(text, " generated");
	add_identity(text, rule);
	add_settings(text, rule);
	if (rule->statement == STATEMENT_OPTION)
		text_add(text, " ", rule->module, ": ", rule->options);
	if (rule->statement == STATEMENT_START)
		text_add(text, rule->start_init ? " init" : " hook");
	text_add(text, "\n");
}

static const char *render(const struct conf *conf, struct text *text)
{
	for (size_t i = 0; i < conf->count; i++)
		add_rule(text, &conf->rules[i]);
	for (size_t i = 0; i < conf->error_count; i++) {
		place_add(&conf->errors[i].place, text);
		text_add(text, ": ", conf->errors[i].message, "\n");
	}
	return text_string(text);
}

struct conf_case {
	const char *name, *text, *result;
};

static const struct conf_case good[] = {
	{ "nothing", "", "" },
	{ "blank lines and comments", "\n  \n\t# bind 01:00.0\n#\n", "" },
	{ "bare address", "bind 01:00.0\n", "f:1 bind address=0000:01:00.0\n" },
	{ "bare address with a domain", "bind 10000:e1:00.0\n",
	  "f:1 bind address=10000:e1:00.0\n" },
	{ "address=", "bind address=0000:01:00.0\n", "f:1 bind address=0000:01:00.0\n" },
	{ "bare ID", "bind 10de:1c03\n", "f:1 bind id=10de:1c03\n" },
	{ "id=", "bind id=10de:1c03\n", "f:1 bind id=10de:1c03\n" },
	{ "subsystem=", "bind subsystem=1458:3702\n", "f:1 bind subsystem=1458:3702\n" },
	{ "class= of two, four and six digits",
	  "bind class=03\nbind class=0c03\nbind class=0c0330\n",
	  "f:1 bind class=03\nf:2 bind class=0c03\nf:3 bind class=0c0330\n" },
	{ "path=", "bind path=00:1c.4/00.0\n", "f:1 bind path=0000:00:1c.4/00.0\n" },
	{ "serial=", "bind serial=00-1b-21-ff-ff-a5-6c-0c\n",
	  "f:1 bind serial=001b21ffffa56c0c\n" },
	{ "every condition at once",
	  "bind serial=00-1b-21-ff-ff-a5-6c-0c path=00:1c.4/00.0 class=02 "
	  "subsystem=8086:a01f 8086:10d3 02:00.0\n",
	  "f:1 bind address=0000:02:00.0 id=8086:10d3 subsystem=8086:a01f class=02 "
	  "path=0000:00:1c.4/00.0 serial=001b21ffffa56c0c\n" },
	{ "count=", "bind 10de:1c03 count=2\nbind 10de:1c03 count=65536\n",
	  "f:1 bind id=10de:1c03 count=2\nf:2 bind id=10de:1c03 count=65536\n" },
	{ "count=all", "bind 10de:1c03 count=all\n", "f:1 bind id=10de:1c03 count=0\n" },
	{ "an address with count=1 or count=all", "bind 01:00.0 count=1\nbind 01:00.0 count=all\n",
	  "f:1 bind address=0000:01:00.0 count=1\n"
	  "f:2 bind address=0000:01:00.0 count=0\n" },
	{ "with=", "bind 01:00.0 with=functions\nbind 01:00.0 with=group\n",
	  "f:1 bind address=0000:01:00.0 with=functions\n"
	  "f:2 bind address=0000:01:00.0 with=group\n" },
	{ "driver=", "bind 01:00.0 driver=auto\nbind 01:00.0 driver=mlx5_vfio_pci\n",
	  "f:1 bind address=0000:01:00.0 driver=auto\n"
	  "f:2 bind address=0000:01:00.0 driver=mlx5_vfio_pci\n" },
	{ "allow=, the one word that may come twice",
	  "bind 01:00.0 allow=in-use\nbind 01:00.0 allow=boot-display allow=in-use\n",
	  "f:1 bind address=0000:01:00.0 allow=in-use\n"
	  "f:2 bind address=0000:01:00.0 allow=boot-display allow=in-use\n" },
	{ "rescue=release", "bind 01:00.0 rescue=release\n",
	  "f:1 bind address=0000:01:00.0 rescue\n" },
	{ "settings in front of conditions", "bind count=2 10de:1c03\n",
	  "f:1 bind id=10de:1c03 count=2\n" },
	{ "keep", "keep 01:00.0\nkeep class=01 8086:2922\n",
	  "f:1 keep address=0000:01:00.0\nf:2 keep id=8086:2922 class=01\n" },
	{ "option",
	  "option vfio-pci disable_vga=1\noption kvm ignore_msrs=1  report=0\noption m x\n",
	  "f:1 option vfio-pci: disable_vga=1\n"
	  "f:2 option kvm: ignore_msrs=1 report=0\nf:3 option m: x\n" },
	{ "option whose name only ends with ids", "option usbhid quirkids=1\n",
	  "f:1 option usbhid: quirkids=1\n" },
	{ "start", "start hook\nstart init\n", "f:1 start hook\nf:2 start init\n" },
	{ "a profile holds to the end of the file",
	  "bind 01:00.0\n[gaming]\nbind 02:00.0\n[work] # both\nbind 03:00.0\n",
	  "f:1 bind address=0000:01:00.0\nf:3 bind [gaming] address=0000:02:00.0\n"
	  "f:5 bind [work] address=0000:03:00.0\n" },
	{ "comments behind statements", "bind 01:00.0 # the GPU\nbind 02:00.0 #\n",
	  "f:1 bind address=0000:01:00.0\nf:2 bind address=0000:02:00.0\n" },
	{ "blanks and tabs everywhere", " \tbind\t\t 01:00.0 \t \n",
	  "f:1 bind address=0000:01:00.0\n" },
	{ "CRLF", "bind 01:00.0\r\n\r\n# x\r\nbind 02:00.0\r\n",
	  "f:1 bind address=0000:01:00.0\nf:4 bind address=0000:02:00.0\n" },
	{ "a byte order mark",
	  "\xef\xbb\xbf"
	  "bind 01:00.0\n",
	  "f:1 bind address=0000:01:00.0\n" },
	{ "a byte order mark alone", "\xef\xbb\xbf", "" },
	{ "no last newline", "bind 01:00.0\nbind 02:00.0",
	  "f:1 bind address=0000:01:00.0\nf:2 bind address=0000:02:00.0\n" },
	{ "no last newline behind a CR", "bind 01:00.0\r", "f:1 bind address=0000:01:00.0\n" },
	{ "comments in UTF-8", "# Grafikkarte für die virtuelle Maschine ☃\nbind 01:00.0\n",
	  "f:2 bind address=0000:01:00.0\n" },
	{ "anything in a comment", "bind 01:00.0 # \a\x1b[31m\xff\n#\x01\n",
	  "f:1 bind address=0000:01:00.0\n" },
	{ "the same line twice is for the match to judge", "bind 01:00.0\nbind 01:00.0\n",
	  "f:1 bind address=0000:01:00.0\nf:2 bind address=0000:01:00.0\n" },
};

#define JUNK "a byte that is not printable ASCII"
#define NEITHER ": unknown condition or setting"
#define TWICE ": given twice"
#define NO_ADDRESS ": not a PCI address (expected, for example, 01:00.0)"
#define NO_ID ": not a vendor:device ID (expected, for example, 10de:1c03)"
#define NO_COUNT ": not a count (expected a number or all)"
#define NOT_IN_FORCE "The lines below do not count"
#define NO_PROFILE ": not a valid [NAME]. " NOT_IN_FORCE

#define CR "a carriage return inside the line"

static const struct conf_case bad[] = {
	{ "unknown statement", "bnd 01:00.0\n",
	  "f:1:1: bnd: unknown statement (expected bind, keep, option, start or [NAME])\n" },
	{ "statement in upper case", "  BIND 01:00.0\n",
	  "f:1:3: BIND: unknown statement (expected bind, keep, option, start or [NAME])\n" },
	{ "an address without a statement", "01:00.0\n",
	  "f:1:1: 01:00.0: unknown statement (expected bind, keep, option, start or [NAME])\n" },
	{ "bind alone", "bind\n", "f:1:1: bind: needs a device, such as an address or ID\n" },
	{ "bind with settings only", "bind with=group # 01:00.0\n",
	  "f:1:1: bind: needs a device, such as an address or ID\n" },
	{ "keep alone", "\tkeep\n", "f:1:2: keep: needs a device, such as an address or ID\n" },
	{ "unknown word", "bind 01:00.0 fast\n", "f:1:14: fast" NEITHER "\n" },
	{ "unknown NAME=VALUE", "bind 01:00.0 vendor=10de\n", "f:1:14: vendor=10de" NEITHER "\n" },
	{ "a keyword in upper case", "bind ID=10de:1c03\n", "f:1:6: ID=10de:1c03" NEITHER "\n" },
	{ "a keyword without its =", "bind 01:00.0 count\n", "f:1:14: count" NEITHER "\n" },
	{ "a comment needs a blank in front", "bind 01:00.0#gpu\n",
	  "f:1:6: 01:00.0#gpu" NO_ADDRESS "\n" },
	{ "bad hex in an address", "bind 0g:00.0\n", "f:1:6: 0g:00.0" NO_ADDRESS "\n" },
	{ "address out of range", "bind 01:20.0\n", "f:1:6: 01:20.0" NO_ADDRESS "\n" },
	{ "address= without a value", "bind address=\n", "f:1:6: address=" NO_ADDRESS "\n" },
	{ "address= with an ID", "bind address=10de:1c03\n",
	  "f:1:6: address=10de:1c03" NO_ADDRESS "\n" },
	{ "bad hex in an ID", "bind 10dx:1c03\n", "f:1:6: 10dx:1c03" NO_ID "\n" },
	{ "id= with an address", "bind id=01:00.0\n", "f:1:6: id=01:00.0" NO_ID "\n" },
	{ "bad subsystem", "bind subsystem=1458\n", "f:1:6: subsystem=1458" NO_ID "\n" },
	{ "bad class", "bind class=vga\n",
	  "f:1:6: class=vga: not a class (expected, for example, 03, 0c03 or 0c0330)\n" },
	{ "bad path", "bind path=1c.4/00.0\n",
	  "f:1:6: path=1c.4/00.0: not a path (expected, for example, 00:1c.4/00.0 from lspci -P)\n" },
	{ "bad serial", "bind serial=1234\n",
	  "f:1:6: serial=1234: not a serial number (expected, for example, "
	  "00-1b-21-ff-ff-a5-6c-0c from lspci -vv)\n" },
	{ "count of nothing", "bind 10de:1c03 count=\n", "f:1:16: count=" NO_COUNT "\n" },
	{ "count of zero", "bind 10de:1c03 count=0\n", "f:1:16: count=0" NO_COUNT "\n" },
	{ "count too high", "bind 10de:1c03 count=65537\n", "f:1:16: count=65537" NO_COUNT "\n" },
	{ "negative count", "bind 10de:1c03 count=-1\n", "f:1:16: count=-1" NO_COUNT "\n" },
	{ "count in hex", "bind 10de:1c03 count=0x2\n", "f:1:16: count=0x2" NO_COUNT "\n" },
	{ "count that overflows", "bind 10de:1c03 count=18446744073709551617\n",
	  "f:1:16: count=18446744073709551617" NO_COUNT "\n" },
	{ "an address with a count above 1", "  bind 01:00.0 count=2\n",
	  "f:1:3: bind: count= is above 1, but an address or path= selects one device\n" },
	{ "a path with a count above 1", "bind path=00:1c.4/00.0 count=2\n",
	  "f:1:1: bind: count= is above 1, but an address or path= selects one device\n" },
	{ "unknown with", "bind 01:00.0 with=card\n",
	  "f:1:14: with=card: expected functions or group\n" },
	{ "driver without a name", "bind 01:00.0 driver=\n",
	  "f:1:14: driver=: not a driver name\n" },
	{ "driver that is a path", "bind 01:00.0 driver=../vfio-pci\n",
	  "f:1:14: driver=../vfio-pci: not a driver name\n" },
	{ "driver with a name of 56 characters",
	  "bind 01:00.0 driver=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\n",
	  "f:1:14: driver=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv: "
	  "not a driver name\n" },
	{ "unknown allow", "bind 01:00.0 allow=all\n",
	  "f:1:14: allow=all: expected boot-display or in-use\n" },
	{ "unknown rescue", "bind 01:00.0 rescue=yes\n", "f:1:14: rescue=yes: expected release\n" },
	{ "address twice", "bind 01:00.0 address=01:00.0\n", "f:1:14: address=01:00.0" TWICE "\n" },
	{ "ID twice", "bind 10de:1c03 10de:1c04\n", "f:1:16: 10de:1c04" TWICE "\n" },
	{ "setting twice", "bind 01:00.0 with=group with=functions\n",
	  "f:1:25: with=functions" TWICE "\n" },
	{ "keep with a setting", "keep 01:00.0 with=group\n",
	  "f:1:1: keep: accepts conditions only\n" },
	{ "option without a module", "option\n", "f:1:1: option: needs a module\n" },
	{ "option of a bad module", "option a.b x=1\n", "f:1:8: a.b: needs a module\n" },
	{ "option without any", "option vfio-pci # x=1\n", "f:1:1: option: needs NAME=VALUE\n" },
	{ "option ids=", "option vfio-pci disable_vga=1 ids=10de:1c03\n",
	  "f:1:31: ids=10de:1c03: takes every device of that model. "
	  "Use bind lines\n" },
	{ "start alone", "start\n", "f:1:1: start: needs one word, hook or init\n" },
	{ "start anywhere else", "start early\n", "f:1:1: start: needs one word, hook or init\n" },
	{ "start with two words", "start hook init\n",
	  "f:1:1: start: needs one word, hook or init\n" },
	{ "profile without its bracket", "[gaming\nbind 01:00.0\n",
	  "f:2 bind [] address=0000:01:00.0\nf:1:1: [gaming" NO_PROFILE "\n" },
	{ "profile with something behind it", "[gaming] bind 01:00.0\n",
	  "f:1:1: [gaming]" NO_PROFILE "\n" },
	{ "profile with a blank in its name", "[my games]\n", "f:1:1: [my" NO_PROFILE "\n" },
	{ "profile without a name", "[]\n", "f:1:1: []" NO_PROFILE "\n" },
	{ "profile with a comma, which separates them", "[a,b]\n", "f:1:1: [a,b]" NO_PROFILE "\n" },
	{ "profile called off", "bind 01:00.0\n[off]\nbind 02:00.0\n",
	  "f:1 bind address=0000:01:00.0\nf:3 bind [] address=0000:02:00.0\n"
	  "f:2:1: [off]" NO_PROFILE "\n" },
	{ "profile called dry-run", "[dry-run]\n", "f:1:1: [dry-run]" NO_PROFILE "\n" },
	{ "a good profile ends a bad one", "[off]\nbind 01:00.0\n[work]\nbind 02:00.0\n",
	  "f:2 bind [] address=0000:01:00.0\nf:4 bind [work] address=0000:02:00.0\n"
	  "f:1:1: [off]" NO_PROFILE "\n" },
	{ "control character", "bind 01:00.0\nbind \x1b[31m02:00.0\n",
	  "f:1 bind address=0000:01:00.0\nf:2:6: " JUNK "\n" },
	{ "no other character than ASCII's", "bind 01:00.0 driver=v\xc3\xa4\n",
	  "f:1:22: " JUNK "\n" },
	{ "DEL", "bind\x7f", "f:1:5: " JUNK "\n" },
	{ "CR inside a line", "bind 01:00.0\r bind 02:00.0\n", "f:1:13: " CR "\n" },
	{ "two CRs at the end", "bind 01:00.0\r\r\n", "f:1:13: " CR "\n" },
	{ "CR inside a comment", "# a\rkeep 01:00.0\n", "f:1:4: " CR "\n" },
	{ "CR at the end of a comment", "# a\r\n", "" },
	{ "keep below a bad profile", "[off]\nkeep 01:00.0\n",
	  "f:1:1: [off]" NO_PROFILE "\nf:2:1: keep: below an invalid [NAME]\n" },
	{ "a profile in other brackets",
	  "\xe3\x80\x90"
	  "a]\nbind 01:00.0\n",
	  "f:2 bind [] address=0000:01:00.0\nf:1:1: " JUNK ". " NOT_IN_FORCE "\n" },
	{ "half of a profile", "gaming]\nbind 01:00.0\n",
	  "f:2 bind [] address=0000:01:00.0\n"
	  "f:1:1: gaming]" NO_PROFILE "\n" },
	{ "a second byte order mark",
	  "\xef\xbb\xbf\xef\xbb\xbf"
	  "bind 01:00.0\n",
	  "f:1:1: " JUNK ". " NOT_IN_FORCE "\n" },
	{ "a heading that is not ASCII", "[a]\n[K\xc3\xbc]\nbind 01:00.0\n[b]\nbind 02:00.0",
	  "f:3 bind [] address=0000:01:00.0\nf:5 bind [b] address=0000:02:00.0\n"
	  "f:2:3: " JUNK ". " NOT_IN_FORCE "\n" },
	{ "a heading with a control byte, after blanks", " \t[a\x01]\nbind 01:00.0",
	  "f:2 bind [] address=0000:01:00.0\nf:1:5: " JUNK ". " NOT_IN_FORCE "\n" },
	{ "ids= in quotes", "option vfio-pci \"ids=10de:1c03\"",
	  "f:1:17: \"ids=10de:1c03\": takes every device of that model. Use bind lines\n" },
	{ "binary junk",
	  "\xff\xfe"
	  "b\0i",
	  "f:1:1: " JUNK ". " NOT_IN_FORCE "\n" },
	{ "columns count from behind the byte order mark",
	  "\xef\xbb\xbf"
	  "bind 01:00.0 fast\n",
	  "f:1:14: fast" NEITHER "\n" },
	{ "columns count a tab as one", "bind\t01:00.0\tfast\n", "f:1:14: fast" NEITHER "\n" },
	{ "every bad line is told, every good one stays",
	  "bind 1\nbind 01:00.0\nkeep\n\nbind 02:00.0 with=group\nstart now\n",
	  "f:2 bind address=0000:01:00.0\nf:5 bind address=0000:02:00.0 with=group\n"
	  "f:1:6: 1" NEITHER "\nf:3:1: keep: needs a device, such as an address or ID\n"
	  "f:6:1: start: needs one word, hook or init\n" },
};

static void test_text(void **state)
{
	const struct conf_case *row = *state;
	struct conf conf = { 0 };
	struct text text = { 0 };

	assert_int_equal(conf_parse(&conf, "f", row->text, strlen(row->text), false), 0);
	assert_string_equal(render(&conf, &text), row->result);
	assert_int_equal(conf.error_total, conf.error_count);
	text_done(&text);
	conf_done(&conf);
}

/* Every good line also with each line end and without one: the result is the same. */
static void test_line_ends(void **state)
{
	const struct conf_case *row = *state;
	struct text crlf = { 0 }, result = { 0 };
	struct conf conf = { 0 };

	if (strchr(row->text, '\r'))
		return;
	for (const char *p = row->text; *p; p++) {
		if (*p == '\n')
			text_add(&crlf, "\r");
		text_add_bytes(&crlf, p, 1);
	}
	assert_int_equal(conf_parse(&conf, "f", text_string(&crlf), crlf.length, false), 0);
	assert_string_equal(render(&conf, &result), row->result);
	text_done(&crlf);
	text_done(&result);
	conf_done(&conf);
}

static void expect_bytes(const char *bytes, size_t length, const char *result)
{
	struct conf conf = { 0 };
	struct text text = { 0 };

	assert_int_equal(conf_parse(&conf, "f", bytes, length, false), 0);
	assert_string_equal(render(&conf, &text), result);
	text_done(&text);
	conf_done(&conf);
}

static void test_what_says_the_same(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "", "", true },
		{ "", "# a\n\n \t# b", true },
		{ "bind 01:00.0", "\xef\xbb\xbf\n  bind\t01:00.0  # a\r\n", true },
		{ "[a]\nbind 01:00.0\n", "[a]\n\nbind 01:00.0", true },
		{ "bind 01:00.0\n", "bind 01:00.0#a\n", false },
		{ "bind 01:00.0\n", "bind 01:00.0 # a\rkeep 02:00.0\n", false },
		{ "bind 01:00.0\nkeep 02:00.0\n", "keep 02:00.0\nbind 01:00.0\n", false },
		{ "bind 01:00.0\n", "bind 01:00.0\nbind 02:00.0\n", false },
		{ "bind 01:00.0 10de:1c03\n", "bind 01:00.0\n10de:1c03\n", false },
		{ "bind 01:00.0\n", "bind 01:00.00\n", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *a = cases[i].a, *b = cases[i].b;

		assert_int_equal(conf_says_same(a, strlen(a), b, strlen(b)), cases[i].same);
		assert_int_equal(conf_says_same(b, strlen(b), a, strlen(a)), cases[i].same);
	}
}

static void test_nul_counts_in_a_comment_only(void **state)
{
	static const char first[] = "\0bind 01:00.0\nbind 02:00.0\n";
	static const char middle[] = "bind 01:00.0\0\nbind 02:00.0\n";
	static const char comment[] = "# a\0b\nbind 02:00.0 # \0\n";

	(void)state;
	expect_bytes(first, sizeof(first) - 1,
		     "f:2 bind [] address=0000:02:00.0\nf:1:1: " JUNK ". " NOT_IN_FORCE "\n");
	expect_bytes(middle, sizeof(middle) - 1,
		     "f:2 bind address=0000:02:00.0\nf:1:13: " JUNK "\n");
	expect_bytes(comment, sizeof(comment) - 1, "f:2 bind address=0000:02:00.0\n");
}

static void test_only_so_many_bytes_are_read(void **state)
{
	(void)state;
	expect_bytes("bind 01:00.0\nbind 02:00.0\n", 13, "f:1 bind address=0000:01:00.0\n");
	expect_bytes("bind 01:00.0", 11, "f:1:6: 01:00." NO_ADDRESS "\n");
}

/* "bind 01:00.0", blanks up to `length` bytes, a newline, and a good line. */
static char *long_line(size_t length, size_t *ret_length)
{
	static const char next[] = "\nbind 02:00.0\n";
	char *text = malloc(length + sizeof(next));

	assert_non_null(text);
	memset(text, ' ', length);
	memcpy(text, "bind 01:00.0", 12);
	memcpy(text + length, next, sizeof(next));
	*ret_length = length + sizeof(next) - 1;
	return text;
}

static void test_the_longest_line(void **state)
{
	_cleanup_(freep) char *text = NULL;
	size_t length;

	(void)state;
	text = long_line(CONF_LINE_MAX, &length);
	expect_bytes(text, length,
		     "f:1 bind address=0000:01:00.0\nf:2 bind address=0000:02:00.0\n");
}

static void test_a_line_too_long_does_nothing(void **state)
{
	static const size_t sizes[] = { CONF_LINE_MAX + 1, 1024 * 1024 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t length;
		_cleanup_(freep) char *text = long_line(sizes[i], &length);

		expect_bytes(text, length,
			     "f:2 bind address=0000:02:00.0\n"
			     "f:1:1025: the line is longer than 1024 bytes\n");
	}
}

/* `count` times `line`. */
static char *many_lines(const char *line, size_t count)
{
	size_t length = strlen(line);
	char *text = malloc(count * length + 1);

	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * length, line, length + 1);
	return text;
}

static void test_statements_above_the_limit_are_errors(void **state)
{
	_cleanup_(freep) char *text = many_lines("bind 01:00.0\n", 100000);
	struct conf conf = { 0 };

	(void)state;
	assert_int_equal(conf_parse(&conf, "f", text, strlen(text), false), 0);
	assert_int_equal(conf.count, CONF_LINES_MAX);
	assert_int_equal(conf.error_total, 100000 - CONF_LINES_MAX);
	assert_int_equal(conf.error_count, CONF_ERRORS_MAX);
	assert_string_equal(conf.errors[0].message, "more than 4096 statements");
	assert_int_equal(conf.errors[0].place.line, CONF_LINES_MAX + 1);
	assert_int_equal(conf.errors[0].place.column, 1);
	conf_done(&conf);
}

static void test_the_limit_counts_all_files(void **state)
{
	_cleanup_(freep) char *text = many_lines("bind 01:00.0\n", CONF_LINES_MAX);
	struct conf conf = { 0 };

	(void)state;
	assert_int_equal(conf_parse(&conf, "f", text, strlen(text), false), 0);
	assert_int_equal(conf.error_total, 0);
	assert_int_equal(conf_parse(&conf, "g", "\n bind 01:00.0", 14, false), 0);
	assert_int_equal(conf.error_total, 1);
	assert_string_equal(conf.errors[0].place.file, "g");
	assert_int_equal(conf.errors[0].place.line, 2);
	assert_int_equal(conf.errors[0].place.column, 2);
	conf_done(&conf);
}

static void test_errors_above_the_limit_are_counted(void **state)
{
	_cleanup_(freep) char *text = many_lines("x\n", 100000);
	struct conf conf = { 0 };

	(void)state;
	assert_int_equal(conf_parse(&conf, "f", text, strlen(text), false), 0);
	assert_int_equal(conf.count, 0);
	assert_int_equal(conf.error_total, 100000);
	assert_int_equal(conf.error_count, CONF_ERRORS_MAX);
	conf_done(&conf);
}

static void test_files_add_up_and_a_profile_ends_with_its_file(void **state)
{
	struct conf conf = { 0 };
	struct text text = { 0 };

	(void)state;
	assert_int_equal(conf_parse(&conf, "a", "[x]\nbind 01:00.0", 16, false), 0);
	assert_int_equal(conf_parse(&conf, "b", "bind 02:00.0", 12, false), 0);
	assert_int_equal(conf_parse(&conf, "k", "keep 03:00.0", 12, true), 0);
	assert_string_equal(render(&conf, &text), "a:2 bind [x] address=0000:01:00.0\n"
						  "b:1 bind address=0000:02:00.0\n"
						  "k:1 keep generated address=0000:03:00.0\n");
	text_done(&text);
	conf_done(&conf);
}

static void test_defaults(void **state)
{
	struct conf conf = { 0 };

	(void)state;
	assert_int_equal(conf_parse(&conf, "f", "bind 01:00.0", 12, false), 0);
	assert_int_equal(conf.rules[0].count, 1);
	assert_int_equal(conf.rules[0].with, WITH_NOTHING);
	assert_int_equal(conf.rules[0].allow, 0);
	assert_string_equal(conf.rules[0].driver, "vfio-pci");
	assert_false(conf.rules[0].rescue);
	conf_done(&conf);
}

static void test_active_profiles(void **state)
{
	static const char *const chosen[] = { "work", "gaming" };
	struct rule always = { 0 }, gaming = { .profile = "gaming" };
	struct rule other = { .profile = "game" }, broken = { .profile = "" };

	(void)state;
	assert_true(rule_is_active(&always, NULL, 0));
	assert_true(rule_is_active(&always, chosen, 2));
	assert_false(rule_is_active(&gaming, NULL, 0));
	assert_false(rule_is_active(&gaming, chosen, 1));
	assert_true(rule_is_active(&gaming, chosen, 2));
	assert_false(rule_is_active(&other, chosen, 2));
	assert_false(rule_is_active(&broken, chosen, 2));
}

static void test_names(void **state)
{
	char name[PCI_DRIVER_SIZE + 1];

	(void)state;
	assert_true(conf_name_is_good("vfio-pci"));
	assert_true(conf_name_is_good("8250_PCI"));
	assert_false(conf_name_is_good(""));
	assert_false(conf_name_is_good("a b"));
	assert_false(conf_name_is_good("a/b"));
	assert_false(conf_name_is_good("a.b"));
	assert_false(conf_name_is_good("\xc3\xa4"));
	memset(name, 'a', sizeof(name));
	name[PCI_DRIVER_SIZE] = '\0';
	assert_false(conf_name_is_good(name));
	name[PCI_DRIVER_SIZE - 1] = '\0';
	assert_true(conf_name_is_good(name));
}

static void test_places(void **state)
{
	static const struct place places[] = { { "f", 0, 0 }, { "f", 12, 0 }, { "f", 12, 3 } };
	struct text text = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		place_add(&places[i], &text);
		text_add(&text, " ");
	}
	assert_string_equal(text_string(&text), "f f:12 f:12:3 ");
	text_done(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nul_counts_in_a_comment_only),
		cmocka_unit_test(test_only_so_many_bytes_are_read),
		cmocka_unit_test(test_the_longest_line),
		cmocka_unit_test(test_a_line_too_long_does_nothing),
		cmocka_unit_test(test_statements_above_the_limit_are_errors),
		cmocka_unit_test(test_the_limit_counts_all_files),
		cmocka_unit_test(test_errors_above_the_limit_are_counted),
		cmocka_unit_test(test_files_add_up_and_a_profile_ends_with_its_file),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_active_profiles),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_what_says_the_same),
	};
	int failed = RUN_TABLE(good, test_text);

	failed += RUN_TABLE(good, test_line_ends);
	failed += RUN_TABLE(bad, test_text);
	failed += cmocka_run_group_tests(tests, NULL, NULL);
	return failed != 0;
}
