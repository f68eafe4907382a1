/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_REBUILD_H
#define VFIO_EARLY_REBUILD_H

#include <stddef.h>

#include "root.h"

#define REBUILD_STEPS 2 /* at most */

/* The commands that rebuild the images of all kernels, in order. Each ends with NULL. */
struct rebuild {
	const char *const *steps[REBUILD_STEPS];
	size_t count;
};

/*
 * Plans the rebuild with the tools installed in `root`: the image generator, and the tool
 * that copies images to where the firmware finds them. There are no steps without a
 * generator.
 */
void rebuild_plan(const struct root *root, struct rebuild *ret);

#endif
