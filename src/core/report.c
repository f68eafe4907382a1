/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report: what the boot program tells the host program, and whoever reads /run. */

#include "report.h"

#include <string.h>

#define FIELDS_MAX 16 /* of one record; the rest is not read */

#ifndef VERSION
#define VERSION "unknown"
#endif

static const char modes[][8] = {
	[MODE_UNKNOWN] = "",
	[MODE_NORMAL] = "normal",
	[MODE_DRY_RUN] = "dry-run",
	[MODE_OFF] = "off",
};

const char *report_mode_name(enum report_mode mode)
{
	return modes[mode];
}

static bool needs_quotes(const char *value)
{
	for (const char *p = value; *p; p++)
		if (!is_printable(*p) || *p == ' ' || *p == '"' || *p == '\\')
			return true;
	return !*value;
}

void report_add_field(struct text *text, const char *key, const char *value)
{
	if (!needs_quotes(value)) {
		text_add(text, " ", key, "=", value);
		return;
	}
	text_add(text, " ", key, "=\"");
	for (const char *p = value; *p; p++) {
		if (!is_printable(*p)) {
			text_add(text, "\\x");
			text_add_number(text, (uint8_t)*p, 16, 2);
			continue;
		}
		if (*p == '"' || *p == '\\')
			text_add(text, "\\");
		text_add_bytes(text, p, 1);
	}
	text_add(text, "\"");
}

static void add_number(struct text *text, const char *key, uint64_t value, unsigned int base,
		       int digits)
{
	text_add(text, " ", key, "=");
	text_add_number(text, value, base, digits);
}

static void add_place(struct text *text, const char *key, const struct place *place)
{
	struct text value = { 0 };

	place_add(place, &value);
	text->failed |= value.failed;
	report_add_field(text, key, text_string(&value));
	text_done(&value);
}

/* The end of a record. `reason` may be NULL. */
static void add_result(struct text *text, enum result result, const char *reason)
{
	report_add_field(text, "result", result_name(result));
	if (reason)
		report_add_field(text, "reason", reason);
	text_add(text, "\n");
}

static void add_config(struct text *text, const struct confdir *confdir)
{
	const struct conf *conf = &confdir->conf;

	for (size_t i = 0; i < confdir->file_count; i++) {
		char path[ROOT_PATH_SIZE];

		string_join(path, sizeof(path), "/", confdir->files[i].path, NULL);
		text_add(text, "config");
		report_add_field(text, "file", path);
		add_number(text, "bytes", confdir->files[i].text.length, 10, 1);
		text_add(text, "\n");
	}
	for (size_t i = 0; i < conf->error_count; i++) {
		text_add(text, "error");
		add_place(text, "at", &conf->errors[i].place);
		add_result(text, RESULT_INVALID, conf->errors[i].message);
	}
}

static const char *or_dash(const char *driver)
{
	return *driver ? driver : "-";
}

static void add_function(struct text *text, const struct claim *claim)
{
	const struct pci_function *function = claim->function;
	char address[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE];

	text_add(text, "function");
	report_add_field(text, "address", pci_address_format(&function->address, address));
	add_place(text, "line", &claim->rule->place);
	report_add_field(text, "id", pci_id_format(&function->id, id));
	add_number(text, "class", function->class, 16, 6);
	report_add_field(text, "was", or_dash(function->driver));
	report_add_field(text, "target", claim->driver);
	report_add_field(text, "driver", or_dash(claim->now));
	if (claim->rule->rescue)
		report_add_field(text, "rescue", "release");
	add_result(text, claim->result, claim->reason);
}

static void add_match(struct text *text, const struct match *match)
{
	for (size_t i = 0; i < match->conf->count; i++) {
		text_add(text, "line");
		add_place(text, "at", &match->conf->rules[i].place);
		add_result(text, match->lines[i].result, match->lines[i].reason);
	}
	for (size_t i = 0; i < match->claim_count; i++)
		add_function(text, &match->claims[i]);
}

static void add_module(struct text *text, const struct module *module, int outcome)
{
	struct text reason = { 0 };
	const char *result = outcome == OUTCOME_NOT_TRIED ? "skipped"
			     : outcome			  ? "failed"
							  : "loaded";

	text_add(text, "module");
	report_add_field(text, "driver", module->driver);
	report_add_field(text, "path", module->path);
	report_add_field(text, "result", result);
	if (outcome && outcome != OUTCOME_NOT_TRIED) {
		load_outcome_explain(outcome, &reason);
		report_add_field(text, "reason", text_string(&reason));
	}
	text_add(text, "\n");
	text_done(&reason);
}

void report_format(const struct report *report, struct text *text)
{
	text_add(text, "report");
	add_number(text, "version", REPORT_VERSION, 10, 1);
	report_add_field(text, "program", VERSION);
	report_add_field(text, "kernel", report->kernel);
	add_number(text, "time", report->time, 10, 1);
	report_add_field(text, "mode", modes[report->mode]);
	if (report->confdir)
		add_number(text, "errors", report->confdir->conf.error_total, 10, 1);
	if (report->cmdline && report->cmdline->wrong)
		report_add_field(text, "wrong", report->cmdline->wrong);
	if (report->note)
		report_add_field(text, "note", report->note);
	text_add(text, "\n");
	for (size_t i = 0; report->cmdline && i < report->cmdline->profile_count; i++)
		text_add(text, "profile name=", report->cmdline->profiles[i], "\n");
	if (report->confdir)
		add_config(text, report->confdir);
	if (report->match)
		add_match(text, report->match);
	for (size_t i = 0; report->applied && i < report->loadplan->count; i++)
		add_module(text, &report->loadplan->modules[i], report->applied->modules[i]);
}

