/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DEVICE_H
#define VFIO_EARLY_DEVICE_H

#include "attribute.h"
#include "cmdline.h"
#include "conf.h"
#include "pci.h"
#include "root.h"
#include "util.h"

/*
 * The functions of the machine, each with the details that the active rules need to know. A
 * function that vanishes while it is read is left out. 0 or -errno, -ENOENT without a PCI bus in
 * sysfs; in either case pci_snapshot_done() frees what `ret` has.
 */
int device_scan(const struct root *root, const struct conf *conf, const struct cmdline *cmdline,
		struct pci_snapshot *ret) _must_check_;

/*
 * The same for the functions whose addresses the active bind lines state, and for what with= may
 * bring in beside them. Cost does not depend on the size of the machine. One that isn't there is
 * left out.
 */
int device_scan_listed(const struct root *root, const struct conf *conf,
		       const struct cmdline *cmdline, struct pci_snapshot *ret) _must_check_;

/* Sets `driver` of the function at `index`. A scan leaves it empty: few functions are claimed. */
void device_read_driver(const struct root *root, struct pci_snapshot *snapshot, size_t index);

/* Reads more details (enum pci_detail) of the function at `index`; its group mates may be added. */
int device_read_details(const struct root *root, struct pci_snapshot *snapshot, size_t index,
			unsigned int details) _must_check_;

#endif
