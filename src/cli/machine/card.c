/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The address of a card, for commands and for other tools' configuration: it needs no machine. */

#include "machine/card.h"

#include <string.h>

#include "util.h"

bool card_parse(const char *word, struct pci_address *ret)
{
	char first[PCI_ADDRESS_SIZE];

	return !strchr(word, '.') && string_join(first, sizeof(first), word, ".0", NULL) &&
	       !pci_address_parse(first, ret);
}
