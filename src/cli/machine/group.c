/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups: which functions keep one from a guest, and what to do about them. */

#include "machine/group.h"

#include <string.h>

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

/* Returns whether the driver of a function that a line takes makes the domain of `member`. */
static bool is_behind_claim(const struct machine *machine, const struct pci_function *member)
{
	struct pci_address controller;
	const struct claim *claim = NULL;

	if (sysfs_controller(&machine->root, &member->address, &controller))
		claim = machine_claim_at(machine, &controller);
	return claim && claim->result == RESULT_NONE;
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

static int add_member(const struct pci_function *member, struct group_members *ret)
{
	if (ARRAY_GROW(ret->items, ret->count))
		return -ENOMEM;
	ret->items[ret->count++] = member;
	return 0;
}

static int add_named(const struct machine *machine, const char *directory, const char *name,
		     struct group_members *ret)
{
	const struct pci_function *member;
	struct pci_address address;

	if (pci_address_parse(name, &address))
		return add_other(machine, directory, name, &ret->others);
	member = pci_find(&machine->snapshot, &address);
	return member ? add_member(member, ret) : 0;
}

/* Finds the members in the directory of the group. */
static int read_members(const struct machine *machine, int group, struct group_members *ret)
{
	char path[ROOT_PATH_SIZE], number[NUMBER_SIZE], **names = NULL;
	size_t count = 0;
	int error;

	number_format(number, group, 10, 1);
	string_join(path, sizeof(path), "sys/kernel/iommu_groups/", number, "/devices", NULL);
	error = root_names_if_any(&machine->root, path, &names, &count);
	for (size_t i = 0; i < count && !error; i++)
		error = add_named(machine, path, names[i], ret);
	names_free(names, count);
	return error;
}

/* Functions without a group come last. */
static int compare_groups(const void *a, const void *b, void *machine)
{
	const struct pci_function *left = *(const struct pci_function *const *)a;
	const struct pci_function *right = *(const struct pci_function *const *)b;
	unsigned int left_group = group_number(machine, left);
	unsigned int right_group = group_number(machine, right);

	if (left_group != right_group)
		return left_group < right_group ? -1 : 1;
	return left < right ? -1 : left > right;
}

int group_index_make(struct machine *machine)
{
	const struct pci_snapshot *snapshot = &machine->snapshot;
	struct group_index *index = &machine->groups;
	int *numbers = calloc(snapshot->count + 1, sizeof(*numbers));

	index->members = calloc(snapshot->count + 1, sizeof(*index->members));
	for (size_t i = 0; numbers && index->members && i < snapshot->count; i++) {
		numbers[i] = sysfs_group(&machine->root, &snapshot->functions[i].address);
		index->members[i] = &snapshot->functions[i];
	}
	index->numbers = numbers;
	if (!numbers || !index->members)
		return -ENOMEM;
	qsort_r(index->members, snapshot->count, sizeof(*index->members), compare_groups, machine);
	return 0;
}

int group_number(const struct machine *machine, const struct pci_function *function)
{
	if (machine->groups.numbers)
		return machine->groups.numbers[function - machine->snapshot.functions];
	return sysfs_group(&machine->root, &function->address);
}

/* Finds the members in the index: they are next to each other. */
static int look_up_members(const struct machine *machine, int group, struct group_members *ret)
{
	const struct pci_function **members = machine->groups.members;
	size_t first = 0, last = machine->snapshot.count;
	int error = 0;

	while (first < last) {
		size_t middle = (first + last) / 2;

		if ((unsigned int)group_number(machine, members[middle]) < (unsigned int)group)
			first = middle + 1;
		else
			last = middle;
	}
	while (!error && first < machine->snapshot.count &&
	       group_number(machine, members[first]) == group)
		error = add_member(members[first++], ret);
	return error;
}

int group_find_members(const struct machine *machine, int group, struct group_members *ret)
{
	if (group < 0)
		return 0;
	return machine->groups.numbers ? look_up_members(machine, group, ret)
				       : read_members(machine, group, ret);
}

int group_find_blockers(const struct machine *machine, const struct pci_function *function,
			struct group_members *ret)
{
	int error = group_find_members(machine, group_number(machine, function), ret);
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
	text_add(text, text->length > before ? "; " : "");
	rule_add_word(rule, "with=group", text);
}
