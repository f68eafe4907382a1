/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TABLE_H
#define VFIO_EARLY_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

enum table_flag {
	TABLE_TREE = 1 << 0,  /* draw the tree in this column */
	TABLE_RIGHT = 1 << 1, /* to the right, for numbers */
	TABLE_CUT = 1 << 2,   /* may be cut where the terminal is too narrow */
};

/* A table, with a tree in it if it likes. Opaque: libsmartcols' context. */
struct table;
struct table_line;

/* `color`: may it have colors? NULL without memory. */
struct table *table_new(bool color);
void table_free(struct table *table);

/*
 * Columns come first, then lines. `width` is enough where the terminal is too narrow: characters,
 * or below 1 a part of the terminal; 0 for the width of the content. 0 or -ENOMEM.
 */
int table_add_column(struct table *table, const char *heading, double width,
		     unsigned int flags) _must_check_;

/* A line below `parent` in the tree, or at the top for NULL; it belongs to the table. */
struct table_line *table_add_line(struct table *table, struct table_line *parent);

/*
 * The cell in `column`, counted from 0; `text` is copied, and what would control a terminal
 * becomes "?"; "" leaves it empty. 0 or -ENOMEM.
 */
int table_set(struct table_line *line, size_t column, const char *text) _must_check_;
void table_set_bold(struct table_line *line);

/* To standard output: cut to the width of a terminal, in full anywhere else. 0 or -errno. */
int table_print(struct table *table) _must_check_;

#endif
