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
 * Finds them where the distributions put them: in /boot, on the EFI system partition, and
 * where kernel-install does. Those for rescue and for crash dumps are left out: nobody
 * rebuilds the first, and the second boots no host. 0 or -ENOMEM; in either case
 * images_done() frees what `ret` has.
 */
int images_find(const struct root *root, struct images *ret) _must_check_;
void images_done(struct images *images);

#endif
