/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_UNPACK_H
#define VFIO_EARLY_UNPACK_H

#include "lib/scratch.h"
#include "root.h"
#include "text.h"
#include "util.h"

/* An image taken apart, for tree.h to look at. Starts as UNPACKED_NONE. */
struct unpacked {
	struct scratch scratch;
	struct root tree; /* the main archive: where the image's /init is */
};

#define UNPACKED_NONE ((struct unpacked){ .tree = ROOT_NONE })

/*
 * Takes the image at `path` apart with unmkinitramfs, or lsinitrd where that is what is
 * installed; a unified kernel image by way of objcopy. 0, or -errno with the reason added
 * to `why`: -ENOPKG if no such program is installed, -EINTR if a signal asked us to end.
 * unpacked_done() in either case.
 */
int unpack_image(const char *path, struct unpacked *ret, struct text *why) _must_check_;
void unpacked_done(struct unpacked *unpacked);

#endif
