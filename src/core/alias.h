/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ALIAS_H
#define VFIO_EARLY_ALIAS_H

#include <stdbool.h>

#include "pci.h"

/*
 * The line of a modules.alias that a vfio driver has for the devices it was made for
 * (PCI_DRIVER_OVERRIDE_DEVICE_VFIO in include/linux/pci.h of Linux):
 *
 *   alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci
 */
#define ALIAS_PREFIX "alias vfio_pci:"

/*
 * The driver for `function` with driver=auto: of the lines in `aliases` that match, the one with
 * the fewest "*" (as vfio's documentation and libvirt have it); "vfio-pci" if none does.
 * `driver` has PCI_DRIVER_SIZE bytes.
 */
void alias_best_driver(const char *aliases, const struct pci_function *function, char *driver);

#endif
