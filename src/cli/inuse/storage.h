/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_STORAGE_H
#define VFIO_EARLY_STORAGE_H

#include <stdbool.h>

#include "inuse/in-use.h"
#include "machine/machine.h"

/*
 * Adds the functions below mounted file systems (including all members of a btrfs or ZFS
 * pool), boot partitions that are mounted when needed, swap, and the hibernation image. A ZFS
 * member is added as uncertain if it is
 * unknown whether its pool is imported. Returns 0 or -ENOMEM.
 */
int storage_add_uses(const struct machine *machine, struct in_uses *uses) _must_check_;

/*
 * Adds what the host or a running guest may use: active volumes, mounted or not, and
 * disks that a guest has open. Returns 0 or -ENOMEM.
 */
int storage_add_possible_uses(const struct machine *machine, struct in_uses *uses) _must_check_;

/* Returns whether the host's root file system is a ZFS dataset. */
bool storage_root_is_zfs(const struct machine *machine);

#endif
