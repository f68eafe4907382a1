/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dangers of each function, listed or not: it supposes a line where there is none. */

#include "danger/survey.h"

#include <string.h>

#include "danger/danger.h"
#include "inuse/host-use.h"
#include "machine/group.h"
#include "machine/sysfs.h"

#define CARD_MAX 256 /* functions of a card, with ARI */

int survey_make(struct machine *machine, bool modules, struct survey *ret)
{
	int error = danger_context_make(machine, modules, &ret->context);
	size_t count;

	if (!error)
		error = host_use_protect(machine, &ret->context.uses);
	if (error)
		return error;
	count = machine->match.claim_count;
	ret->machine = *machine;
	ret->context.machine = &ret->machine;
	ret->listed = count;
	ret->claims = calloc(count + CARD_MAX, sizeof(*ret->claims));
	ret->rules = calloc(CARD_MAX, sizeof(*ret->rules));
	if (!ret->claims || !ret->rules)
		return -ENOMEM;
	if (count)
		memcpy(ret->claims, machine->match.claims, count * sizeof(*ret->claims));
	ret->machine.match.claims = ret->claims;
	return 0;
}

void survey_done(struct survey *survey)
{
	danger_context_done(&survey->context);
	free(survey->claims);
	free(survey->rules);
	*survey = (struct survey){ 0 };
}

bool survey_goes_with(const struct survey *survey, const struct pci_function *function,
		      const struct pci_function *other)
{
	const struct machine *machine = &survey->machine;
	struct pci_address physical;

	if (function == other)
		return true;
	return pci_same_card(function, other) && !pci_is_infrastructure(function) &&
	       !pci_is_infrastructure(other) &&
	       group_number(machine, function) == group_number(machine, other) &&
	       !sysfs_physical_function(&machine->root, &function->address, &physical) &&
	       !sysfs_physical_function(&machine->root, &other->address, &physical);
}

/* Supposes the line "bind ADDRESS" for `function`, unless a line claims it. */
static void suppose(struct survey *survey, const struct pci_function *function)
{
	struct match *match = &survey->machine.match;
	size_t supposed = match->claim_count - survey->listed;

	if (supposed == CARD_MAX || match_claim(match, function))
		return;
	survey->rules[supposed] = (struct rule){ .statement = STATEMENT_BIND,
						 .given = CONDITION_ADDRESS,
						 .address = function->address,
						 .count = 1,
						 .driver = CONF_DRIVER_DEFAULT };
	survey->claims[match->claim_count] =
		(struct claim){ .function = function, .rule = &survey->rules[supposed] };
	string_copy(survey->claims[match->claim_count].driver, PCI_DRIVER_SIZE,
		    CONF_DRIVER_DEFAULT);
	match->claim_count++;
}

/* Supposes lines for `function` and what goes with it. Its neighbours in the snapshot can be. */
static void suppose_card(struct survey *survey, const struct pci_function *function)
{
	const struct pci_function *first = survey->machine.snapshot.functions;
	const struct pci_function *end = first + survey->machine.snapshot.count;
	const struct pci_function *other = function;
	size_t supposed;

	while (other > first && pci_same_card(other - 1, function))
		other--;
	for (; other < end && pci_same_card(other, function); other++)
		if (survey_goes_with(survey, function, other))
			suppose(survey, other);
	supposed = survey->machine.match.claim_count - survey->listed;
	for (size_t i = 0; supposed > 1 && i < supposed; i++)
		survey->rules[i].with = WITH_FUNCTIONS;
}

int survey_find(struct survey *survey, const struct pci_function *function, struct findings *ret)
{
	struct match *match = &survey->machine.match;
	const struct claim *claim = match_claim(match, function);

	if (!claim || claim < survey->claims + survey->listed) {
		match->claim_count = survey->listed; /* forgets another card */
		if (!claim)
			suppose_card(survey, function);
		claim = match_claim(match, function);
	}
	dangers_find_of_claim(&survey->context, claim, ret);
	return findings_error(ret);
}
