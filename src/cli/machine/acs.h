/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ACS_H
#define VFIO_EARLY_ACS_H

#include "pci.h"
#include "root.h"

/* Whether a bridge separates what is below it from other devices, so that groups can be small. */
enum acs_state {
	ACS_ON,		  /* it does, or need not: an upstream port */
	ACS_OFF,	  /* it has Access Control Services, and they are off */
	ACS_MISSING,	  /* a port without Access Control Services */
	ACS_CONVENTIONAL, /* conventional PCI: the kernel cannot tell its devices apart */
	ACS_UNKNOWN,	  /* only root can read this */
};

/*
 * Reads it from the configuration space of `bridge`, as pci_acs_enabled() in drivers/pci/pci.c of
 * Linux. The kernel also has a list of ports that isolate without it (drivers/pci/quirks.c).
 */
enum acs_state acs_state(const struct root *root, const struct pci_function *bridge);

/* Returns the state as the end of a sentence: "has no ACS". */
const char *acs_state_words(enum acs_state state);

#endif
