/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_HOST_USE_H
#define VFIO_EARLY_HOST_USE_H

#include <stdbool.h>

#include "inuse/in-use.h"
#include "machine/machine.h"

/*
 * Finds the functions below the machine's mounted file systems, swap, hibernation image
 * and default routes. Returns 0 or -ENOMEM. In either case in_uses_done() frees `ret`.
 */
int host_use_find(const struct machine *machine, struct in_uses *ret) _must_check_;

/*
 * Matches the lines of the machine again, with the functions of `uses` that the host certainly uses
 * under the same protection as at boot. Returns 0 or -ENOMEM.
 */
int host_use_protect(struct machine *machine, const struct in_uses *uses) _must_check_;

/*
 * Adds the keep lines that protect these functions in an image of this machine, by path
 * and ID, in the config language. Adds nothing if the machine is not the running one
 * (another --root, a chroot, a container), because the image will run on other hardware.
 * Returns 0 or -ENOMEM.
 */
int host_use_keep_lines(const struct machine *machine, struct text *text) _must_check_;

/* Returns whether the host's root file system is a ZFS dataset. */
bool host_use_root_is_zfs(const struct machine *machine);

#endif
