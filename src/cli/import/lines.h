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
	const char *guest;   /* the guest whose configuration has it, or NULL */
};

#define LINES_FILE_MAX (1024 * 1024) /* bytes that are read of a file */

/* Is called for each line that is not empty. Returns 0, or -errno to stop reading. */
typedef int line_reader(void *context, struct file_line *line);

/* Reads a file if it exists. Returns 0, the -errno of `read_line`, or -ENOMEM. */
int lines_read(const struct root *root, const char *path, line_reader *read_line,
	       void *context) _must_check_;

/* Is called for each file: its path in the root, and the end of it that is its name. */
typedef int file_reader(void *context, const char *path, const char *name);

/*
 * Calls `read_file` for the files of a directory whose names end with `suffix`, in byte order.
 * Returns 0, the -errno of `read_file`, or -ENOMEM.
 */
int files_each(const struct root *root, const char *directory, const char *suffix,
	       file_reader *read_file, void *context) _must_check_;

/* Reads the files of a directory whose names end with `suffix`, in byte order. */
int lines_read_all(const struct root *root, const char *directory, const char *suffix,
		   line_reader *read_line, void *context) _must_check_;

/* Adds the line's "/etc/modules:5" in printable form. Number 0 adds none. */
void lines_add_place(const struct file_line *line, struct text *text);

#endif
