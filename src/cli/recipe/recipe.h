/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_RECIPE_H
#define VFIO_EARLY_RECIPE_H

#include "machine.h"
#include "util.h"
#include "wish.h"

/*
 * What the recipes on this machine ask for: modprobe.d, the kernel command line, driverctl,
 * unRAID, Qubes, Proxmox, and scripts in init-top, as TrueNAS writes one. 0 or -errno.
 */
int recipe_find(const struct machine *machine, struct wishes *ret) _must_check_;

/* What a file says that somebody names: in any of their formats, or a list of addresses. */
int recipe_read(const struct machine *machine, const char *file,
		struct wishes *ret) _must_check_;

#endif
