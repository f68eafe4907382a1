/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what a person types to functions of the machine. */

#include "config/selection.h"

#include <string.h>

#include "config/suggestion.h"
#include "device.h"
#include "machine/card.h"
#include "machine/group.h"

static int add_address(struct selection *selection, const struct pci_address *address)
{
	if (ARRAY_GROW(selection->addresses, selection->count))
		return -ENOMEM;
	selection->addresses[selection->count++] = *address;
	return 0;
}

static int select_group(const struct machine *machine, const char *group, struct selection *ret,
			struct text *why)
{
	_cleanup_(group_members_done) struct group_members members = { 0 };
	uint64_t number;
	const char *end = number_parse(group, 10, INT32_MAX, &number);
	int error;

	if (!end || *end) {
		text_add(why, "group=", group,
			 ": not an IOMMU group (expected, for example, group=14)");
		return -EINVAL;
	}
	error = group_find_members(machine, number, &members);
	for (size_t i = 0; i < members.count && !error; i++)
		if (!pci_is_infrastructure(members.items[i]))
			error = add_address(ret, &members.items[i]->address);
	return error;
}

/* The word as the config's own parser and matcher take it: "bind WORD count=all". */
static int select_condition(const struct machine *machine, const char *word, struct selection *ret,
			    struct text *why)
{
	const struct cmdline cmdline = { 0 };
	struct pci_snapshot snapshot = { 0 };
	struct match match = { 0 };
	struct conf conf = { 0 };
	struct text line = { 0 };
	int error;

	text_add(&line, "bind ", word, " count=all");
	error = text_error(&line);
	if (!error)
		error = conf_parse(&conf, "argument", line.data, line.length, false);
	if (!error && conf.error_count) {
		text_add(why, conf.errors[0].message);
		error = -EINVAL;
	}
	if (!error)
		error = device_scan(&machine->root, &conf, &cmdline, &snapshot);
	if (!error)
		error = match_rules(&conf, &cmdline, "", &snapshot, &match);
	for (size_t i = 0; i < match.claim_count && !error; i++)
		if (!pci_is_bridge(match.claims[i].function))
			error = add_address(ret, &match.claims[i].function->address);
	if (!error && match.lines[0].result == RESULT_ABSENT)
		suggestion_add(&conf.rules[0], &snapshot, why);
	match_done(&match);
	pci_snapshot_done(&snapshot);
	conf_done(&conf);
	text_done(&line);
	return error;
}

static int select_name(const struct machine *machine, struct names *names, const char *word,
		       struct selection *ret)
{
	for (size_t i = 0; i < machine->snapshot.count; i++) {
		const struct pci_function *function = &machine->snapshot.functions[i];
		char name[NAMES_SIZE];

		if (pci_is_infrastructure(function) ||
		    !strcasestr(names_full(names, function, name), word))
			continue;
		if (add_address(ret, &function->address))
			return -ENOMEM;
	}
	return 0;
}

/* "01:00" means its first function; which other functions go with it, the caller says. */
static int select_card(const struct machine *machine, const struct pci_address *first,
		       struct selection *ret)
{
	const struct pci_function *function = pci_find(&machine->snapshot, first);

	return function && !pci_is_bridge(function) ? add_address(ret, first) : 0;
}

int selection_find(const struct machine *machine, struct names *names, const char *word,
		   struct selection *ret, struct text *why)
{
	const char *group = prefix_skip(word, "group=");
	struct pci_address card;

	if (!*word) {
		text_add(why, "an empty name selects no device");
		return -EINVAL;
	}
	if (group)
		return select_group(machine, group, ret, why);
	if (card_parse(word, &card))
		return select_card(machine, &card, ret);
	if (strpbrk(word, " \t\n\v\f\r#")) /* a name of two words; in a line it would be more */
		return select_name(machine, names, word, ret);
	if (strpbrk(word, ":="))
		return select_condition(machine, word, ret, why);
	return select_name(machine, names, word, ret);
}

bool selection_has(const struct selection *selection, const struct pci_address *address)
{
	for (size_t i = 0; i < selection->count; i++)
		if (!pci_address_compare(&selection->addresses[i], address))
			return true;
	return false;
}

void selection_done(struct selection *selection)
{
	free(selection->addresses);
	*selection = (struct selection){ 0 };
}
