/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_BOOT_LOADER_H
#define VFIO_EARLY_BOOT_LOADER_H

#include "root.h"
#include "text.h"

/*
 * Adds "CHANGE the kernel command line" and how to do that on this machine: ": edit
 * GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub and run update-grub". `change` is, for example,
 * "add intel_iommu=on to". If the boot loader is not known, the steps are left out.
 */
void boot_loader_add_edit(const struct root *root, const char *change, struct text *text);

#endif
