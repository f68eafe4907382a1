/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SCRATCH_H
#define VFIO_EARLY_SCRATCH_H

#include "root.h"
#include "util.h"

/* A private directory, which is removed in every case except SIGKILL. Starts zeroed. */
struct scratch {
	char path[ROOT_PATH_SIZE]; /* absolute; "" for none */
};

/*
 * Creates the directory in $TMPDIR or /var/tmp, as image generators do: an unpacked image
 * is too large for a /tmp in memory. Holds signals (interrupt.h) until scratch_done().
 * Returns 0 or -errno.
 */
int scratch_open(struct scratch *ret) _must_check_;

/* Removes the directory and its content. */
void scratch_done(struct scratch *scratch);

#endif
