/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that are not where their line says: in another slot, or on a bus with a new number. */

#include "machine/moved.h"

#include "condition.h"

bool moved_may_be(const struct machine *machine, const struct rule *rule,
		  const struct pci_function *function)
{
	return rule->given & CONDITIONS_IDENTITY &&
	       !(condition_missed(rule, function) & CONDITIONS_IDENTITY) &&
	       !pci_is_infrastructure(function) && !machine_claim_of(machine, function);
}

const struct pci_function *moved_find(const struct machine *machine, const struct rule *rule)
{
	const struct pci_snapshot *snapshot = &machine->snapshot;
	const struct pci_function *last = NULL, *last_at_path = NULL;
	size_t found = 0, found_at_path = 0;

	if (!(rule->given & (CONDITION_ADDRESS | CONDITION_PATH)))
		return NULL;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pci_function *function = &snapshot->functions[i];

		if (!moved_may_be(machine, rule, function))
			continue;
		last = function;
		found++;
		if (!(rule->given & CONDITION_PATH) ||
		    condition_missed(rule, function) & CONDITION_PATH)
			continue;
		last_at_path = function;
		found_at_path++;
	}
	return found_at_path == 1 ? last_at_path : found == 1 ? last : NULL;
}

void moved_add_command(const struct machine *machine, const struct rule *rule, struct text *text)
{
	const struct pci_function *function = moved_find(machine, rule);
	const char *root = root_prefix(machine->directory);
	char address[PCI_ADDRESS_SIZE];

	if (!function)
		return;
	text_add(text, "vfio-early move ");
	if (rule->given & CONDITION_ADDRESS)
		text_add(text, pci_address_format(&rule->address, address));
	else
		place_add(&rule->place, text);
	text_add(text, " ", pci_address_format(&function->address, address));
	if (*root)
		text_add(text, " --root ", root);
}
