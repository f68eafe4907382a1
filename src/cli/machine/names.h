/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_NAMES_H
#define VFIO_EARLY_NAMES_H

#include "machine/machine.h"
#include "pci.h"

#define NAMES_SIZE 160 /* of a name; longer ones are cut */

/* Names of vendors, devices and classes. Opaque: libpci's context. */
struct names;

/*
 * Uses the pci.ids of the machine's own tree, or this system's if the tree has none, and
 * never the network. The file is read when the first name is needed. Returns NULL if
 * memory is short.
 */
struct names *names_open(const struct machine *machine);
void names_close(struct names *names);

/*
 * Each stores a name, or "" if there is none, in NAMES_SIZE bytes at `name`. Returns
 * `name`.
 */
const char *names_vendor(struct names *names, const struct pci_function *function, char *name);
const char *names_device(struct names *names, const struct pci_function *function, char *name);
const char *names_class(struct names *names, const struct pci_function *function, char *name);

/*
 * The same for the vendor's short name and the device's name: "NVIDIA GP106 [GeForce
 * ...]".
 */
const char *names_full(struct names *names, const struct pci_function *function, char *name);

/* Adds "0000:01:00.0 [10de:1c03] NVIDIA GP106 [GeForce ...]". */
void names_describe(struct names *names, const struct pci_function *function, struct text *text);

#endif
