/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How it comes back from a guest. */

#include "danger/reset.h"

#include <string.h>

#include "machine/group.h"
#include "machine/sysfs.h"

/* Is it below a bridge? Then its bus can be reset. */
static bool has_bus_of_its_own(const struct danger_context *context,
			       const struct pci_function *function)
{
	struct pci_path path;

	return sysfs_path(&context->machine->root, &function->address, &path) && path.hops > 1;
}

static bool is_on_bus(const struct pci_address *a, const struct pci_address *b)
{
	return a->domain == b->domain && a->bus == b->bus;
}

/*
 * vfio resets a whole bus if every function on it is the guest's. "" where that is so; else what
 * to write on the line to make it so, or NULL if nothing does: others have the rest of the bus.
 */
static const char *word_for_bus(const struct danger_context *context,
				const struct pci_function *function)
{
	const struct machine *machine = context->machine;
	const struct pci_function *first = machine->snapshot.functions;
	const struct pci_function *end = first + machine->snapshot.count, *other = function;
	const char *word = "";

	while (other > first && is_on_bus(&other[-1].address, &function->address))
		other--;
	for (; other < end && is_on_bus(&other->address, &function->address); other++) {
		if (danger_context_claim(context, other))
			continue;
		if (pci_same_card(other, function)) {
			word = *word ? word : "with=functions";
			continue;
		}
		if (group_number(machine, other) != group_number(machine, function))
			return NULL;
		word = "with=group";
	}
	return word;
}

void reset_find_none(const struct danger_context *context, const struct claim *claim,
		     struct finding *finding)
{
	const char *word = NULL;
	char methods[128];

	danger_context_reset(context, claim->function, methods, sizeof(methods));
	if (strcmp(methods, SYSFS_RESET_NONE))
		return;
	if (has_bus_of_its_own(context, claim->function))
		word = word_for_bus(context, claim->function);
	if (word && !*word)
		return;
	text_add(&finding->text, "the kernel has no reset method for it: it may work only once "
				 "after each host boot");
	if (word)
		rule_add_word(claim->rule, word, &finding->remedy);
	else
		text_add(&finding->remedy, "start its guest once a boot, or pass through "
					   "another device");
	text_add(&finding->remedy, word ? ", so that its whole bus can be reset" : "");
}
