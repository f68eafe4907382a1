/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SYSFS_H
#define VFIO_EARLY_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

#include "pci.h"
#include "root.h"

/* Reads what sysfs says about one function and only the host program needs. */

/* Returns the number of the function's IOMMU group, or -1 if it has none. */
int sysfs_group(const struct root *root, const struct pci_address *address);

#define SYSFS_RESET_NONE "none"
#define SYSFS_RESET_UNKNOWN "unknown"

/*
 * Stores the kernel's reset methods, for example "flr bus", in `size` bytes at `methods`: "reset"
 * if the kernel (before 5.15) does not list them, SYSFS_RESET_NONE if there is none, and
 * SYSFS_RESET_UNKNOWN if this user cannot read them.
 */
void sysfs_reset(const struct root *root, const struct pci_address *address, char *methods,
		 size_t size);

/* Returns how many virtual functions the function has now. */
unsigned int sysfs_virtual_functions(const struct root *root, const struct pci_address *address);

/*
 * Stores the physical function of a virtual function. Returns false for any other
 * function.
 */
bool sysfs_physical_function(const struct root *root, const struct pci_address *address,
			     struct pci_address *ret);

/*
 * Stores the function whose driver makes the domain that this function is in. Intel's VMD makes
 * such a domain, above ffff: .../0000:00:0e.0/pci10000:e0/... Returns false if no function does.
 */
bool sysfs_controller(const struct root *root, const struct pci_address *address,
		      struct pci_address *ret);

/* Returns the NUMA node, or -1 for none. */
int sysfs_numa_node(const struct root *root, const struct pci_address *address);

/*
 * Stores the modalias, "pci:v...", in `size` bytes. Returns false if it cannot be read.
 */
bool sysfs_modalias(const struct root *root, const struct pci_address *address, char *modalias,
		    size_t size);

/* Stores the path through the bridges. Returns false if it cannot be read. */
bool sysfs_path(const struct root *root, const struct pci_address *address, struct pci_path *ret);

/*
 * Returns whether `driver` ("" for none) serves guests: VFIO's own drivers and pci-stub
 * do.
 */
bool sysfs_is_guest_driver(const char *driver);

/*
 * Returns whether `driver` ("" for none) keeps its function's group from a guest. VFIO's
 * own drivers and drivers that leave DMA to other drivers (driver_managed_dma) do not.
 */
bool sysfs_is_host_driver(const char *driver);

/* Returns whether the registered PCI driver `driver` is built into the kernel. */
bool sysfs_driver_is_built_in(const struct root *root, const char *driver);

#endif
