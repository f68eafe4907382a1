/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_CONTENT_H
#define VFIO_EARLY_CONTENT_H

#include "machine/finding.h"
#include "machine/machine.h"
#include "root.h"
#include "util.h"

/*
 * Compares the image unpacked at `tree` with what a rebuilt image would contain: the boot
 * program, the config, the load plan and its modules. `machine` must have the image's
 * kernel. Adds the differences to `findings`. Returns 0 or -ENOMEM.
 */
int content_check(const struct machine *machine, const struct root *tree,
		  struct findings *findings) _must_check_;

/* Returns whether the config needs vfio-early in images. */
bool content_is_wanted(const struct machine *machine);

/* Returns whether the image contains any file of vfio-early. */
bool content_is_there(const struct root *tree);

#endif
