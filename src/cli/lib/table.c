/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables, trees and JSON as lsblk has them: the only user of libsmartcols. */

#include "lib/table.h"

#include <libsmartcols.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

struct table {
	struct libscols_table *table;
};

/* A line is libsmartcols' own: the names differ so that no other file needs its header. */
static struct libscols_line *line_of(struct table_line *line)
{
	return (struct libscols_line *)line;
}

struct table *table_new(const char *name, bool json, bool color)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->table = scols_new_table();
	if (!table->table || scols_table_set_name(table->table, name)) {
		table_free(table);
		return NULL;
	}
	scols_table_enable_json(table->table, json);
	scols_table_enable_minout(table->table,
				  true); /* no blanks at the ends of lines */
	scols_table_enable_colors(table->table, color);
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	scols_unref_table(table->table);
	free(table);
}

int table_add_column(struct table *table, const char *heading, double width,
		     unsigned int flags)
{
	static const struct {
		unsigned int flag;
		int scols;
	} map[] = {
		{ TABLE_TREE, SCOLS_FL_TREE },
		{ TABLE_RIGHT, SCOLS_FL_RIGHT },
		{ TABLE_CUT, SCOLS_FL_TRUNC },
	};
	struct libscols_column *column;
	int scols = 0;

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		scols |= flags & map[i].flag ? map[i].scols : 0;
	column = scols_table_new_column(table->table, heading, width, scols);
	if (!column)
		return -ENOMEM;
	if (flags & TABLE_NUMBER)
		scols_column_set_json_type(column, SCOLS_JSON_NUMBER);
	if (flags & TABLE_BOOLEAN)
		scols_column_set_json_type(column, SCOLS_JSON_BOOLEAN);
	return 0;
}

struct table_line *table_add_line(struct table *table, struct table_line *parent)
{
	return (struct table_line *)scols_table_new_line(table->table, line_of(parent));
}

int table_set(struct table_line *line, size_t column, const char *text)
{
	return *text ? scols_line_set_data(line_of(line), column, text) : 0;
}

void table_set_bold(struct table_line *line)
{
	scols_line_set_color(line_of(line), "\033[1m");
}

/* libsmartcols prints an object with the array alone: the schema goes behind its brace. */
static int print_json(struct table *table, unsigned int schema)
{
	_cleanup_(freep) char *json = NULL;
	int error = scols_print_table_to_string(table->table, &json);
	const char *rest = json && *json == '{' ? json + 1 : NULL;

	if (error)
		return error;
	if (!rest) /* an empty table prints nothing */
		rest = "\n}\n";
	printf("{\n   \"schema\": %u%s%s", schema, strchr(rest, '[') ? "," : "", rest);
	return 0;
}

/*
 * The locale tells libsmartcols how wide a character is, and whether a tree may have lines in it
 * or only | and `. Not before: with it, libpci's search in udev's hwdb takes three times as long.
 */
int table_print(struct table *table, unsigned int schema)
{
	setlocale(LC_CTYPE, "");
	if (scols_table_is_json(table->table))
		return print_json(table, schema);
	return scols_print_table(table->table);
}
