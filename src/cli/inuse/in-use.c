/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of functions and what each is used for. */

#include "inuse/in-use.h"

#include <string.h>

#include "lib/printable.h"

#define NAMED_MAX 6	 /* things that are named for one function, before it says "..." */
#define NAME_MAX_SIZE 96 /* bytes of one of them: a keep line's comment has its limit */

/* Returns the index of the first use whose function is not before `function`. */
static size_t find_place(const struct in_uses *uses, const struct pci_function *function)
{
	size_t first = 0, last = uses->count;

	while (first < last) {
		size_t middle = (first + last) / 2;

		if (uses->items[middle].function < function)
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

const struct in_use *in_uses_get(const struct in_uses *uses, const struct pci_function *function)
{
	size_t place = find_place(uses, function);

	return place < uses->count && uses->items[place].function == function ? &uses->items[place]
									      : NULL;
}

/* Returns the use of `function`, which is added if there is none; NULL without memory. */
static struct in_use *use_of(struct in_uses *uses, const struct pci_function *function)
{
	size_t place = find_place(uses, function);
	struct in_use *use;

	if (in_uses_get(uses, function))
		return &uses->items[place];
	if (ARRAY_GROW(uses->items, uses->count))
		return NULL;
	use = &uses->items[place];
	memmove(use + 1, use, (uses->count++ - place) * sizeof(*use));
	*use = (struct in_use){ .function = function };
	return use;
}

int in_uses_take_others(struct in_uses *uses, struct in_uses *others)
{
	for (size_t i = 0; i < others->count; i++) {
		struct in_use *other = &others->items[i], *use;

		if (in_uses_get(uses, other->function))
			continue;
		use = use_of(uses, other->function);
		if (!use)
			return -ENOMEM;
		*use = *other;
		*other = (struct in_use){ .function = use->function };
	}
	return 0;
}

/* Is `what` one of the things in the list `all`, which are separated by ", "? */
static bool has_thing(const char *all, const char *what)
{
	size_t length = strlen(what);

	for (const char *p = strstr(all, what); p; p = strstr(p + 1, what))
		if ((p == all || p[-1] == ' ') && (!p[length] || p[length] == ','))
			return true;
	return false;
}

/* A mount point can hold any byte, and this goes to a terminal and into a config file. */
static int copy_thing(char thing[NAME_MAX_SIZE], const char *what)
{
	struct text text = { 0 };
	int error;

	printable_add(&text, what);
	error = text_error(&text);
	string_copy(thing, NAME_MAX_SIZE, text_string(&text));
	text_done(&text);
	return error;
}

bool in_use_is_vital(const char *what)
{
	static const char *const things[] = { "/",    "/boot", "/boot/efi", "/boot/firmware",
					      "/efi", "/usr",  "swap",	    IN_USE_ESP };

	for (size_t i = 0; i < ARRAY_SIZE(things); i++) {
		const char *rest = prefix_skip(what, things[i]);

		if (rest && (!*rest || prefix_skip(rest, " (")))
			return true;
	}
	return false;
}

static int add_thing(struct in_use *use, const char *what, bool certain, bool all)
{
	char thing[NAME_MAX_SIZE];

	if (copy_thing(thing, what))
		return -ENOMEM;
	use->certain |= certain;
	use->vital |= certain && in_use_is_vital(thing);
	if (has_thing(text_string(&use->what), thing))
		return 0;
	use->count++;
	if (all || use->count <= NAMED_MAX)
		text_add(&use->what, use->what.length ? ", " : "", thing);
	else if (use->count == NAMED_MAX + 1)
		text_add(&use->what, ", ...");
	return text_error(&use->what);
}

int link_each_function(const struct machine *machine, const char *link,
		       int (*each)(void *context, const struct pci_function *function),
		       void *context)
{
	int error = 0;

	for (const char *p = link; p && !error; p = strchr(p, '/')) {
		char name[PCI_ADDRESS_SIZE];
		const struct pci_function *function;
		struct pci_address address;
		size_t length;

		p += *p == '/';
		length = strcspn(p, "/");
		if (length >= sizeof(name))
			continue;
		string_copy(name, length + 1, p);
		if (pci_address_parse(name, &address))
			continue;
		function = pci_find(&machine->snapshot, &address);
		if (function && !pci_is_bridge(function))
			error = each(context, function);
	}
	return error;
}

struct new_use {
	struct in_uses *uses;
	const char *what;
	bool certain;
};

static int add_use(void *context, const struct pci_function *function)
{
	const struct new_use *new = context;
	struct in_use *use = use_of(new->uses, function);

	return use ? add_thing(use, new->what, new->certain, new->uses->all) : -ENOMEM;
}

int in_uses_add(struct in_uses *uses, const struct machine *machine, const char *link,
		const char *what, bool certain)
{
	struct new_use new = { uses, what, certain };

	return link_each_function(machine, link, add_use, &new);
}

int in_uses_add_each(const struct machine *machine, const char *directory,
		     int (*add)(const struct machine *machine, const char *name,
				struct in_uses *uses),
		     struct in_uses *uses)
{
	char **names = NULL;
	size_t count = 0;
	int error = root_names_if_any(&machine->root, directory, &names, &count);

	for (size_t i = 0; i < count && !error; i++)
		error = add(machine, names[i], uses);
	names_free(names, count);
	return error;
}

void in_uses_done(struct in_uses *uses)
{
	for (size_t i = 0; i < uses->count; i++)
		text_done(&uses->items[i].what);
	free(uses->items);
	*uses = (struct in_uses){ 0 };
}
