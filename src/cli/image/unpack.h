/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_UNPACK_H
#define VFIO_EARLY_UNPACK_H

#include "lib/scratch.h"
#include "root.h"
#include "text.h"
#include "util.h"

/* An unpacked image, for tree.h. Starts as UNPACKED_NONE. */
struct unpacked {
	struct scratch scratch;
	struct root tree; /* the main archive: where the image's /init is */
};

#define UNPACKED_NONE ((struct unpacked){ .tree = ROOT_NONE })

/*
 * Unpacks the image at `path` with unmkinitramfs or lsinitrd, whichever is installed, and
 * a unified kernel image with objcopy first. Returns 0, or -errno with the reason in
 * `why`: -ENOPKG if no such program is installed, -EINTR after a signal. In either case
 * unpacked_done() frees `ret`.
 */
int unpack_image(const char *path, struct unpacked *ret, struct text *why) _must_check_;
void unpacked_done(struct unpacked *unpacked);

#endif
