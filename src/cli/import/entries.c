/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What recipes of others ask for, and which functions that means here. */

#include "import/entries.h"

#include <string.h>

#include "import/lines.h"
#include "lib/printable.h"

#define WORDS_MAX 200 /* bytes that are kept of a path, and of what stands there */

static char *copy_place(const char *path, unsigned int line)
{
	char cut[WORDS_MAX + 1];
	struct text text = { 0 };

	string_copy(cut, sizeof(cut), path);
	lines_add_place(cut, line, &text);
	return text_error(&text) ? NULL : text_steal(&text);
}

static char *copy_words(const char *words)
{
	char cut[WORDS_MAX + 1];
	struct text text = { 0 };

	string_copy(cut, sizeof(cut), words);
	text_add(&text, "");
	printable_add(&text, cut);
	if (!text.data)
		return strdup("");
	return text_error(&text) ? NULL : text_steal(&text);
}

struct entry *entry_add(struct entries *entries, const char *path, unsigned int line,
			const char *words)
{
	struct entry *entry;

	if (ARRAY_GROW(entries->items, entries->count))
		return NULL;
	entry = &entries->items[entries->count++];
	*entry = (struct entry){ .place = copy_place(path, line),
				 .words = copy_words(words),
				 .subvendor = ENTRY_ANY,
				 .subdevice = ENTRY_ANY };
	return entry->place && entry->words ? entry : NULL;
}

int entry_add_problem(struct entries *entries, const char *path, unsigned int line,
		      const char *words, const char *problem)
{
	struct entry *entry = entry_add(entries, path, line, words);

	if (entry)
		entry->problem = problem;
	return entry ? 0 : -ENOMEM;
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
	return first && pci_same_card(first, function) && meets_identity(entry, first);
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
