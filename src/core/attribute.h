/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ATTRIBUTE_H
#define VFIO_EARLY_ATTRIBUTE_H

#include "pci.h"
#include "root.h"

#define DEVICE_DIRECTORY "sys/bus/pci/devices"
#define DEVICE_PATH_SIZE 96

/* "sys/bus/pci/devices/ADDRESS/ATTRIBUTE" in `path`, DEVICE_PATH_SIZE bytes, which is returned. */
const char *device_path(const struct pci_address *address, const char *attribute, char *path);

/* The name of the driver that has the function, "" for none, in PCI_DRIVER_SIZE bytes. */
void device_driver(const struct root *root, const struct pci_address *address, char *driver);

#endif
