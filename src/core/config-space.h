/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_CONFIG_SPACE_H
#define VFIO_EARLY_CONFIG_SPACE_H

#include <stdint.h>

#include "pci.h"
#include "root.h"
#include "util.h"

/* The details that only the configuration space shows. */
#define CONFIG_SPACE_DETAILS (PCI_SERIAL | PCI_HEADER)

/* How long all reads of one scan may take together, if some of them do not return. */
#define CONFIG_SPACE_DEADLINE_MS 2000

/* Reads `details`, of CONFIG_SPACE_DETAILS, of one function. Can wait for the device. */
void config_space_read(const struct root *root, struct pci_function *function,
		       unsigned int details);

/*
 * Reads `details[i]` of function i of the snapshot in a child process: a device that does not wake
 * up, or whose link is down, can make the kernel wait. Then the function's details stay unknown.
 * 0 or -ENOMEM.
 */
int config_space_read_all(const struct root *root, struct pci_snapshot *snapshot,
			  const uint8_t *details) _must_check_;

#endif
