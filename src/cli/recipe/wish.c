/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What recipes of others ask for, and which functions that means here. */

#include "wish.h"

#include <string.h>

#include "lines.h"
#include "printable.h"

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

struct wish *wish_add(struct wishes *wishes, const char *path, unsigned int line,
		      const char *words)
{
	struct wish *wish;

	if (ARRAY_GROW(wishes->items, wishes->count))
		return NULL;
	wish = &wishes->items[wishes->count++];
	*wish = (struct wish){ .place = copy_place(path, line),
			       .words = copy_words(words),
			       .subvendor = WISH_ANY,
			       .subdevice = WISH_ANY };
	return wish->place && wish->words ? wish : NULL;
}

int wish_add_problem(struct wishes *wishes, const char *path, unsigned int line,
		     const char *words, const char *problem)
{
	struct wish *wish = wish_add(wishes, path, line, words);

	if (wish)
		wish->problem = problem;
	return wish ? 0 : -ENOMEM;
}

/* pci_match_one_device() of drivers/pci/pci.h of Linux. */
static bool meets_identity(const struct wish *wish, const struct pci_function *function)
{
	return (!wish->has_id || pci_id_equal(&wish->id, &function->id)) &&
	       (wish->subvendor == WISH_ANY ||
		wish->subvendor == function->subsystem.vendor) &&
	       (wish->subdevice == WISH_ANY ||
		wish->subdevice == function->subsystem.device) &&
	       !((wish->class ^ function->class) & wish->class_mask);
}

/* The card's identity is that of its first function. */
static bool meets_card(const struct wish *wish, const struct pci_snapshot *snapshot,
		       const struct pci_function *function)
{
	struct pci_address address = wish->address;
	const struct pci_function *first;

	address.function = 0;
	first = pci_find(snapshot, &address);
	return first && pci_same_card(first, function) && meets_identity(wish, first);
}

bool wish_meets(const struct wish *wish, const struct pci_snapshot *snapshot,
		const struct pci_function *function)
{
	if (wish->problem || (!wish->has_address && !wish->has_id))
		return false;
	if (wish->card)
		return meets_card(wish, snapshot, function);
	return (!wish->has_address ||
		!pci_address_compare(&wish->address, &function->address)) &&
	       meets_identity(wish, function);
}

void wishes_done(struct wishes *wishes)
{
	for (size_t i = 0; i < wishes->count; i++) {
		free(wishes->items[i].place);
		free(wishes->items[i].words);
	}
	free(wishes->items);
	*wishes = (struct wishes){ 0 };
}
