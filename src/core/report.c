/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report: what the boot program tells the host program, and whoever reads /run. */

#include "report.h"

#include <string.h>

#ifndef VERSION
#define VERSION "unknown"
#endif

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

static void add_number(struct text *text, const char *key, uint64_t value,
		       unsigned int base, int digits)
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

static void add_function(struct text *text, const struct claim *claim,
			 const struct verdict *verdict)
{
	const struct pci_function *function = claim->function;
	char address[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE];

	text_add(text, "function");
	report_add_field(text, "address",
			 pci_address_format(&function->address, address));
	add_place(text, "line", &claim->rule->place);
	report_add_field(text, "id", pci_id_format(&function->id, id));
	add_number(text, "class", function->class, 16, 6);
	report_add_field(text, "was", or_dash(function->driver));
	report_add_field(text, "target", claim->driver);
	report_add_field(text, "driver", or_dash(verdict->driver));
	if (claim->rule->rescue)
		report_add_field(text, "rescue", "release");
	add_result(text, verdict->result, verdict->reason);
}

static void add_verdicts(struct text *text, const struct verdicts *verdicts)
{
	const struct match *match = verdicts->match;

	for (size_t i = 0; i < match->conf->count; i++) {
		text_add(text, "line");
		add_place(text, "at", &match->conf->rules[i].place);
		add_result(text, verdicts->lines[i], match->lines[i].reason);
	}
	for (size_t i = 0; i < match->claim_count; i++)
		add_function(text, &match->claims[i], &verdicts->claims[i]);
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
		verdict_explain_load(outcome, &reason);
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
	report_add_field(text, "mode", report->mode);
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
	if (report->verdicts)
		add_verdicts(text, report->verdicts);
	for (size_t i = 0; report->applied && i < report->loadplan->count; i++)
		add_module(text, &report->loadplan->modules[i],
			   report->applied->modules[i]);
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

static bool read_record(char *line, struct report_record *record)
{
	char *p = line + strcspn(line, " ");

	*record = (struct report_record){ .word = line };
	while (*p && record->count < REPORT_FIELDS_MAX) {
		char *value;

		*p++ = '\0';
		value = strchr(p, '=');
		if (!value)
			return false;
		*value++ = '\0';
		record->fields[record->count++] = (struct report_field){ p, value };
		p = read_value(value);
		if (!p)
			return false;
	}
	*p = '\0';
	return *record->word != '\0';
}

bool report_next(char **cursor, struct report_record *ret)
{
	while (**cursor) {
		char *line = *cursor;
		char *newline = strchr(line, '\n');

		*cursor = newline ? newline + 1 : line + strlen(line);
		if (newline)
			*newline = '\0';
		if (read_record(line, ret))
			return true;
	}
	return false;
}

const char *report_value(const struct report_record *record, const char *key)
{
	for (size_t i = 0; i < record->count; i++)
		if (!strcmp(record->fields[i].key, key))
			return record->fields[i].value;
	return "";
}
