/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices that other tools' files name, and the functions of this machine that they mean. */

#include "import/entries.h"

#include <string.h>

#include "lib/printable.h"

#define WORDS_MAX 200 /* bytes that are kept of a path, a guest's name, and the words */

static void add_cut(struct text *text, const char *string)
{
	char cut[WORDS_MAX + 1];

	string_copy(cut, sizeof(cut), string);
	printable_add(text, cut);
}

static char *copy_place(const struct file_line *line)
{
	char cut[WORDS_MAX + 1];
	struct file_line shown = { .path = cut, .number = line->number };
	struct text text = { 0 };

	string_copy(cut, sizeof(cut), line->path);
	if (line->guest) {
		text_add(&text, "guest ");
		add_cut(&text, line->guest);
		text_add(&text, ", ");
	}
	lines_add_place(&shown, &text);
	return text_error(&text) ? NULL : text_steal(&text);
}

static char *copy_words(const char *words)
{
	struct text text = { 0 };

	add_cut(&text, words);
	if (!text.data)
		return strdup("");
	return text_error(&text) ? NULL : text_steal(&text);
}

struct entry *entry_add(struct entries *entries, const struct file_line *line, const char *words)
{
	struct entry *entry;

	if (ARRAY_GROW(entries->items, entries->count))
		return NULL;
	entry = &entries->items[entries->count++];
	*entry = (struct entry){ .place = copy_place(line),
				 .words = copy_words(words),
				 .is_guests = line->guest,
				 .subvendor = ENTRY_ANY,
				 .subdevice = ENTRY_ANY };
	return entry->place && entry->words ? entry : NULL;
}

int entry_add_problem(struct entries *entries, const struct file_line *line, const char *words,
		      const char *problem, bool harmless)
{
	struct entry *entry = entry_add(entries, line, words);

	if (!entry)
		return -ENOMEM;
	entry->problem = problem;
	entry->harmless = harmless;
	return 0;
}

/* pci_match_one_device() of drivers/pci/pci.h of Linux. */
static bool meets_identity(const struct entry *entry, const struct pci_function *function)
{
	return (!entry->has_id || pci_id_equal(&entry->id, &function->id)) &&
	       (entry->subvendor == ENTRY_ANY || entry->subvendor == function->subsystem.vendor) &&
	       (entry->subdevice == ENTRY_ANY || entry->subdevice == function->subsystem.device) &&
	       !((entry->class ^ function->class) & entry->class_mask);
}

/* The card's identity is that of its first function. */
static bool meets_card(const struct entry *entry, const struct pci_snapshot *snapshot,
		       const struct pci_function *function)
{
	struct pci_address address = entry->address;
	const struct pci_function *first;

	address.function = 0;
	first = pci_find(snapshot, &address);
	return first && pci_same_card(first, function) && !function->virtual &&
	       meets_identity(entry, first);
}

bool entry_meets(const struct entry *entry, const struct pci_snapshot *snapshot,
		 const struct pci_function *function)
{
	if (entry->problem || (!entry->has_address && !entry->has_id))
		return false;
	if (entry->card)
		return meets_card(entry, snapshot, function);
	return (!entry->has_address || !pci_address_compare(&entry->address, &function->address)) &&
	       meets_identity(entry, function);
}

void entries_done(struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->items[i].place);
		free(entries->items[i].words);
	}
	free(entries->items);
	*entries = (struct entries){ 0 };
}
