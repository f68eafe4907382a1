/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_NAMES_H
#define VFIO_EARLY_NAMES_H

#include "machine/machine.h"
#include "pci.h"

#define NAMES_SIZE 160 /* of a name; longer ones are cut */

/* The names of vendors, devices and classes. Opaque: libpci's context. */
struct names;

/*
 * From the pci.ids of the machine's own tree if it has one, else from this system's; never from
 * the network. NULL without memory. Nothing is read before the first question.
 */
struct names *names_open(const struct machine *machine);
void names_close(struct names *names);

/* Each in NAMES_SIZE bytes at `name`, which is returned; "" for what has no name. */
const char *names_vendor(struct names *names, const struct pci_function *function,
			 char *name);
const char *names_device(struct names *names, const struct pci_function *function,
			 char *name);
const char *names_class(struct names *names, const struct pci_function *function,
			char *name);

/* "NVIDIA GP106 [GeForce GTX 1060 6GB]": the vendor's short name and the device's. */
const char *names_full(struct names *names, const struct pci_function *function,
		       char *name);

#endif
