/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TREE_COPY_H
#define VFIO_EARLY_TREE_COPY_H

#include <stddef.h>

#include "capture/anonymous.h"
#include "root.h"
#include "util.h"

/* What is taken of a path. */
enum take {
	TAKE_FILE,	/* the content */
	TAKE_CONFIG,	/* the configuration space of a PCI function */
	TAKE_EXISTENCE, /* an empty file: only that it is there is of interest */
	TAKE_DIRECTORY, /* the directory, without what is in it */
	TAKE_LINK,	/* the symbolic link, and the directory that it leads to */
	TAKE_OPEN_DISK, /* proc/PID/fd/N, if it is a disk, with the name of the process */
};

/* A copy of parts of a tree. */
struct tree_copy {
	const struct root *from, *to;
	struct anonymous *anonymous; /* NULL: nothing is replaced */
	size_t count;		     /* files taken */
	/* Reports a file that could not be taken, with the reason. */
	void (*missed)(void *context, const char *path, const char *reason);
	void *context;
};

/*
 * Copies what matches `pattern`, whose components are those of fnmatch(3), to the same place.
 * Symbolic links on the way are copied, and followed inside the tree. What is not there is no
 * error. 0 or -errno: the copy cannot be written.
 */
int tree_copy_take(struct tree_copy *copy, const char *pattern, enum take take) _must_check_;

/* Calls `each` with the path and the content of every file that matches. As tree_copy_take(). */
int tree_copy_read(struct tree_copy *copy, const char *pattern,
		   void (*each)(struct anonymous *anonymous,
				const struct text *content)) _must_check_;

#endif
