/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions about which device is meant. What a person chooses is a card where that makes sense: a
 * graphics card and its sound go to the same guest. The parts of a chipset share a device number,
 * too, but each of them is a device of its own.
 */

#include "device-choice.h"

#include <stdio.h>
#include <string.h>

#include "danger/context.h"
#include "device.h"
#include "lib/printable.h"
#include "machine/card.h"
#include "machine/group.h"
#include "machine/sysfs.h"

/* Asks for a number from 1 to `most`, again after a wrong answer. Returns 0 for none. */
static size_t ask_number(size_t most)
{
	char answer[32];
	uint64_t number;

	for (;;) {
		const char *end;

		fprintf(stderr, "Which one, 1 to %zu? (Enter: none) ", most);
		if (!read_answer(answer, sizeof(answer)) || !*answer || !strcmp(answer, "q"))
			return 0;
		end = number_parse(answer, 10, most, &number);
		if (end && !*end && number)
			return number;
		fputs("That is not one of the numbers.\n", stderr);
	}
}

static void print_function(struct names *names, const struct pci_function *function,
			   const char *end)
{
	struct text text = { 0 };

	names_describe(names, function, &text);
	printable_print(stderr, "%s%s\n", text_string(&text), end);
	text_done(&text);
}

/* Returns the first function of the selection that is on the card of number `i`. */
static const struct pci_function *first_of_card(const struct pci_snapshot *snapshot,
						const struct selection *selection, size_t i)
{
	const struct pci_function *own = pci_find(snapshot, &selection->addresses[i]);

	for (size_t j = 0; j < i; j++) {
		const struct pci_function *other = pci_find(snapshot, &selection->addresses[j]);

		if (own && other && pci_same_card(other, own))
			return other;
	}
	return own;
}

/*
 * Makes choices of the selection: a function of another kind than the card's first one, as the
 * sound of a GPU, is no choice of its own. Functions of one kind are the ports of a card.
 * `ret_cards` says of each choice whether it is a card, and has room for all.
 */
static void make_choices(const struct pci_snapshot *snapshot, struct selection *selection,
			 bool *ret_cards)
{
	size_t kept = 0;

	for (size_t i = 0; i < selection->count; i++) {
		const struct pci_function *first = first_of_card(snapshot, selection, i);
		const struct pci_function *own = pci_find(snapshot, &selection->addresses[i]);

		if (own != first && own->class >> 16 != first->class >> 16) {
			for (size_t j = 0; j < kept; j++)
				ret_cards[j] |= !pci_address_compare(&selection->addresses[j],
								     &first->address);
			continue;
		}
		ret_cards[kept] = false;
		selection->addresses[kept++] = selection->addresses[i];
	}
	selection->count = kept;
}

/* Prints the options of the command line again, for a command that a person copies. */
static void print_options(const struct request *request, bool card)
{
	const char *with = request->with ? request->with : card ? "functions" : NULL;

	printable_print(stderr, "%s%s", ROOT_OPTION(request->root));
	if (with)
		fprintf(stderr, " --with %s", with);
	if (request->driver)
		fprintf(stderr, " --driver %s", request->driver);
	for (const char *const *allow = request->allow; *allow; allow++)
		fprintf(stderr, " --allow %s", *allow);
	fputs(request->now ? " --now" : "", stderr);
	fputs(request->apply ? " --apply" : "", stderr);
	fputs(request->yes ? " --yes" : "", stderr);
	fputs(request->dry_run ? " --dry-run" : "", stderr);
}

/* One line of the offer: a number for a person, or the whole command. */
static void print_choice(const struct request *request, struct names *names,
			 const struct pci_function *function, bool card, size_t number)
{
	char address[PCI_ADDRESS_SIZE];

	if (number) {
		fprintf(stderr, "%4zu  ", number);
	} else {
		fprintf(stderr, "  vfio-early add %s",
			pci_address_format(&function->address, address));
		print_options(request, card);
		fputs("  # ", stderr);
	}
	print_function(names, function, card ? ", and the rest of the card" : "");
}

