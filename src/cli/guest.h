/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_GUEST_H
#define VFIO_EARLY_GUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "pci.h"
#include "text.h"

/* The functions that one guest gets. `card`: they are all that the card has. */
struct guest_functions {
	const struct pci_function **items;
	size_t count;
	bool card;
};

/* Returns whether `function` is one of them. */
bool guest_has(const struct guest_functions *functions, const struct pci_function *function);

/* Adds "0000:01:00" for a whole card of several functions, or the address of the first. */
void guest_add_address(const struct guest_functions *functions, struct text *text);

/* Each adds what a person enters for a guest of Proxmox VE, libvirt or QEMU. */
void guest_add_proxmox(const struct guest_functions *functions, struct text *text);
void guest_add_libvirt(const struct guest_functions *functions, struct text *text);
void guest_add_qemu(const struct guest_functions *functions, struct text *text);

#endif
