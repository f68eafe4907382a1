/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_BLOCK_H
#define VFIO_EARLY_BLOCK_H

#include "inuse/in-use.h"
#include "machine/machine.h"

#define BLOCK_NAME_SIZE 64

/*
 * Stores the /sys/class/block name of "/dev/sda1", "/dev/vg/root", "8:1", "UUID=..." or
 * "PARTUUID=..." in BLOCK_NAME_SIZE bytes at `name`. Returns false if there is no such
 * device.
 */
bool block_find(const struct root *root, const char *source, char *name);

/*
 * Adds the use `what` to the functions below a block device, through partitions, LVM, MD,
 * dm-crypt and bcache (all of them have `slaves` in sysfs) and NVMe multipath. Returns 0
 * or -ENOMEM.
 */
int block_add_use(const struct machine *machine, const char *name, const char *what, bool certain,
		  struct in_uses *uses) _must_check_;

/*
 * Stores a udev property of the block device, for example "ID_FS_TYPE", in `size` bytes
 * at `value`. Returns false if the device has no such property, or if udev does not run.
 */
bool block_property(const struct root *root, const char *name, const char *key, char *value,
		    size_t size);

#endif