static bool can_ask_for(const struct request *request)
{
	return can_ask() && !request->json;
}

static enum status choose_nothing(void)
{
	complain("add: no device was chosen; nothing was written");
	return STATUS_UNWANTED;
}

/* Prints what matches, and asks a person at a terminal. */
static enum status ask_for_match(const struct request *request, const struct machine *machine,
				 struct names *names, const char *word,
				 const struct selection *selection, const bool *cards,
				 struct choice *ret)
{
	bool person = can_ask_for(request);
	size_t number;

	complain("%s: %zu device%s match%s%s", word, selection->count,
		 selection->count == 1 ? "" : "s", selection->count == 1 ? "es" : "",
		 person ? ":" : "; name one of them:");
	for (size_t i = 0; i < selection->count; i++)
		print_choice(request, names, pci_find(&machine->snapshot, &selection->addresses[i]),
			     cards[i], person ? i + 1 : 0);
	if (!person)
		return STATUS_USAGE;
	number = ask_number(selection->count);
	if (!number)
		return choose_nothing();
	ret->address = selection->addresses[number - 1];
	ret->with = cards[number - 1] ? "functions" : NULL;
	return STATUS_WELL;
}

static enum status choose_of_several(const struct request *request, const struct machine *machine,
				     struct names *names, const char *word,
				     struct selection *selection, struct choice *ret)
{
	_cleanup_(freep) bool *cards = calloc(selection->count, sizeof(*cards));

	if (!cards)
		return fail("add", -ENOMEM);
	make_choices(&machine->snapshot, selection, cards);
	return ask_for_match(request, machine, names, word, selection, cards, ret);
}

enum status choose_match(const struct request *request, const struct machine *machine,
			 struct names *names, const char *word, struct selection *selection,
			 struct choice *ret)
{
	bool group = prefix_skip(word, "group=");
	struct pci_address card;

	*ret = (struct choice){ .alone = selection->count == 1 };
	if (selection->count > 1 && !group)
		return choose_of_several(request, machine, names, word, selection, ret);
	ret->address = selection->addresses[0];
	ret->with = group ? "group" : card_parse(word, &card) ? "functions" : NULL;
	return STATUS_WELL;
}

/* A card that can be offered, or a part of the chipset. */
struct candidate {
	const struct pci_function *function; /* that stands for it: of the best kind */
	size_t count;			     /* of its functions */
	unsigned int kind, need;	     /* the less, the better a candidate */
	struct text notes;
};

struct candidates {
	struct candidate *items;
	size_t count;
};

static void candidates_done(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->count; i++)
		text_done(&candidates->items[i].notes);
	free(candidates->items);
}

#define RANK_OTHER 7

/* Returns how likely a guest is to get a function of that class: 0 for the likeliest. */
static unsigned int rank_kind(const struct pci_function *function)
{
	static const struct {
		uint32_t class;
		uint8_t digits;
	} kinds[RANK_OTHER] = { { 0x03, 2 }, { 0x04, 2 }, { 0x0c03, 4 }, { 0x0108, 4 },
				{ 0x01, 2 }, { 0x02, 2 }, { 0x12, 2 } };
	unsigned int kind = 0;

	while (kind < RANK_OTHER &&
	       !pci_class_has_prefix(function->class, kinds[kind].class, kinds[kind].digits))
		kind++;
	return kind;
}

/* Returns whether the function is on a bus of its own card, and not a part of the chipset. */
static bool is_on_slot(const struct machine *machine, const struct pci_function *function)
{
	struct pci_path path;

	return sysfs_path(&machine->root, &function->address, &path) && path.hops > 1;
}

/*
 * Returns whether a line for the function can work: it has none yet, and no driver has to make the
 * function first, as those of SR-IOV and of Intel's VMD do (PCI domains above ffff).
 */
