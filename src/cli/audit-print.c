/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was found in the images, for people and for programs. */

#include "audit-print.h"

#include <stdio.h>
#include <string.h>

#include "finding-print.h"
#include "lib/printable.h"
#include "lib/table.h"

enum status make_audits(const struct request *request, struct audits *ret)
{
	struct progress progress = { 0 };
	int error;

	if (!request->json)
		progress = progress_new();
	error = audits_make(request->root, request->arguments, &progress, ret);
	progress_clear(&progress);
	if (error == -ENOENT)
		complain("%s/boot: no image found. Is it mounted?", root_prefix(request->root));
	else if (error && error != -EINTR)
		complain("%s: cannot inspect the image: %s",
			 ret->count ? ret->items[ret->count - 1].path : request->root,
			 strerror(-error));
	return error ? STATUS_ENVIRONMENT : STATUS_WELL;
}

enum status audits_status(const struct audits *audits)
{
	static const enum status statuses[] = {
		[AUDIT_CURRENT] = STATUS_WELL,
		[AUDIT_WRONG] = STATUS_UNWANTED,
		[AUDIT_OUTDATED] = STATUS_DUE,
		[AUDIT_UNREADABLE] = STATUS_ENVIRONMENT,
	};

	return statuses[audits_result(audits)];
}

enum { COLUMN_IMAGE, COLUMN_KERNEL, COLUMN_MADE_BY, COLUMN_RESULT };

static int add_columns(struct table *table)
{
	static const char *const headings[] = { "IMAGE", "KERNEL", "MADE BY", "RESULT" };
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(headings) && !error; i++)
		error = table_add_column(table, headings[i], 0);
	return error;
}

static int add_line(struct table *table, const struct audit *audit)
{
	struct table_line *line = table_add_line(table, NULL);
	int error = line ? table_set(line, COLUMN_IMAGE, audit->path) : -ENOMEM;

	if (!error)
		error = table_set(line, COLUMN_KERNEL, audit->kernel);
	if (!error)
		error = table_set(line, COLUMN_MADE_BY, audit->layout);
	if (!error)
		error = table_set(line, COLUMN_RESULT, audit_result_name(audit_result(audit)));
	if (!error && audit->findings.count)
		table_set_bold(line);
	return error;
}

static int findings_lost(const struct audits *audits)
{
	int error = 0;

	for (size_t i = 0; i < audits->count && !error; i++)
		error = findings_error(&audits->items[i].findings);
	return error;
}

int audits_print(const struct audits *audits, bool color)
{
	struct table *table = table_new(color);
	int error = table ? add_columns(table) : -ENOMEM;

	for (size_t i = 0; i < audits->count && !error; i++)
		error = add_line(table, &audits->items[i]);
	if (!error)
		error = table_print(table);
	table_free(table);
	for (size_t i = 0; i < audits->count && !error; i++)
		findings_print(stdout, &audits->items[i].findings, color);
	return error ? error : findings_lost(audits);
}

static void json_fault(struct json *json, const struct finding *fault)
{
	json_open(json, NULL, '{');
	json_string(json, "kind", finding_kind_name(fault->kind));
	json_boolean(json, "due", finding_is_due(fault));
	json_string(json, "text", text_string(&fault->text));
	json_string(json, "remedy", text_string(&fault->remedy));
	json_close(json);
}

static void json_audit(struct json *json, const struct audit *audit)
{
	json_open(json, NULL, '{');
	json_string(json, "image", audit->path);
	json_string(json, "kernel", audit->kernel);
	json_string(json, "made_by", audit->layout);
	json_string(json, "result", audit_result_name(audit_result(audit)));
	json_open(json, "faults", '[');
	for (size_t i = 0; i < audit->findings.count; i++)
		json_fault(json, &audit->findings.items[i]);
	json_close(json);
	json_close(json);
}

void audits_add_json(const struct audits *audits, struct json *json)
{
	json_open(json, "images", '[');
	for (size_t i = 0; i < audits->count; i++)
		json_audit(json, &audits->items[i]);
	json_close(json);
}
