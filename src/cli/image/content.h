/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_CONTENT_H
#define VFIO_EARLY_CONTENT_H

#include "machine/finding.h"
#include "machine/machine.h"
#include "root.h"
#include "util.h"

/*
 * Has the image taken apart at `tree` what it would get today, and nothing else: boot
 * program, config, list of modules and the modules? `machine`: with the image's kernel as
 * its own. 0 or -ENOMEM; what is wrong is added to `findings`.
 */
int content_check(const struct machine *machine, const struct root *tree,
		  struct findings *findings) _must_check_;

/* Does the config ask for anything? Without, an image gets nothing of ours. */
bool content_is_wanted(const struct machine *machine);

/* Is anything of ours in it? */
bool content_is_there(const struct root *tree);

#endif
