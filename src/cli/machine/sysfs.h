/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SYSFS_H
#define VFIO_EARLY_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

#include "pci.h"
#include "root.h"

/* What sysfs tells of one function and only the host program wants to know. */

/* The number of its IOMMU group, -1 for none. */
int sysfs_group(const struct root *root, const struct pci_address *address);

/*
 * How the kernel can reset it, "flr bus" for example, in `size` bytes at `methods`; "reset" where
 * the kernel (before 5.15) doesn't say how, "" where nothing can.
 */
void sysfs_reset(const struct root *root, const struct pci_address *address,
		 char *methods, size_t size);

/* The number of virtual functions that it has now. */
unsigned int sysfs_virtual_functions(const struct root *root,
				     const struct pci_address *address);

/* The physical function of a virtual one. False if it is none. */
bool sysfs_physical_function(const struct root *root, const struct pci_address *address,
			     struct pci_address *ret);

/* The NUMA node, -1 for none. */
int sysfs_numa_node(const struct root *root, const struct pci_address *address);

/* Its modalias, "pci:v...", in `size` bytes. False if it can't be read. */
bool sysfs_modalias(const struct root *root, const struct pci_address *address,
		    char *modalias, size_t size);

/* The way to it through the bridges. False if it can't be read. */
bool sysfs_path(const struct root *root, const struct pci_address *address,
		struct pci_path *ret);

/* Returns whether `driver`, "" for none, is for guests: VFIO's own drivers and pci-stub are. */
bool sysfs_is_guest_driver(const char *driver);

/*
 * Does `driver`, "" for none, keep its function's group from a guest? VFIO's own drivers do not,
 * nor those that leave DMA to others (driver_managed_dma).
 */
bool sysfs_is_host_driver(const char *driver);

/* Is the PCI driver `driver`, which is registered now, built into the kernel? */
bool sysfs_driver_is_built_in(const struct root *root, const char *driver);

#endif
