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

/* Functions that a person's word means, in the order of their addresses. Starts zeroed. */
struct selection {
	struct pci_address *addresses;
	size_t count;
};

/*
 * What `word` means on this machine: any condition of the config language (an address, an ID,
 * class=, path= ...), "01:00" for the first function of a card, "group=N", or a part of the
 * vendor's and the device's names, in either
 * case. Bridges never. 0, -ENOMEM, or -EINVAL with what is wrong in `why`. Where nothing is there
 * that an address or an ID means, `why` has what it may have meant.
 */
int selection_find(const struct machine *machine, struct names *names, const char *word,
		   struct selection *ret, struct text *why) _must_check_;
void selection_done(struct selection *selection);

#endif
