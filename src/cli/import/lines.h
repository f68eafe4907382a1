/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LINES_H
#define VFIO_EARLY_LINES_H

#include "root.h"
#include "util.h"

/* One line of somebody's file. */
struct file_line {
	const char *path;    /* in the root, as it was asked for */
	unsigned int number; /* from 1; of its first one where "\" joins several */
	char *text; /* without blanks around it, a CR or a comment; may be changed */
};

/* Gets each line that has something in it. 0 or -errno, which ends the reading. */
typedef int line_reader(void *context, struct file_line *line);

/* Reads a file, if it is there. 0, -errno of `read_line`, or -ENOMEM. */
int lines_read(const struct root *root, const char *path, line_reader *read_line,
	       void *context) _must_check_;

/* The same for the files of a directory whose names end with `suffix`, in byte order. */
int lines_read_all(const struct root *root, const char *directory, const char *suffix,
		   line_reader *read_line, void *context) _must_check_;

/* Adds "/etc/modules:5", fit to be printed, for a path in the root; 0: no number. */
void lines_add_place(const char *path, unsigned int number, struct text *text);

#endif
