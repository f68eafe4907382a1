/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables and trees as lsblk has them: the only user of libsmartcols. */

#include "lib/table.h"

#include <langinfo.h>
#include <libsmartcols.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <wchar.h>

#include "lib/printable.h"
#include "text.h"

#define COLUMNS_MAX 64
#define TREE_WIDTH 2	 /* of the lines in front of a member of a group */
#define LEAST_WIDTH 8	 /* of a column that is cut or wrapped */
#define DEFAULT_WIDTH 80 /* of a terminal that does not know */

/*
 * What libsmartcols does if a table is too wide depends on its version. So it gets cells that fit,
 * with "\n" where they are wrapped.
 */
struct table {
	struct libscols_table *table;
	unsigned int flags[COLUMNS_MAX];
	size_t columns;
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

/* How many columns of a terminal the `length` bytes at `text` take. */
static size_t text_width(const char *text, size_t length)
{
	size_t width = 0;

	while (length) {
		wchar_t character;
		size_t bytes = mbrtowc(&character, text, length, &(mbstate_t){ 0 });
		int columns = bytes && bytes <= length ? wcwidth(character) : 1;

		bytes = bytes && bytes <= length ? bytes : 1;
		width += columns > 0 ? columns : 0;
		text += bytes;
		length -= bytes;
	}
	return width;
}

/*
 * The widest line of a cell, for libsmartcols. Its own function for that is deprecated since 2.40.
 */
static size_t line_width(const struct libscols_column *column, const char *text, void *unused)
{
	size_t widest = 0;

	(void)column;
	(void)unused;
	for (const char *line = text; line; line = line_next(line)) {
		size_t width = text_width(line, strcspn(line, "\n"));

		widest = width > widest ? width : widest;
	}
	return widest;
}

int table_add_column(struct table *table, const char *heading, unsigned int flags)
{
	int scols = flags & TABLE_TREE ? SCOLS_FL_TREE : 0;
	struct libscols_column *column;

	scols |= flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0;
	scols |= flags & TABLE_WRAP ? SCOLS_FL_WRAP : 0;
	column = scols_table_new_column(table->table, heading, 0, scols);
	if (!column || table->columns == COLUMNS_MAX)
		return -ENOMEM;
	table->flags[table->columns++] = flags;
	if (!(flags & TABLE_WRAP))
		return 0;
	if (scols_column_set_safechars(column, "\n"))
		return -ENOMEM;
	return scols_column_set_wrapfunc(column, line_width, scols_wrapnl_nextchunk, NULL);
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

/* How many bytes of `text` fit into `width` columns; at least one character. */
static size_t fitting(const char *text, size_t width)
{
	size_t length = 0;

	do
		length += utf8_length(text + length) ? utf8_length(text + length) : 1;
	while (text[length] && text_width(text, length + 1) <= width);
	return length;
}

static void add_cut(const char *cell, size_t width, struct text *text)
{
	const char *dots = strcmp(nl_langinfo(CODESET), "UTF-8") ? "..." : "\xe2\x80\xa6";
	size_t taken = text_width(dots, strlen(dots));

	if (text_width(cell, strlen(cell)) <= width || width <= taken) {
		text_add(text, cell);
		return;
	}
	text_add_bytes(text, cell, fitting(cell, width - taken));
	text_add(text, dots);
}

/* Where the next line of a cell ends: in front of a blank, or within a word that is too long. */
static size_t line_length(const char *cell, size_t width)
{
	size_t best = 0;

	for (size_t i = 0;; i++) {
		if (cell[i] != ' ' && cell[i])
			continue;
		if (text_width(cell, i) > width)
			break;
		best = i;
		if (!cell[i])
			break;
	}
	return best ? best : fitting(cell, width);
}

static void add_wrapped(const char *cell, size_t width, struct text *text)
{
	while (*cell) {
		size_t length = line_length(cell, width);

		text_add_bytes(text, cell, length);
		cell += length;
		cell += strspn(cell, " ");
		text_add(text, *cell ? "\n" : "");
	}
}

static int fit_cell(struct libscols_line *line, size_t column, unsigned int flags, size_t width)
{
	struct libscols_cell *cell = scols_line_get_cell(line, column);
	const char *data = cell ? scols_cell_get_data(cell) : NULL;
	struct text text = { 0 };
	int error;

	if (!data)
		return 0;
	if (flags & TABLE_WRAP)
		add_wrapped(data, width, &text);
	else
		add_cut(data, width, &text);
	error = text_error(&text);
	if (!error)
		error = scols_cell_set_data(cell, text_string(&text));
	text_done(&text);
	return error;
}

/* The widest cell of a column, its heading included. */
static size_t column_width(const struct table *table, size_t column)
{
	struct libscols_column *of = scols_table_get_column(table->table, column);
	struct libscols_cell *heading = scols_column_get_header(of);
	size_t widest = strlen(scols_cell_get_data(heading));

	for (size_t i = 0; i < scols_table_get_nlines(table->table); i++) {
		struct libscols_line *line = scols_table_get_line(table->table, i);
		struct libscols_cell *cell = scols_line_get_cell(line, column);
		const char *data = cell ? scols_cell_get_data(cell) : NULL;
		size_t width = data ? text_width(data, strlen(data)) : 0;

		if (table->flags[column] & TABLE_TREE && scols_line_get_parent(line))
			width += TREE_WIDTH;
		widest = width > widest ? width : widest;
	}
	return widest;
}

/*
 * The width that no flexible column may exceed so that the table fits into `width`: each of them is
 * as wide as its content, or as the widest of them may be.
 */
static size_t find_limit(const struct table *table, const size_t *widths, size_t width)
{
	size_t limit = width;

	for (; limit > LEAST_WIDTH; limit--) {
		size_t sum = table->columns - 1;

		for (size_t i = 0; i < table->columns; i++)
			sum += table->flags[i] & (TABLE_CUT | TABLE_WRAP) && widths[i] > limit
				       ? limit
				       : widths[i];
		if (sum <= width)
			break;
	}
	return limit;
}

/* Cuts and wraps the cells so that a line of the table has `width` columns. */
static int fit(struct table *table, size_t width)
{
	size_t widths[COLUMNS_MAX], limit;
	int error = 0;

	for (size_t i = 0; i < table->columns; i++)
		widths[i] = column_width(table, i);
	limit = find_limit(table, widths, width);
	for (size_t i = 0; i < table->columns; i++)
		for (size_t j = 0; j < scols_table_get_nlines(table->table) && !error; j++)
			if (table->flags[i] & (TABLE_CUT | TABLE_WRAP) && widths[i] > limit)
				error = fit_cell(scols_table_get_line(table->table, j), i,
						 table->flags[i], limit);
	return error;
}

static size_t terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col
								       : DEFAULT_WIDTH;
}

/*
 * The locale tells how wide a character is, and libsmartcols whether a tree may have lines in it or
 * only | and `. Not before: with it, libpci's search in udev's hwdb takes three times as long.
 */
int table_print(struct table *table)
{
	size_t width = terminal_width();
	int error;

	setlocale(LC_CTYPE, "");
	error = width ? fit(table, width) : 0;
	if (!error && width)
		error = scols_table_set_termforce(table->table, SCOLS_TERMFORCE_NEVER);
	return error ? error : scols_print_table(table->table);
}
