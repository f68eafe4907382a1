/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SELECTION_H
#define VFIO_EARLY_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"
#include "machine/names.h"
#include "pci.h"
#include "text.h"
#include "util.h"

/* The functions that a word selects, in the order of their addresses. Starts zeroed. */
struct selection {
	struct pci_address *addresses;
	size_t count;
};

/*
 * Finds the functions that `word` selects on this machine: any condition of the config
 * language (an address, an ID, class=, path= ...), "01:00" for the first function of a
 * card, "group=N", or a part of the vendor's or the device's name in upper or lower case.
 * Bridges are left out. Returns 0, -ENOMEM, or -EINVAL with the problem in `why`. If an
 * address or an ID selects nothing, `why` contains a suggestion.
 */
int selection_find(const struct machine *machine, struct names *names, const char *word,
		   struct selection *ret, struct text *why) _must_check_;
bool selection_has(const struct selection *selection, const struct pci_address *address);
void selection_done(struct selection *selection);

#endif
