/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LIBVIRT_H
#define VFIO_EARLY_LIBVIRT_H

#include "import/format.h"
#include "root.h"
#include "util.h"

#define LIBVIRT_GUESTS "etc/libvirt/qemu"

/*
 * Adds an entry for each PCI device of a guest of libvirt, whose definition is `path` in `root`,
 * or an entry with the problem. Returns 0 or -ENOMEM.
 */
int libvirt_read_guest(const struct reading *reading, const struct root *root,
		       const char *path) _must_check_;

/* The same for all guests of the machine. */
int libvirt_read_guests(const struct reading *reading) _must_check_;

#endif
