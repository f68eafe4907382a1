/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What things are called: the only user of libpci. */

#include "machine/names.h"

#include <pci/pci.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "lib/complain.h"

struct names {
	struct pci_access *access;
	int flags; /* of every question */
};

/* Where pci.ids lies: Debian and others, Fedora and others. */
static const char *const places[] = { "usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids" };

/* A captured machine that brings its own names gets those alone. */
static int use_own_file(struct names *names, const struct machine *machine)
{
	char *path;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (machine->root.live || !root_has(&machine->root, places[i]))
			continue;
		if (asprintf(&path, "%s/%s", machine->directory, places[i]) < 0)
			return -ENOMEM;
		pci_set_name_list_path(names->access, path, 1);
		names->flags |= PCI_LOOKUP_NO_HWDB;
		break;
	}
	return 0;
}

/* pci_init() would set these, and look for a way to the hardware, which names don't need. */
static void ignore(char *message, ...)
{
	(void)message;
}

/* Where libpci goes on: it does not expect error() to return, and passes it nothing of ours. */
static jmp_buf damaged;

/* A line of pci.ids that is none, or one that can't be read. What came before it is there. */
static __attribute__((noreturn)) void give_up(char *message, ...)
{
	(void)message;
	longjmp(damaged, 1);
}

struct names *names_open(const struct machine *machine)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	names->access = pci_alloc(); /* ends the process without memory */
	names->access->warning = ignore;
	names->access->debug = ignore;
	names->access->error = give_up;
	names->flags = PCI_LOOKUP_NO_NUMBERS;
	if (!use_own_file(names, machine))
		return names;
	names_close(names);
	return NULL;
}

void names_close(struct names *names)
{
	if (!names)
		return;
	pci_cleanup(names->access);
	free(names);
}

static const char *look_up(struct names *names, char *name, int what, int first, int second)
{
	const char *found;

	if (setjmp(damaged)) {
		remark("pci.ids: cannot be read, so names are missing");
		*name = '\0';
		return name;
	}
	found = pci_lookup_name(names->access, name, NAMES_SIZE, what | names->flags, first,
				second);
	if (!found)
		*name = '\0';
	else if (found != name) /* libpci's own words for a name that is too long */
		string_copy(name, NAMES_SIZE, found);
	return name;
}

const char *names_vendor(struct names *names, const struct pci_function *function, char *name)
{
	return look_up(names, name, PCI_LOOKUP_VENDOR, function->id.vendor, 0);
}

const char *names_device(struct names *names, const struct pci_function *function, char *name)
{
	return look_up(names, name, PCI_LOOKUP_DEVICE, function->id.vendor, function->id.device);
}

const char *names_class(struct names *names, const struct pci_function *function, char *name)
{
	return look_up(names, name, PCI_LOOKUP_CLASS, function->class >> 8, 0);
}

/* What companies are, as against what they are called. The longest comes first. */
static const char *const company_words[] = { ", Inc.",	     " Inc.",	      " Corporation",
					     " Corp.",	     " Co., Ltd.",    " Co Ltd",
					     ", Ltd.",	     " Ltd.",	      " AG",
					     " GmbH",	     " Technologies", " Semiconductor",
					     " Electronics", " Technology" };

/* Takes one such word off the end. */
static bool shorten(char *vendor)
{
	size_t length = strlen(vendor);

	for (size_t i = 0; i < ARRAY_SIZE(company_words); i++) {
		size_t word = strlen(company_words[i]);

		if (word >= length || strcmp(vendor + length - word, company_words[i]))
			continue;
		vendor[length - word] = '\0';
		return true;
	}
	return false;
}

/* "Advanced Micro Devices, Inc. [AMD/ATI]": the short name that a vendor has itself. */
static bool use_brackets(char *vendor)
{
	char *open = strrchr(vendor, '['), *close = strrchr(vendor, ']');

	if (!open || !close || close < open || close[1])
		return false;
	*close = '\0';
	memmove(vendor, open + 1, close - open);
	return true;
}

const char *names_full(struct names *names, const struct pci_function *function, char *name)
{
	char vendor[NAMES_SIZE], device[NAMES_SIZE];

	names_vendor(names, function, vendor);
	names_device(names, function, device);
	if (!use_brackets(vendor))
		while (shorten(vendor))
			;
	string_join(name, NAMES_SIZE, vendor, *vendor && *device ? " " : "", device, NULL);
	return name;
}

void names_describe(struct names *names, const struct pci_function *function, struct text *text)
{
	char address[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE], name[NAMES_SIZE];

	text_add(text, pci_address_format(&function->address, address), " [",
		 pci_id_format(&function->id, id), "]");
	if (*names_full(names, function, name))
		text_add(text, " ", name);
}
