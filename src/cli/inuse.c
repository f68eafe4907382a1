/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which functions the host itself needs: for the dangers, and for an image's keep lines. */

#include "inuse.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "device.h"
#include "route.h"
#include "storage.h"

#define NAMED_MAX 6 /* things that are named for one function, before it says "..." */
#define NAME_MAX_SIZE 96 /* bytes of one of them: a keep line's comment has its limit */

static struct in_use *use_of(struct in_uses *uses, const struct pci_function *function)
{
	for (size_t i = 0; i < uses->count; i++)
		if (uses->items[i].function == function)
			return &uses->items[i];
	if (ARRAY_GROW(uses->items, uses->count))
		return NULL;
	uses->items[uses->count] = (struct in_use){ .function = function };
	return &uses->items[uses->count++];
}

const struct in_use *in_uses_get(const struct in_uses *uses,
				 const struct pci_function *function)
{
	for (size_t i = 0; i < uses->count; i++)
		if (uses->items[i].function == function)
			return &uses->items[i];
	return NULL;
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
static void make_printable(char *what)
{
	for (; *what; what++)
		if ((unsigned char)*what < ' ' || *what == 0x7f)
			*what = '?';
}

static int add_thing(struct in_use *use, const char *what, bool certain)
{
	char thing[NAME_MAX_SIZE];

	string_copy(thing, sizeof(thing), what);
	make_printable(thing);
	use->certain |= certain;
	if (has_thing(text_string(&use->what), thing))
		return 0;
	use->count++;
	if (use->count <= NAMED_MAX)
		text_add(&use->what, use->what.length ? ", " : "", thing);
	else if (use->count == NAMED_MAX + 1)
		text_add(&use->what, ", ...");
	return text_error(&use->what);
}

int in_uses_add(struct in_uses *uses, const struct machine *machine, const char *link,
		const char *what, bool certain)
{
	for (const char *p = link; p; p = strchr(p, '/')) {
		char name[PCI_ADDRESS_SIZE];
		const struct pci_function *function;
		struct pci_address address;
		struct in_use *use;
		size_t length;

		p += *p == '/';
		length = strcspn(p, "/");
		if (length >= sizeof(name))
			continue;
		string_copy(name, length + 1, p);
		if (pci_address_parse(name, &address))
			continue;
		function = pci_find(&machine->snapshot, &address);
		if (!function || pci_is_bridge(function))
			continue;
		use = use_of(uses, function);
		if (!use || add_thing(use, what, certain))
			return -ENOMEM;
	}
	return 0;
}

int in_uses_find(const struct machine *machine, struct in_uses *ret)
{
	int error = storage_add_uses(machine, ret);

	return error ? error : route_add_uses(machine, ret);
}

/* Is / another directory than that of the first process (as systemd's running_in_chroot() asks)? */
static bool is_chroot(const struct root *root)
{
	_cleanup_(closep) int first =
		root_descriptor(root, "proc/1/root", O_PATH | O_DIRECTORY);
	struct stat ours, theirs;

	return first < 0 || fstat(first, &theirs) < 0 || fstat(root->fd, &ours) < 0 ||
	       ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino;
}

static bool is_container(const struct root *root)
{
	return root_has(root, "run/systemd/container") || root_has(root, ".dockerenv") ||
	       root_has(root, "run/.containerenv");
}

static int add_keep_line(const struct machine *machine, const struct in_use *use,
			 struct text *text)
{
	char address[PCI_ADDRESS_SIZE], device[DEVICE_PATH_SIZE], link[ROOT_PATH_SIZE];
	char path[PCI_PATH_SIZE], id[PCI_ID_SIZE];
	struct pci_path way = { 0 };

	pci_address_format(&use->function->address, address);
	if (!root_link(&machine->root, device_path(&use->function->address, "", device),
		       link, sizeof(link)))
		pci_link_parse(link, &way);
	text_add(text, "\n# ", address, ": ", text_string(&use->what), "\nkeep ",
		 way.hops ? "path=" : "",
		 way.hops ? pci_path_format(&way, path) : address,
		 " id=", pci_id_format(&use->function->id, id), "\n");
	return text_error(text);
}

int in_uses_keep_lines(const struct machine *machine, struct text *text)
{
	struct in_uses uses = { 0 };
	int error = 0;

	if (!machine->root.live || is_chroot(&machine->root) ||
	    is_container(&machine->root))
		return 0;
	error = in_uses_find(machine, &uses);
	for (size_t i = 0; i < uses.count && !error; i++)
		if (uses.items[i].certain)
			error = add_keep_line(machine, &uses.items[i], text);
	in_uses_done(&uses);
	return error;
}

void in_uses_done(struct in_uses *uses)
{
	for (size_t i = 0; i < uses->count; i++)
		text_done(&uses->items[i].what);
	free(uses->items);
	*uses = (struct in_uses){ 0 };
}