static int write_files(const struct root *root, const struct text *text,
		       const struct confdir *confdir)
{
	int error = text_error(text);

	if (!error)
		error = root_create(root, REPORT_FILE, text->data, text->length);
	if (!error && confdir)
		error = confdir_copy(confdir, root, REPORT_DIRECTORY);
	return error;
}

int report_move(const struct root *root, const struct confdir *confdir)
{
	struct text text = { 0 };
	int error = root_read_file(root, REPORT_LEFT, REPORT_MAX, &text);

	if (!error)
		error = write_files(root, &text, confdir);
	text_done(&text);
	return error;
}

int report_write(const struct root *root, const struct report *report)
{
	struct text text = { 0 };
	int error;

	report_format(report, &text);
	error = write_files(root, &text, report->confdir);
	text_done(&text);
	return error;
}

static char *read_hex(char *p, char *ret)
{
	char digits[3];
	uint64_t value;

	string_copy(digits, sizeof(digits), p);
	if (number_parse(digits, 16, 0xff, &value) != digits + 2)
		return NULL;
	*ret = value;
	return p + 2;
}

/*
 * Unquotes the value at `p` in place. The blank or the end of the line behind it, where an
 * unquoted value still has to be cut off; NULL if its quotes or escapes are broken.
 */
static char *read_value(char *p)
{
	char *out = p;

	if (*p != '"')
		return p + strcspn(p, " ");
	for (p++; *p != '"'; out++) {
		if (*p == '\\' && p[1] == 'x') {
			p = read_hex(p + 2, out);
		} else if (*p == '\\' && p[1]) {
			*out = p[1];
			p += 2;
		} else if (*p) {
			*out = *p++;
		} else {
			return NULL;
		}
		if (!p)
			return NULL;
	}
	*out = '\0';
	return p[1] == ' ' || p[1] == '\0' ? p + 1 : NULL;
}

/* One record as it is written. */
struct fields {
	const char *word;
	struct {
		const char *key, *value;
	} items[FIELDS_MAX];
	size_t count;
};

static bool read_fields(char *line, struct fields *fields)
{
	char *p = line + strcspn(line, " ");

	fields->word = line;
	fields->count = 0;
	while (*p && fields->count < FIELDS_MAX) {
		char *value;

		*p++ = '\0';
		value = strchr(p, '=');
		if (!value)
			return false;
		*value++ = '\0';
		fields->items[fields->count].key = p;
		fields->items[fields->count++].value = value;
		p = read_value(value);
		if (!p)
			return false;
	}
	*p = '\0';
	return *line != '\0';
}

static const char *get(const struct fields *fields, const char *key)
{
	for (size_t i = 0; i < fields->count; i++)
		if (!strcmp(fields->items[i].key, key))
			return fields->items[i].value;
	return "";
}

static uint64_t get_number(const struct fields *fields, const char *key, unsigned int base,
			   uint64_t max)
{
	uint64_t number = 0;

	return number_parse(get(fields, key), base, max, &number) ? number : 0;
}

static bool read_head(const struct fields *fields, struct report_record *ret)
{
	const char *mode = get(fields, "mode");

	ret->kind = REPORT_HEAD;
	ret->head = (struct report_head){
		.version = get_number(fields, "version", 10, UINT32_MAX),
		.kernel = get(fields, "kernel"),
		.time = get_number(fields, "time", 10, INT64_MAX),
		.note = get(fields, "note"),
		.wrong = get(fields, "wrong"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(modes[i], mode))
			ret->head.mode = i;
	return true;
}

static bool read_line(const struct fields *fields, struct report_record *ret)
{
	ret->kind = REPORT_LINE;
	ret->line = (struct report_line){
		.place = get(fields, "at"),
		.result = result_parse(get(fields, "result")),
		.reason = get(fields, "reason"),
	};
	return true;
}

static bool read_function(const struct fields *fields, struct report_record *ret)
{
	ret->kind = REPORT_FUNCTION;
	ret->function = (struct report_function){
		.line = get(fields, "line"),
		.class = get_number(fields, "class", 16, 0xffffff),
		.target = get(fields, "target"),
		.rescue = !strcmp(get(fields, "rescue"), "release"),
		.result = result_parse(get(fields, "result")),
		.reason = get(fields, "reason"),
	};
	return !pci_address_parse(get(fields, "address"), &ret->function.address);
}

static bool read_rescue(const struct fields *fields, struct report_record *ret)
{
	ret->kind = REPORT_RESCUE;
	ret->rescue.released = !strcmp(get(fields, "result"), "released");
	return !pci_address_parse(get(fields, "address"), &ret->rescue.address);
}

static bool read_record(const struct fields *fields, struct report_record *ret)
{
	static const struct {
		const char *word;
		bool (*read)(const struct fields *fields, struct report_record *ret);
	} kinds[] = {
		{ "report", read_head },
		{ "line", read_line },
		{ "function", read_function },
		{ "rescue", read_rescue },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(fields->word, kinds[i].word))
			return kinds[i].read(fields, ret);
	return false;
}

bool report_next(char **cursor, struct report_record *ret)
{
	struct fields fields;

	while (**cursor) {
		char *line = *cursor;
		char *newline = strchr(line, '\n');

		*cursor = newline ? newline + 1 : line + strlen(line);
		if (newline)
			*newline = '\0';
		if (read_fields(line, &fields) && read_record(&fields, ret))
			return true;
	}
	return false;
}
