/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_HOST_USE_H
#define VFIO_EARLY_HOST_USE_H

#include <stdbool.h>

#include "inuse/in-use.h"
#include "machine/machine.h"

/*
 * Finds the functions under the machine's mounted file systems, swap, hibernation image and
 * default routes. 0 or -ENOMEM; in either case in_uses_done() frees what `ret` has.
 */
int host_use_find(const struct machine *machine, struct in_uses *ret) _must_check_;

/*
 * The keep lines that protect them, in the config language, by path and ID, for an image of this
 * machine. Nothing if the machine is not the running one (another --root, a chroot, a container):
 * what a build machine uses says nothing about where the image will run. 0 or -ENOMEM.
 */
int host_use_keep_lines(const struct machine *machine, struct text *text) _must_check_;

/* Is the root file system of the host a dataset of ZFS? */
bool host_use_root_is_zfs(const struct machine *machine);

#endif
