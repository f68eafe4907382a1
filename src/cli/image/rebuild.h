/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_REBUILD_H
#define VFIO_EARLY_REBUILD_H

#include <stddef.h>

#include "root.h"

#define REBUILD_STEPS 2 /* at most */

/*
 * The programs that build the images of all kernels anew, in order, each ending with NULL.
 */
struct rebuild {
	const char *const *steps[REBUILD_STEPS];
	size_t count;
};

/*
 * With what is installed in `root`: the image generator, and what copies images to where
 * the firmware finds them. No steps without a generator.
 */
void rebuild_plan(const struct root *root, struct rebuild *ret);

#endif
