/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_IMAGES_H
#define VFIO_EARLY_IMAGES_H

#include <stddef.h>

#include "root.h"
#include "util.h"

/* The images that a boot loader can choose from. Starts zeroed. */
struct images {
	char **paths; /* in the root, without a leading slash */
	size_t count;
};

/*
 * Finds the images in /boot, on the EFI system partition, and where kernel-install puts
 * them. Rescue images are left out because nobody rebuilds them, and crash dump images
 * because they boot no host. Returns 0 or -ENOMEM. In either case images_done() frees
 * `ret`.
 */
int images_find(const struct root *root, struct images *ret) _must_check_;
void images_done(struct images *images);

#endif
