/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a line selects nothing, in words. */

#include "mismatch.h"

#include "condition.h"

/* Candidates that a message names, before it says "...". */
#define NAMED_MAX 4

/* Names the functions that meet all of `conditions`, `before` in front. How many there are. */
static size_t name_functions(const struct pci_snapshot *snapshot, const struct rule *rule,
			     unsigned int conditions, const char *before, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];
	size_t found = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pci_function *function = &snapshot->functions[i];

		if (condition_missed(rule, function) & conditions)
			continue;
		if (found == NAMED_MAX)
			text_add(text, " ...");
		if (found++ >= NAMED_MAX)
			continue;
		text_add(text, found == 1 ? before : ",", " ",
			 pci_address_format(&function->address, address));
	}
	return found;
}

static void describe_id(struct text *text, const struct pci_id *is, const struct pci_id *stated,
			const char *what)
{
	char is_text[PCI_ID_SIZE], stated_text[PCI_ID_SIZE];

	text_add(text, " is ", what, pci_id_format(is, is_text), ", not ",
		 pci_id_format(stated, stated_text));
}

/* How `function` differs from what the line states, for the first condition that it misses. */
static void describe_miss(struct text *text, const struct rule *rule,
			  const struct pci_function *function, unsigned int missed)
{
	if (missed & CONDITION_ID)
		describe_id(text, &function->id, &rule->id, "");
	else if (missed & CONDITION_SUBSYSTEM)
		describe_id(text, &function->subsystem, &rule->subsystem, "of subsystem ");
	else if (missed & CONDITION_CLASS)
		text_add(text, " is of another class");
	else if (missed & CONDITION_SERIAL && !(function->known & PCI_SERIAL))
		text_add(text, " does not answer");
	else if (missed & CONDITION_SERIAL)
		text_add(text, " has another serial number, or none");
	else
		text_add(text, " is not at the path that the line states");
}

/* The function at the address, or else at the path, that the line states; or NULL. */
static const struct pci_function *find_stated(const struct rule *rule,
					      const struct pci_snapshot *snapshot)
{
	if (rule->given & CONDITION_ADDRESS)
		return pci_find(snapshot, &rule->address);
	if (!(rule->given & CONDITION_PATH))
		return NULL;
	for (size_t i = 0; i < snapshot->count; i++)
		if (!(condition_missed(rule, &snapshot->functions[i]) & CONDITION_PATH))
			return &snapshot->functions[i];
	return NULL;
}

enum result mismatch_nothing(const struct rule *rule, const struct pci_snapshot *snapshot,
			     struct text *text)
{
	const struct pci_function *there = find_stated(rule, snapshot);
	unsigned int identity = rule->given & CONDITIONS_IDENTITY;
	unsigned int same = identity | (rule->given & CONDITION_PATH);
	char name[PCI_ADDRESS_SIZE];
	size_t found = 0;

	if (there) {
		text_add(text, pci_address_format(&there->address, name));
		describe_miss(text, rule, there, condition_missed(rule, there));
	} else if (rule->given & CONDITION_ADDRESS) {
		text_add(text, "no device at ", pci_address_format(&rule->address, name));
	} else if (rule->given & CONDITION_PATH) {
		text_add(text, "no device at that path");
	} else {
		text_add(text, "no such device");
	}
	if (identity && rule->given & (CONDITION_ADDRESS | CONDITION_PATH)) {
		const char *before = "; what the line describes is at";

		found = name_functions(snapshot, rule, same, before, text);
		if (!found)
			found = name_functions(snapshot, rule, identity, before, text);
		if (!found)
			text_add(text, "; what the line describes is not in this machine");
	}
	return there || found ? RESULT_MISMATCH : RESULT_ABSENT;
}

enum result mismatch_count(const struct rule *rule, const struct pci_snapshot *snapshot,
			   size_t found, struct text *text)
{
	text_add_number(text, found, 10, 1);
	text_add(text, found == 1 ? " device matches" : " devices match", ", but the line wants ");
	text_add_number(text, rule->count, 10, 1);
	name_functions(snapshot, rule, rule->given & CONDITIONS, ":", text);
	text_add(text, "; add an address, path= or serial=, or write count=");
	text_add_number(text, found, 10, 1);
	return RESULT_AMBIGUOUS;
}
