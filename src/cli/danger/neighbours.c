/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that it cannot be parted from: its IOMMU group, and what SR-IOV makes of one. */

#include "neighbours.h"

#include "device.h"
#include "facts.h"

#define NAMED_MAX 4

/* Does a host driver keep `function`, so that its group can't be handed to a guest? */
static bool stays_with_host(const struct survey *survey,
			    const struct pci_function *function)
{
	return facts_is_host_driver(function->driver) && !pci_is_bridge(function) &&
	       !survey_claim(survey, function);
}

static void add_mate(struct text *text, const struct pci_function *mate, size_t found)
{
	char address[PCI_ADDRESS_SIZE];

	if (found == NAMED_MAX)
		text_add(text, " ...");
	if (found >= NAMED_MAX)
		return;
	text_add(text, found ? ", " : "");
	text_add(text, pci_address_format(&mate->address, address), " (", mate->driver,
		 ")");
}

/* The group mates of `claim` that stay with the host, in `text`. Does the host need one? */
static bool add_mates(const struct survey *survey, const struct claim *claim,
		      char **names, size_t count, struct text *text)
{
	const struct pci_snapshot *snapshot = &survey->machine->snapshot;
	bool needed = false;
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		const struct pci_function *mate;
		struct pci_address address;

		if (pci_address_parse(names[i], &address))
			continue;
		mate = pci_find(snapshot, &address);
		if (!mate || mate == claim->function || !stays_with_host(survey, mate))
			continue;
		add_mate(text, mate, found++);
		needed = needed || in_uses_get(&survey->uses, mate);
	}
	return needed;
}

void neighbours_find_group(const struct survey *survey, const struct claim *claim,
			   struct finding *finding)
{
	const struct root *root = &survey->machine->root;
	char path[DEVICE_PATH_SIZE], number[NUMBER_SIZE];
	char **names = NULL;
	size_t count = 0;
	struct text mates = { 0 };
	bool needed;

	if (root_names(
		    root,
		    device_path(&claim->function->address, "iommu_group/devices", path),
		    &names, &count))
		return;
	needed = add_mates(survey, claim, names, count, &mates);
	names_free(names, count);
	number_format(number, facts_group(root, &claim->function->address), 10, 1);
	if (mates.length) {
		text_add(&finding->text, "IOMMU group ", number,
			 " is not viable, a guest will not start with it: ",
			 text_string(&mates), " would stay with the host");
		if (needed)
			text_add(&finding->remedy,
				 "put the card into another slot: the host "
				 "needs what is in this group");
		else
			finding_add_word(finding, "with=group", claim->rule);
	}
	text_done(&mates);
}

void neighbours_find_virtual(const struct survey *survey, const struct claim *claim,
			     struct finding *finding)
{
	unsigned int count = facts_virtual_functions(&survey->machine->root,
						     &claim->function->address);
	char address[PCI_ADDRESS_SIZE];

	if (!count)
		return;
	pci_address_format(&claim->function->address, address);
	text_add(&finding->text, "it has ");
	text_add_number(&finding->text, count, 10, 1);
	text_add(
		&finding->text, " virtual function", count == 1 ? "" : "s",
		" now, and will have none: vfio-pci makes none, and is refused by the kernel "
		"as long as there are any");
	text_add(
		&finding->remedy,
		"leave it to its driver and pass through the virtual functions, or take out "
		"what makes them at boot; to bind it now: echo 0 > /sys/bus/pci/devices/",
		address, "/sriov_numvfs");
}

void neighbours_find_physical(const struct survey *survey, const struct claim *claim,
			      struct finding *finding)
{
	char text[PCI_ADDRESS_SIZE], own[PCI_ADDRESS_SIZE];
	struct pci_address physical;

	if (!facts_physical_function(&survey->machine->root, &claim->function->address,
				     &physical))
		return;
	finding->refuses = true;
	text_add(&finding->text, "it is a virtual function of ",
		 pci_address_format(&physical, text),
		 ", whose driver makes it after the boot program has run");
	text_add(&finding->remedy, "run, once it is there: vfio-early bind ",
		 pci_address_format(&claim->function->address, own));
}
