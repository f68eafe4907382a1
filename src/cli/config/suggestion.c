/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slips of the finger: the device that a line may have meant. */

#include "config/suggestion.h"

#include <string.h>

#define SLIPS_MAX 2
#define WORD_MAX PCI_ADDRESS_SIZE

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * How many characters must be changed, added, left out or swapped with their neighbour to make
 * `a` of `b` (the optimal string alignment distance).
 */
static size_t count_slips(const char *a, const char *b)
{
	size_t distance[WORD_MAX + 1][WORD_MAX + 1];
	size_t rows = strnlen(a, WORD_MAX), columns = strnlen(b, WORD_MAX);

	for (size_t i = 0; i <= rows; i++) {
		for (size_t j = 0; j <= columns; j++) {
			size_t *here = &distance[i][j];

			*here = i + j; /* right in the first row and column */
			if (!i || !j)
				continue;
			*here = least(distance[i - 1][j], distance[i][j - 1]) + 1;
			*here = least(*here, distance[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				*here = least(*here, distance[i - 2][j - 2] + 1);
		}
	}
	return distance[rows][columns];
}

static size_t id_slips(const struct rule *rule, const struct pci_function *function)
{
	char stated[PCI_ID_SIZE], is[PCI_ID_SIZE];

	return count_slips(pci_id_format(&rule->id, stated), pci_id_format(&function->id, is));
}

static bool is_on_card(const struct rule *rule, const struct pci_function *function)
{
	return rule->address.domain == function->address.domain &&
	       rule->address.bus == function->address.bus &&
	       rule->address.device == function->address.device;
}

/*
 * Guesses by the ID, or else by the card: another function of the one that the address names.
 * Addresses as such are all alike: two slips lead from one to half the machine, and a wrong guess
 * can be the disk of the root file system.
 */
void suggestion_add(const struct rule *rule, const struct pci_snapshot *snapshot, struct text *text)
{
	const bool by_id = rule->given & CONDITION_ID;
	const struct pci_function *nearest = NULL;
	size_t fewest = SLIPS_MAX + 1;
	char id[PCI_ID_SIZE], address[PCI_ADDRESS_SIZE];

	if (!by_id && !(rule->given & CONDITION_ADDRESS))
		return;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pci_function *function = &snapshot->functions[i];
		size_t slips;

		if (pci_is_infrastructure(function))
			continue;
		slips = by_id ? id_slips(rule, function) : is_on_card(rule, function) ? 1 : fewest;
		if (slips >= fewest)
			continue;
		fewest = slips;
		nearest = function;
	}
	if (nearest)
		text_add(text, pci_id_format(&nearest->id, id), " at ",
			 pci_address_format(&nearest->address, address));
}
