/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables and trees as lsblk has them: the only user of libsmartcols. */

#include "lib/table.h"

#include <libsmartcols.h>
#include <locale.h>

#include "lib/printable.h"
#include "text.h"

struct table {
	struct libscols_table *table;
};

/* A line is libsmartcols' own: the names differ so that no other file needs its header. */
static struct libscols_line *line_of(struct table_line *line)
{
	return (struct libscols_line *)line;
}

struct table *table_new(bool color)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->table = scols_new_table();
	if (!table->table) {
		table_free(table);
		return NULL;
	}
	scols_table_enable_minout(table->table, true); /* no blanks at the ends of lines */
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

int table_add_column(struct table *table, const char *heading, double width, unsigned int flags)
{
	static const struct {
		unsigned int flag;
		int scols;
	} map[] = {
		{ TABLE_TREE, SCOLS_FL_TREE },
		{ TABLE_RIGHT, SCOLS_FL_RIGHT },
		{ TABLE_CUT, SCOLS_FL_TRUNC },
	};
	int scols = 0;

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		scols |= flags & map[i].flag ? map[i].scols : 0;
	return scols_table_new_column(table->table, heading, width, scols) ? 0 : -ENOMEM;
}

struct table_line *table_add_line(struct table *table, struct table_line *parent)
{
	return (struct table_line *)scols_table_new_line(table->table, line_of(parent));
}

int table_set(struct table_line *line, size_t column, const char *text)
{
	struct text printable = { 0 };
	int error;

	printable_add(&printable, text);
	error = text_error(&printable);
	if (!error && printable.length)
		error = scols_line_set_data(line_of(line), column, printable.data);
	text_done(&printable);
	return error;
}

void table_set_bold(struct table_line *line)
{
	scols_line_set_color(line_of(line), "\033[1m");
}

/*
 * The locale tells libsmartcols how wide a character is, and whether a tree may have lines in it
 * or only | and `. Not before: with it, libpci's search in udev's hwdb takes three times as long.
 */
int table_print(struct table *table)
{
	setlocale(LC_CTYPE, "");
	return scols_print_table(table->table);
}