static bool is_candidate(const struct machine *machine, const struct pci_function *function)
{
	struct pci_address physical;

	return !pci_is_infrastructure(function) && function->address.domain <= 0xffff &&
	       !machine_claim_of(machine, function) &&
	       !sysfs_physical_function(&machine->root, &function->address, &physical);
}

/* Returns whether a guest can want the function: the chipset has parts that no guest needs. */
static bool is_of_use(const struct machine *machine, const struct pci_function *function)
{
	return rank_kind(function) < RANK_OTHER || is_on_slot(machine, function);
}

/* Returns whether both functions belong to the same candidate. */
static bool is_same_candidate(const struct machine *machine, const struct pci_function *a,
			      const struct pci_function *b)
{
	return a == b || (pci_same_card(a, b) && is_on_slot(machine, a));
}

static void add_note(struct candidate *candidate, const char *label, const char *what,
		     unsigned int need)
{
	if (need > candidate->need)
		candidate->need = need;
	text_add(&candidate->notes, candidate->notes.length ? "; " : "", label, what);
}

/* Adds what the host has on the function, and so what it would lose. */
static void add_notes(const struct danger_context *context, const struct pci_function *function,
		      struct candidate *candidate)
{
	const struct in_use *use = in_uses_get(&context->uses, function);
	const struct in_use *keyboard = in_uses_get(&context->keyboards, function);

	if (function->boot_display)
		add_note(candidate, "boot display", "", 3);
	if (use && use->certain)
		add_note(candidate, "the host uses it: ", text_string(&use->what), 3);
	if (use && !use->certain)
		add_note(candidate, "the host may use it: ", text_string(&use->what), 2);
	if (keyboard)
		add_note(candidate, "keyboard: ", text_string(&keyboard->what), 1);
}

/* Adds the group that a device of another card shares; bridges do not count. */
static int add_group_note(const struct machine *machine, struct candidate *candidate)
{
	_cleanup_(group_members_done) struct group_members members = { 0 };
	int group = sysfs_group(&machine->root, &candidate->function->address);
	char number[NUMBER_SIZE];
	int error = group_find_members(machine, group, &members);

	for (size_t i = 0; i < members.count && !error; i++) {
		const struct pci_function *member = members.items[i];

		if (pci_is_infrastructure(member) ||
		    is_same_candidate(machine, candidate->function, member))
			continue;
		number_format(number, group, 10, 1);
		add_note(candidate, "shares IOMMU group ", number, 0);
		break;
	}
	return error;
}

/* Adds the candidate that starts with the function at `index`; the functions before are others'. */
static int add_candidate(const struct danger_context *context, size_t index,
			 struct candidates *candidates)
{
	const struct machine *machine = context->machine;
	const struct pci_snapshot *snapshot = &machine->snapshot;
	const struct pci_function *first = &snapshot->functions[index];
	struct candidate *candidate;

	if (ARRAY_GROW(candidates->items, candidates->count))
		return -ENOMEM;
	candidate = &candidates->items[candidates->count++];
	*candidate = (struct candidate){ .function = first, .kind = rank_kind(first) };
	for (size_t i = index; i < snapshot->count; i++) {
		const struct pci_function *function = &snapshot->functions[i];

		if (!is_candidate(machine, function) ||
		    !is_same_candidate(machine, first, function))
			continue;
		candidate->count++;
		add_notes(context, function, candidate);
		if (rank_kind(function) < candidate->kind) {
			candidate->kind = rank_kind(function);
			candidate->function = function;
		}
	}
	return add_group_note(machine, candidate);
}

/* Returns whether a function before the one at `index` belongs to the same candidate. */
static bool has_predecessor(const struct machine *machine, size_t index)
{
	const struct pci_function *functions = machine->snapshot.functions;

	for (size_t i = 0; i < index; i++)
		if (is_candidate(machine, &functions[i]) &&
		    is_same_candidate(machine, &functions[i], &functions[index]))
			return true;
	return false;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *one = a, *other = b;

	if (one->need != other->need)
		return one->need < other->need ? -1 : 1;
	if (one->kind != other->kind)
		return one->kind < other->kind ? -1 : 1;
	return pci_address_compare(&one->function->address, &other->function->address);
}

