/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_BLOCK_H
#define VFIO_EARLY_BLOCK_H

#include "inuse/in-use.h"
#include "machine/machine.h"

#define BLOCK_NAME_SIZE 64

/*
 * The name in /sys/class/block of what a person or the kernel calls "/dev/sda1", "/dev/vg/root",
 * "8:1", "UUID=..." or "PARTUUID=...". `name` has BLOCK_NAME_SIZE bytes. False if there is none.
 */
bool block_find(const struct root *root, const char *source, char *name);

/*
 * Adds `what` to the functions below a block device: through partitions, LVM, MD, dm-crypt,
 * bcache (all those have `slaves` in sysfs) and NVMe multipath. 0 or -ENOMEM.
 */
int block_add_use(const struct machine *machine, const char *name, const char *what,
		  bool certain, struct in_uses *uses) _must_check_;

/*
 * A property that udev found on the block device, as "ID_FS_TYPE", in `size` bytes at `value`.
 * False if it has none, or if udev doesn't run.
 */
bool block_property(const struct root *root, const char *name, const char *key,
		    char *value, size_t size);

#endif
