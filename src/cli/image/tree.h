/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TREE_H
#define VFIO_EARLY_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "root.h"
#include "text.h"
#include "util.h"

/*
 * Files of an unpacked image. A symlink, even an absolute one, leads to another file of
 * the image and never to a file of the host.
 */

bool tree_has(const struct root *tree, const char *path);

/*
 * Adds the content of a regular file of at most `limit` bytes to `text`. Returns 0 or
 * -errno: -EFBIG if the file is larger.
 */
int tree_read(const struct root *tree, const char *path, size_t limit,
	      struct text *text) _must_check_;

/* As root_names(). */
int tree_names(const struct root *tree, const char *path, char ***ret,
	       size_t *ret_count) _must_check_;

/* Returns whether the file exists and contains exactly these bytes. */
bool tree_is_same(const struct root *tree, const char *path, const struct text *text);

#endif
