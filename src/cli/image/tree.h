/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TREE_H
#define VFIO_EARLY_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "root.h"
#include "text.h"
#include "util.h"

/*
 * Paths inside an image that was taken apart. A symlink in it, even an absolute one, leads
 * to another file of the image and never to one of the host.
 */

bool tree_has(const struct root *tree, const char *path);

/*
 * Adds a regular file, at most `limit` bytes of it, to `text`. 0 or -errno, -EFBIG if it
 * is larger.
 */
int tree_read(const struct root *tree, const char *path, size_t limit,
	      struct text *text) _must_check_;

/* As root_names(). */
int tree_names(const struct root *tree, const char *path, char ***ret,
	       size_t *ret_count) _must_check_;

/* Is the file there, with exactly these bytes? */
bool tree_is_same(const struct root *tree, const char *path, const struct text *text);

#endif
