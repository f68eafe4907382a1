/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SOURCES_H
#define VFIO_EARLY_SOURCES_H

#include "import/entries.h"
#include "machine/machine.h"
#include "util.h"

/*
 * What the recipes on this machine ask for: modprobe.d, the kernel command line, driverctl,
 * unRAID, Qubes, Proxmox, and scripts in init-top, as TrueNAS writes one. 0 or -errno.
 */
int sources_find(const struct machine *machine, struct entries *ret) _must_check_;

/* What a file says that somebody names: in any of their formats, or a list of addresses. */
int sources_read(const struct machine *machine, const char *file,
		 struct entries *ret) _must_check_;

#endif
