/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_STORAGE_H
#define VFIO_EARLY_STORAGE_H

#include <stdbool.h>

#include "inuse/in-use.h"
#include "machine/machine.h"

/*
 * Adds the functions under mounted file systems (all members of a btrfs or ZFS pool among them),
 * swap, and the place of the hibernation image. A ZFS member whose pool can't be told from those
 * that are imported is added as uncertain. 0 or -ENOMEM.
 */
int storage_add_uses(const struct machine *machine, struct in_uses *uses) _must_check_;

/*
 * Adds what may be of use to the host or to a guest that runs now: active volumes, mounted or not,
 * and disks that a guest has open. 0 or -ENOMEM.
 */
int storage_add_possible_uses(const struct machine *machine,
			      struct in_uses *uses) _must_check_;

/* Is the root file system of the host a dataset of ZFS? */
bool storage_root_is_zfs(const struct machine *machine);

#endif
