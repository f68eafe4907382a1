/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_CARD_H
#define VFIO_EARLY_CARD_H

#include <stdbool.h>

#include "pci.h"

/*
 * Parses "01:00" or "0000:01:00", the address of a card: the part that all its functions share.
 * Stores the address of its first function. Returns false if `word` is something else.
 */
bool card_parse(const char *word, struct pci_address *ret);

#endif
