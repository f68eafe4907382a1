/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines for the config that state who is meant as well as where it is. */

#include "config/bind-line.h"

#include "lib/printable.h"
#include "machine/sysfs.h"

/* "0000:01:00.0 10de:1c03 path=0000:00:01.0/00.0" */
static void add_place(const struct machine *machine, const struct pci_function *function,
		      struct text *line)
{
	char address[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE], path_text[PCI_PATH_SIZE];
	struct pci_path path;

	text_add(line, pci_address_format(&function->address, address), " ",
		 pci_id_format(&function->id, id));
	if (sysfs_path(&machine->root, &function->address, &path))
		text_add(line, " path=", pci_path_format(&path, path_text));
}

void bind_line_add(const struct machine *machine, struct names *names,
		   const struct pci_function *function, const char *identity, const char *words,
		   struct text *line)
{
	char id[PCI_ID_SIZE], name[NAMES_SIZE];

	text_add(line, "bind ");
	if (identity)
		text_add(line, identity, " ", pci_id_format(&function->id, id));
	else
		add_place(machine, function, line);
	text_add(line, words);
	if (!*names_full(names, function, name))
		return;
	text_add(line, "  # ");
	printable_add(line, name);
}
