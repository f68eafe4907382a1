/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PROXMOX_H
#define VFIO_EARLY_PROXMOX_H

#include <stdbool.h>

#include "import/format.h"
#include "root.h"
#include "util.h"

#define PROXMOX_MAPPINGS "etc/pve/mapping/pci.cfg"

/* Adds an entry for each path of a mapping, the text after "map ". Returns 0 or -ENOMEM. */
int proxmox_add_mapping(const struct reading *reading, const struct file_line *line,
			char *properties) _must_check_;

/* Is the line one of a guest's configuration that names devices: "hostpci0: ..."? */
bool proxmox_is_hostpci(const char *text);

/* Adds the devices of one guest, whose configuration is `path` in `root`. Returns 0 or -ENOMEM. */
int proxmox_read_guest(const struct reading *reading, const struct root *root,
		       const char *path) _must_check_;

/* The same for all guests of this node. */
int proxmox_read_guests(const struct reading *reading) _must_check_;

#endif
