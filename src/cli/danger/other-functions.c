/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that it cannot be parted from: its IOMMU group, and what SR-IOV makes of one. */

#include "danger/other-functions.h"

#include "machine/group.h"
#include "machine/sysfs.h"

#define NAMED_MAX 4

/* Adds "0000:01:00.1 (snd_hda_intel)" to `text`, and the address alone to `label`. */
static void add_mate(struct text *text, struct text *label, const struct pci_function *mate,
		     size_t found)
{
	char address[PCI_ADDRESS_SIZE];
	const char *separator = found ? ", " : "";

	if (found == NAMED_MAX) {
		text_add(text, " ...");
		text_add(label, " ...");
	}
	if (found >= NAMED_MAX)
		return;
	pci_address_format(&mate->address, address);
	text_add(text, separator, address, " (", mate->driver, ")");
	text_add(label, separator, address);
}

/* The group mates that stay with the host, in `text` and `label`. Does the host need one? */
static bool add_mates(const struct danger_context *context, const struct group_members *blockers,
		      struct text *text, struct text *label)
{
	bool needed = false;
	size_t found = 0;

	for (size_t i = 0; i < blockers->count; i++) {
		const struct pci_function *mate = blockers->items[i];
		const struct in_use *use = in_uses_get(&context->uses, mate);
		const struct claim *claim = danger_context_claim(context, mate);

		if (claim && !sysfs_is_host_driver(claim->driver))
			continue;
		add_mate(text, label, mate, found++);
		needed = needed || (use && use->certain);
	}
	return needed;
}

/* Fills in which drivers keep the group from a guest. Returns whether any does. */
static bool find_blockers(const struct danger_context *context, const struct claim *claim,
			  const char *number, struct finding *finding)
{
	const struct machine *machine = context->machine;
	_cleanup_(group_members_done) struct group_members blockers = { 0 };
	struct text mates = { 0 }, addresses = { 0 };
	bool needed, found;

	finding->text.failed |= group_find_blockers(machine, claim->function, &blockers) != 0;
	needed = add_mates(context, &blockers, &mates, &addresses);
	if (blockers.others.length)
		text_add(&mates, mates.length ? ", " : "", text_string(&blockers.others));
	found = mates.length;
	if (found) {
		text_add(&finding->text, "IOMMU group ", number,
			 " is not viable, a guest will not start with it: ", text_string(&mates),
			 " would stay with the host");
		text_add(&finding->label, "shares group with ", text_string(&addresses));
		if (needed)
			text_add(&finding->remedy, "put the card into another slot: the host "
						   "needs what is in this group");
		else
			group_add_remedy(machine, &blockers, claim->rule, &finding->remedy);
	}
	text_done(&mates);
	text_done(&addresses);
	return found;
}

/*
 * Fills in which other devices are in the group though no driver keeps it from a guest: before
 * there is a line, that is of interest, too.
 */
static void find_idle_mates(const struct danger_context *context, const struct claim *claim,
			    const char *number, struct finding *finding)
{
	const struct machine *machine = context->machine;
	_cleanup_(group_members_done) struct group_members members = { 0 };
	struct text mates = { 0 };
	char address[PCI_ADDRESS_SIZE];
	size_t found = 0;

	finding->text.failed |=
		group_find_members(machine, group_number(machine, claim->function), &members) != 0;
	for (size_t i = 0; i < members.count; i++) {
		const struct pci_function *mate = members.items[i];

		if (pci_is_infrastructure(mate) || danger_context_claim(context, mate))
			continue;
		if (found < NAMED_MAX)
			text_add(&mates, found ? ", " : "",
				 pci_address_format(&mate->address, address));
		else if (found == NAMED_MAX)
			text_add(&mates, " ...");
		found++;
	}
	if (found) {
		finding->severity = SEVERITY_NOTE;
		text_add(&finding->label, "shares group with ", text_string(&mates));
		text_add(&finding->text, "IOMMU group ", number, " also has ", text_string(&mates),
			 ": while a guest has this device, the host cannot use the others");
		rule_add_word(claim->rule, "with=group", &finding->remedy);
		text_add(&finding->remedy, " takes all of them");
	}
	text_done(&mates);
}

void other_functions_find_group(const struct danger_context *context, const struct claim *claim,
				struct finding *finding)
{
	char number[NUMBER_SIZE];

	if (group_number(context->machine, claim->function) < 0)
		return;
	number_format(number, group_number(context->machine, claim->function), 10, 1);
	if (!find_blockers(context, claim, number, finding) && !claim->rule->place.file)
		find_idle_mates(context, claim, number, finding);
}

void other_functions_find_no_group(const struct danger_context *context, const struct claim *claim,
				   struct finding *finding)
{
	if (context->iommu_is_off || group_number(context->machine, claim->function) >= 0)
		return;
	text_add(&finding->text, "it has no IOMMU group: vfio-pci refuses it");
	text_add(&finding->remedy,
		 "pass through a device that the IOMMU covers; \"vfio-early list\" shows "
		 "the groups");
}

void other_functions_find_virtual(const struct danger_context *context, const struct claim *claim,
				  struct finding *finding)
{
	unsigned int count =
		sysfs_virtual_functions(&context->machine->root, &claim->function->address);
	char address[PCI_ADDRESS_SIZE];

	if (!count)
		return;
	pci_address_format(&claim->function->address, address);
	text_add(&finding->label, "has virtual functions");
	text_add(&finding->text, "it has ");
	text_add_number(&finding->text, count, 10, 1);
	text_add(&finding->text, " virtual function", count == 1 ? "" : "s",
		 " now, and will have none: vfio-pci makes none, and is refused by the kernel "
		 "as long as there are any");
	text_add(&finding->remedy,
		 "leave it to its driver and pass through the virtual functions, or take out "
		 "what makes them at boot; to bind it now: echo 0 > /sys/bus/pci/devices/",
		 address, "/sriov_numvfs");
}

void other_functions_find_physical(const struct danger_context *context, const struct claim *claim,
				   struct finding *finding)
{
	char text[PCI_ADDRESS_SIZE], own[PCI_ADDRESS_SIZE];
	struct pci_address physical;

	if (!sysfs_physical_function(&context->machine->root, &claim->function->address, &physical))
		return;
	finding->refuses = true;
	pci_address_format(&physical, text);
	text_add(&finding->label, "virtual function of ", text);
	text_add(&finding->text, "it is a virtual function of ", text,
		 ", whose driver makes it after the boot program has run");
	text_add(&finding->remedy, "run, once it is there: vfio-early bind ",
		 pci_address_format(&claim->function->address, own));
}

void other_functions_find_controller(const struct danger_context *context,
				     const struct claim *claim, struct finding *finding)
{
	struct pci_address controller;
	char address[PCI_ADDRESS_SIZE];

	if (!sysfs_controller(&context->machine->root, &claim->function->address, &controller))
		return;
	finding->refuses = true;
	pci_address_format(&controller, address);
	text_add(&finding->label, "behind VMD ", address);
	text_add(&finding->text, "it is behind the VMD controller ", address,
		 ", whose driver makes it after the boot program has run");
	text_add(&finding->remedy,
		 "list the VMD controller instead, with all that is behind "
		 "it: vfio-early add ",
		 address);
}