static int find_candidates(struct machine *machine, struct candidates *candidates)
{
	struct pci_snapshot *snapshot = &machine->snapshot;
	struct danger_context context;
	int error = 0;

	for (size_t i = 0; i < snapshot->count && !error; i++)
		error = device_read_details(&machine->root, snapshot, i, PCI_DISPLAY | PCI_CARD);
	if (error)
		return error;
	error = danger_context_make(machine, true, &context);
	for (size_t i = 0; i < snapshot->count && !error; i++)
		if (is_candidate(machine, &snapshot->functions[i]) &&
		    is_of_use(machine, &snapshot->functions[i]) && !has_predecessor(machine, i))
			error = add_candidate(&context, i, candidates);
	danger_context_done(&context);
	if (candidates->count)
		qsort(candidates->items, candidates->count, sizeof(*candidates->items),
		      compare_candidates);
	return error;
}

static void print_candidates(struct names *names, const struct candidates *candidates)
{
	fputs("Devices that no line lists yet, the best candidates first:\n", stderr);
	for (size_t i = 0; i < candidates->count; i++) {
		const struct candidate *candidate = &candidates->items[i];
		char end[64] = "";

		if (candidate->count > 1)
			snprintf(end, sizeof(end), " (%zu functions)", candidate->count);
		fprintf(stderr, "%4zu  ", i + 1);
		print_function(names, candidate->function, end);
		if (candidate->notes.length)
			printable_print(stderr, "      %s\n", text_string(&candidate->notes));
	}
}

/* Asks which function of a card is meant, if not all of them are. */
static size_t ask_function(const struct machine *machine, struct names *names,
			   const struct candidate *candidate, struct choice *ret)
{
	const struct pci_snapshot *snapshot = &machine->snapshot;
	const struct pci_function *functions[256];
	size_t count = 0, number;

	for (size_t i = 0; i < snapshot->count && count < ARRAY_SIZE(functions); i++)
		if (is_candidate(machine, &snapshot->functions[i]) &&
		    is_same_candidate(machine, candidate->function, &snapshot->functions[i]))
			functions[count++] = &snapshot->functions[i];
	for (size_t i = 0; i < count; i++) {
		fprintf(stderr, "%4zu  ", i + 1);
		print_function(names, functions[i], "");
	}
	if (ask_yes("Take the whole card?", true)) {
		ret->with = "functions";
		return count;
	}
	number = feof(stdin) ? 0 : ask_number(count);
	if (number)
		ret->address = functions[number - 1]->address;
	return number;
}

/* Asks for the number of a candidate, and whether all of its functions are meant. */
static enum status ask_for_card(const struct request *request, const struct machine *machine,
				struct names *names, const struct candidates *candidates,
				struct choice *ret)
{
	const struct candidate *candidate;
	size_t number;

	print_candidates(names, candidates);
	number = ask_number(candidates->count);
	if (!number)
		return choose_nothing();
	candidate = &candidates->items[number - 1];
	*ret = (struct choice){ .address = candidate->function->address };
	if (candidate->count == 1 || request->with)
		return STATUS_WELL;
	if (request->yes)
		ret->with = "functions";
	else if (!ask_function(machine, names, candidate, ret))
		return choose_nothing();
	return STATUS_WELL;
}

enum status choose_card(const struct request *request, struct machine *machine, struct names *names,
			struct choice *ret)
{
	_cleanup_(candidates_done) struct candidates candidates = { 0 };
	int error = find_candidates(machine, &candidates);

	if (error)
		return fail("add", error);
	if (!candidates.count) {
		complain("add: every device that a guest can get has a line; nothing was written");
		return STATUS_UNWANTED;
	}
	return ask_for_card(request, machine, names, &candidates, ret);
}
