/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dangers, told to who is about to take a device: what is refused, and what is only a warning. */

#include "guard.h"

#include <stdio.h>

#include "command.h"
#include "printable.h"

static bool refuse(const struct dangers *dangers, const struct claim *claim,
		   const char *action)
{
	const struct danger *danger = dangers_refuse(dangers, claim);
	char address[PCI_ADDRESS_SIZE];

	pci_address_format(&claim->function->address, address);
	if (danger)
		complain("%s: refused: %s; --allow %s would %s it all the same", address,
			 danger->text, danger_kind_name(danger->kind), action);
	else if (claim->result != RESULT_NONE)
		complain("%s: %s: %s", address, result_name(claim->result),
			 claim->reason ? claim->reason
				       : "another line names another driver for it");
	else
		return false;
	return true;
}

bool guard_refuses(const struct machine *machine, const struct dangers *dangers,
		   const struct rule *rule, const char *action)
{
	const struct match *match = &machine->match;
	bool refused = false;

	for (size_t i = 0; i < match->claim_count; i++)
		if (!rule || match->claims[i].rule == rule)
			refused |= refuse(dangers, &match->claims[i], action);
	return refused;
}

void guard_warn(const struct dangers *dangers, const struct rule *rule)
{
	for (size_t i = 0; i < dangers->count; i++) {
		const struct danger *danger = &dangers->items[i];
		struct text subject = { 0 };

		if (danger->refuses || (rule && danger->rule && danger->rule != rule))
			continue;
		danger_add_subject(danger, &subject);
		printable_print(stderr, "warning: %s: %s; %s\n", text_string(&subject),
				danger->text, danger->remedy);
		text_done(&subject);
	}
}
