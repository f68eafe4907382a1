/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SOURCES_H
#define VFIO_EARLY_SOURCES_H

#include "import/entries.h"
#include "machine/machine.h"
#include "util.h"

/*
 * Finds the entries of other tools on this machine: modprobe.d, the kernel command line,
 * driverctl, unRAID, Qubes, scripts in init-top, as TrueNAS writes one, and
 * Proxmox VE and libvirt with their guests. Returns 0 or -errno.
 */
int sources_find(const struct machine *machine, struct entries *ret) _must_check_;

/* Finds the entries of one file, in any of these formats or as a list of addresses. */
int sources_read(const struct machine *machine, const char *file, struct entries *ret) _must_check_;

#endif
