/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SCRATCH_H
#define VFIO_EARLY_SCRATCH_H

#include "root.h"
#include "util.h"

/*
 * A private directory, gone again whatever happens meanwhile but SIGKILL. Starts zeroed.
 */
struct scratch {
	char path[ROOT_PATH_SIZE]; /* absolute; "" for none */
};

/*
 * Makes it, in $TMPDIR or /var/tmp, as the image generators do: an image taken apart is
 * too much for a /tmp in memory. Signals are held (interrupt.h) until it is gone. 0 or
 * -errno.
 */
int scratch_open(struct scratch *ret) _must_check_;

/* Removes it with all that is in it. */
void scratch_done(struct scratch *scratch);

#endif
