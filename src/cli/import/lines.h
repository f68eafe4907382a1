/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LINES_H
#define VFIO_EARLY_LINES_H

#include "root.h"
#include "util.h"

/* One line of another tool's file. */
struct file_line {
	const char *path;    /* in the root, as the caller wrote it */
	unsigned int number; /* from 1; the first of several lines that "\" joins */
	char *text;	     /* without outer blanks, CR and comment; may be changed */
};

/* Is called for each line that is not empty. Returns 0, or -errno to stop reading. */
typedef int line_reader(void *context, struct file_line *line);

/* Reads a file if it exists. Returns 0, the -errno of `read_line`, or -ENOMEM. */
int lines_read(const struct root *root, const char *path, line_reader *read_line,
	       void *context) _must_check_;

/* Reads the files of a directory whose names end with `suffix`, in byte order. */
int lines_read_all(const struct root *root, const char *directory, const char *suffix,
		   line_reader *read_line, void *context) _must_check_;

/* Adds "/etc/modules:5" in printable form for a path in the root. Number 0 adds none. */
void lines_add_place(const char *path, unsigned int number, struct text *text);

#endif
