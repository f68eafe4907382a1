/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that it cannot be parted from: its IOMMU group, and what SR-IOV makes of one. */

#include "danger/other-functions.h"

#include "device.h"
#include "machine/group.h"
#include "machine/sysfs.h"

#define NAMED_MAX 4

static void add_mate(struct text *text, const struct pci_function *mate, size_t found)
{
	char address[PCI_ADDRESS_SIZE];

	if (found == NAMED_MAX)
		text_add(text, " ...");
	if (found >= NAMED_MAX)
		return;
	text_add(text, found ? ", " : "");
	text_add(text, pci_address_format(&mate->address, address), " (", mate->driver, ")");
}

/* The group mates that stay with the host, in `text`. Does the host need one? */
static bool add_mates(const struct danger_context *context, const struct group_members *blockers,
		      struct text *text)
{
	bool needed = false;
	size_t found = 0;

	for (size_t i = 0; i < blockers->count; i++) {
		const struct pci_function *mate = blockers->items[i];
		const struct in_use *use = in_uses_get(&context->uses, mate);
		const struct claim *claim = danger_context_claim(context, mate);

		if (claim && !sysfs_is_host_driver(claim->driver))
			continue;
		add_mate(text, mate, found++);
		needed = needed || (use && use->certain);
	}
	return needed;
}

void other_functions_find_group(const struct danger_context *context, const struct claim *claim,
				struct finding *finding)
{
	const struct machine *machine = context->machine;
	_cleanup_(group_members_done) struct group_members blockers = { 0 };
	char number[NUMBER_SIZE];
	struct text mates = { 0 };
	bool needed;

	if (group_find_blockers(machine, claim->function, &blockers)) {
		finding->text.failed = true;
		return;
	}
	needed = add_mates(context, &blockers, &mates);
	if (blockers.others.length)
		text_add(&mates, mates.length ? ", " : "", text_string(&blockers.others));
	number_format(number, sysfs_group(&machine->root, &claim->function->address), 10, 1);
	if (mates.length) {
		text_add(&finding->text, "IOMMU group ", number,
			 " is not viable, a guest will not start with it: ", text_string(&mates),
			 " would stay with the host");
		if (needed)
			text_add(&finding->remedy, "put the card into another slot: the host "
						   "needs what is in this group");
		else
			group_add_remedy(machine, &blockers, claim->rule, &finding->remedy);
	}
	text_done(&mates);
}

void other_functions_find_no_group(const struct danger_context *context, const struct claim *claim,
				   struct finding *finding)
{
	if (context->iommu_is_off ||
	    sysfs_group(&context->machine->root, &claim->function->address) >= 0)
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
	text_add(&finding->text, "it is a virtual function of ",
		 pci_address_format(&physical, text),
		 ", whose driver makes it after the boot program has run");
	text_add(&finding->remedy, "run, once it is there: vfio-early bind ",
		 pci_address_format(&claim->function->address, own));
}

/*
 * A controller such as Intel's VMD makes a PCI domain of its own, above ffff, when its driver
 * starts: .../0000:00:0e.0/pci10000:e0/... False if `function` is not in such a domain.
 */
static bool find_controller(const struct root *root, const struct pci_function *function,
			    struct pci_address *ret)
{
	char path[DEVICE_PATH_SIZE], link[ROOT_PATH_SIZE];
	char *bus, *parent;

	if (root_link(root, device_path(&function->address, "", path), link, sizeof(link)))
		return false;
	bus = strstr(link, "/pci");
	for (char *next = bus; next; next = strstr(next + 1, "/pci"))
		bus = next;
	if (!bus)
		return false;
	*bus = '\0';
	parent = strrchr(link, '/');
	return parent && !pci_address_parse(parent + 1, ret);
}

void other_functions_find_controller(const struct danger_context *context,
				     const struct claim *claim, struct finding *finding)
{
	struct pci_address controller;
	char address[PCI_ADDRESS_SIZE];

	if (!find_controller(&context->machine->root, claim->function, &controller))
		return;
	finding->refuses = true;
	pci_address_format(&controller, address);
	text_add(&finding->text, "it is behind the VMD controller ", address,
		 ", whose driver makes it after the boot program has run");
	text_add(&finding->remedy,
		 "list the VMD controller instead, with all that is behind "
		 "it: vfio-early add ",
		 address);
}
