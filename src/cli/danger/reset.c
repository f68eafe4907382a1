/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How it comes back from a guest. */

#include "danger/reset.h"

#include "machine/sysfs.h"

/* Is it below a bridge? Then its bus can be reset. */
static bool has_bus_of_its_own(const struct danger_context *context,
			       const struct pci_function *function)
{
	struct pci_path path;

	return sysfs_path(&context->machine->root, &function->address, &path) && path.hops > 1;
}

/*
 * vfio resets a whole bus if every function on it is the guest's. "" where that is so; else what
 * to write on the line to make it so, or NULL if nothing does: others have the rest of the bus.
 */
static const char *word_for_bus(const struct danger_context *context,
				const struct pci_function *function)
{
	const struct machine *machine = context->machine;
	const struct pci_address *own = &function->address;
	const char *word = "";

	for (size_t i = 0; i < machine->snapshot.count; i++) {
		const struct pci_function *other = &machine->snapshot.functions[i];
		const struct pci_address *address = &other->address;

		if (address->domain != own->domain || address->bus != own->bus ||
		    danger_context_claim(context, other))
			continue;
		if (sysfs_group(&machine->root, address) != sysfs_group(&machine->root, own))
			return NULL;
		if (!pci_same_card(other, function))
			word = "with=group";
		else if (!*word)
			word = "with=functions";
	}
	return word;
}

void reset_find_none(const struct danger_context *context, const struct claim *claim,
		     struct finding *finding)
{
	const char *word = has_bus_of_its_own(context, claim->function)
				   ? word_for_bus(context, claim->function)
				   : NULL;
	char methods[128];

	sysfs_reset(&context->machine->root, &claim->function->address, methods, sizeof(methods));
	if (*methods || (word && !*word))
		return;
	text_add(&finding->text, "nothing can reset it: it serves one start of a guest, and "
				 "then needs the host to reboot");
	if (word)
		finding_add_word(finding, word, claim->rule);
	else
		text_add(&finding->remedy, "start its guest once a boot, or pass through "
					   "another device");
	text_add(&finding->remedy, word ? ", so that its whole bus can be reset" : "");
}
