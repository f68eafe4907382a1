/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TABLE_H
#define VFIO_EARLY_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

enum table_flag {
	TABLE_TREE = 1 << 0,  /* this column shows the tree */
	TABLE_RIGHT = 1 << 1, /* right-aligned, for numbers */
	TABLE_CUT = 1 << 2,   /* may be cut if the terminal is too narrow, with "…" at the end */
	TABLE_WRAP = 1 << 3,  /* may be wrapped at blanks instead */
};

/* A table, optionally with a tree. Opaque: libsmartcols' context. */
struct table;
struct table_line;

/* `color`: colors are allowed. Returns NULL if memory is short. */
struct table *table_new(bool color);
void table_free(struct table *table);

/* Adds a column; all columns come before the first line. Returns 0 or -ENOMEM. */
int table_add_column(struct table *table, const char *heading, unsigned int flags) _must_check_;

/*
 * Adds a line below `parent` in the tree, or at the top for NULL. The table owns the
 * line.
 */
struct table_line *table_add_line(struct table *table, struct table_line *parent);

/*
 * Sets the cell in `column` (from 0) to a copy of `text`, in which control characters become
 * "?". Returns 0 or -ENOMEM.
 */
int table_set(struct table_line *line, size_t column, const char *text) _must_check_;
void table_set_bold(struct table_line *line);

/*
 * Prints the table on standard output: on a terminal with columns that are as wide as it allows,
 * and in full anywhere else. Returns 0 or -errno.
 */
int table_print(struct table *table) _must_check_;

#endif
