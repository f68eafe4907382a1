/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups: which functions keep one from a guest, and what to do about them. */

#include "machine/group.h"

#include <string.h>

#include "device.h"
#include "machine/sysfs.h"

/* The first kernel that asks the driver, not the header, whether a function blocks its group. */
#define DRIVERS_COUNT_MAJOR 5
#define DRIVERS_COUNT_MINOR 19

/* "6.1.0-42-amd64": is it Linux `major`.`minor` or later? True if that can't be read. */
static bool is_kernel_since(const char *release, uint64_t major, uint64_t minor)
{
	uint64_t is_major, is_minor;
	const char *p = number_parse(release, 10, UINT16_MAX, &is_major);

	if (!p || *p != '.' || !number_parse(p + 1, 10, UINT16_MAX, &is_minor))
		return true;
	return is_major != major ? is_major > major : is_minor >= minor;
}

bool group_is_blocked_by(const struct machine *machine, const struct pci_function *member)
{
	if (!sysfs_is_host_driver(member->driver))
		return false;
	return !pci_is_bridge(member) ||
	       is_kernel_since(machine->kernel, DRIVERS_COUNT_MAJOR, DRIVERS_COUNT_MINOR);
}

/* Returns whether the way to `member` goes through a function that a line takes. */
static bool is_behind_claim(const struct machine *machine, const struct pci_function *member)
{
	char path[DEVICE_PATH_SIZE], link[ROOT_PATH_SIZE];
	char address[PCI_ADDRESS_SIZE], part[PCI_ADDRESS_SIZE + 2];

	if (root_link(&machine->root, device_path(&member->address, "", path), link, sizeof(link)))
		return false;
	for (size_t i = 0; i < machine->match.claim_count; i++) {
		const struct claim *claim = &machine->match.claims[i];

		string_join(part, sizeof(part), "/",
			    pci_address_format(&claim->function->address, address), "/", NULL);
		if (claim->result == RESULT_NONE && strstr(link, part))
			return true;
	}
	return false;
}

/* Adds a member that is not a PCI function, if a host driver has it. */
static int add_other(const struct machine *machine, const char *directory, const char *name,
		     struct text *others)
{
	char path[ROOT_PATH_SIZE], driver[PCI_DRIVER_SIZE];

	string_join(path, sizeof(path), directory, "/", name, "/driver", NULL);
	if (!root_link_name(&machine->root, path, driver, sizeof(driver)) &&
	    sysfs_is_host_driver(driver))
		text_add(others, others->length ? ", " : "", name, " (", driver, ")");
	return text_error(others);
}

static int add_member(const struct machine *machine, const char *directory, const char *name,
		      struct group_members *ret)
{
	const struct pci_function *member;
	struct pci_address address;

	if (pci_address_parse(name, &address))
		return add_other(machine, directory, name, &ret->others);
	member = pci_find(&machine->snapshot, &address);
	if (!member)
		return 0;
	if (ARRAY_GROW(ret->items, ret->count))
		return -ENOMEM;
	ret->items[ret->count++] = member;
	return 0;
}

int group_find_members(const struct machine *machine, int group, struct group_members *ret)
{
	char path[ROOT_PATH_SIZE], number[NUMBER_SIZE], **names = NULL;
	size_t count = 0;
	int error;

	if (group < 0)
		return 0;
	number_format(number, group, 10, 1);
	string_join(path, sizeof(path), "sys/kernel/iommu_groups/", number, "/devices", NULL);
	error = root_names_if_any(&machine->root, path, &names, &count);
	for (size_t i = 0; i < count && !error; i++)
		error = add_member(machine, path, names[i], ret);
	names_free(names, count);
	return error;
}

int group_find_blockers(const struct machine *machine, const struct pci_function *function,
			struct group_members *ret)
{
	int group = sysfs_group(&machine->root, &function->address);
	int error = group_find_members(machine, group, ret);
	size_t kept = 0;

	for (size_t i = 0; i < ret->count; i++) {
		const struct pci_function *member = ret->items[i];

		if (member != function && group_is_blocked_by(machine, member) &&
		    !is_behind_claim(machine, member))
			ret->items[kept++] = member;
	}
	ret->count = kept;
	return error;
}

void group_members_done(struct group_members *members)
{
	free(members->items);
	text_done(&members->others);
	*members = (struct group_members){ 0 };
}

/* with=group adds it, unless the line has that already: then it can't. */
static bool is_added_by_group(const struct rule *rule, const struct pci_function *member)
{
	return rule->with != WITH_GROUP && !pci_is_infrastructure(member);
}

void group_add_remedy(const struct machine *machine, const struct group_members *blockers,
		      const struct rule *rule, struct text *text)
{
	bool with_group = false;
	size_t before = text->length;

	for (size_t i = 0; i < blockers->count; i++) {
		const struct pci_function *member = blockers->items[i];
		const struct claim *claim = machine_claim_of(machine, member);
		char address[PCI_ADDRESS_SIZE];

		if (claim && claim->result == RESULT_NONE)
			continue;
		with_group = with_group || is_added_by_group(rule, member);
		if (is_added_by_group(rule, member))
			continue;
		text_add(text, text->length > before ? "; " : "",
			 pci_is_bridge(member) ? "unload the driver of the bridge: rmmod "
					       : "list that device, too: vfio-early add ",
			 pci_is_bridge(member) ? member->driver
					       : pci_address_format(&member->address, address));
	}
	if (blockers->others.length)
		text_add(text, text->length > before ? "; " : "", "unload the driver of ",
			 text_string(&blockers->others));
	if (!with_group)
		return;
	text_add(text, text->length > before ? "; " : "", "write with=group on ");
	place_add(&rule->place, text);
}
