/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IOMMU groups of a device: who else is in them, and which bridges make them large. */

#include "group-print.h"

#include <stdio.h>
#include <string.h>

#include "finding-print.h"
#include "lib/printable.h"
#include "machine/acs.h"
#include "machine/group.h"
#include "machine/sysfs.h"

/* Does the group have a device of another card, so that its bridges are of interest? */
static bool is_large(const struct group_view *view, const struct group_members *members)
{
	for (size_t i = 0; i < members->count; i++)
		if (!pci_is_bridge(members->items[i]) &&
		    !guest_has(view->functions, members->items[i]))
			return true;
	return false;
}

/* Returns the bridge that `function` is directly behind, or NULL. */
static const struct pci_function *parent_of(const struct machine *machine,
					    const struct pci_function *function)
{
	const struct pci_snapshot *snapshot = &machine->snapshot;
	struct pci_path path, other;

	if (!sysfs_path(&machine->root, &function->address, &path) || path.hops < 2)
		return NULL;
	path.hops--;
	for (size_t i = 0; i < snapshot->count; i++)
		if (pci_is_bridge(&snapshot->functions[i]) &&
		    sysfs_path(&machine->root, &snapshot->functions[i].address, &other) &&
		    pci_path_equal(&path, &other))
			return &snapshot->functions[i];
	return NULL;
}

/*
 * Calls `each` for the bridges that make a group large: those of its members that do not separate
 * what is below them, and a bridge to conventional PCI, which is in a group of its own.
 */
static void each_culprit(struct group_view *view, const struct group_members *members,
			 void (*each)(struct group_view *view, const struct pci_function *bridge,
				      enum acs_state state))
{
	const struct machine *machine = &view->listing->machine;
	const struct pci_function *parent = parent_of(machine, view->functions->items[0]);

	if (!is_large(view, members))
		return;
	for (size_t i = 0; i < members->count; i++) {
		const struct pci_function *bridge = members->items[i];
		enum acs_state state =
			pci_is_bridge(bridge) ? acs_state(&machine->root, bridge) : ACS_ON;

		if (state != ACS_ON)
			each(view, bridge, state);
		parent = bridge == parent ? NULL : parent;
	}
	if (parent && acs_state(&machine->root, parent) == ACS_CONVENTIONAL)
		each(view, parent, ACS_CONVENTIONAL);
}

static void print_culprit(struct group_view *view, const struct pci_function *bridge,
			  enum acs_state state)
{
	char address[PCI_ADDRESS_SIZE];

	view->unknown_bridges |= state == ACS_UNKNOWN;
	if (state == ACS_UNKNOWN)
		return;
	printable_print(stdout, "  bridge %s %s\n", pci_address_format(&bridge->address, address),
			acs_state_words(state));
}

static void json_culprit(struct group_view *view, const struct pci_function *bridge,
			 enum acs_state state)
{
	static const char *const words[] = { "on", "off", "missing", "conventional", "unknown" };
	struct json *json = view->json;
	char address[PCI_ADDRESS_SIZE];

	json_open(json, NULL, '{');
	json_string(json, "address", pci_address_format(&bridge->address, address));
	json_string(json, "acs", words[state]);
	json_close(json);
}

/* "  0000:05:00.0 Samsung NVMe SSD (nvme), host uses / (nvme0n1p1)" */
static void print_member(const struct group_view *view, const struct pci_function *member)
{
	const struct in_use *use = in_uses_get(&view->listing->survey.context.uses, member);
	char address[PCI_ADDRESS_SIZE], name[NAMES_SIZE];

	names_full(view->listing->names, member, name);
	printable_print(stdout, "  %s %s%s(%s)%s%s\n",
			pci_address_format(&member->address, address), name, *name ? " " : "",
			*member->driver ? member->driver : "no driver",
			!use	       ? ""
			: use->certain ? ", host uses "
				       : ", host may use ",
			use ? text_string(&use->what) : "");
}

static void json_member(const struct group_view *view, const struct pci_function *member)
{
	struct json *json = view->json;
	char address[PCI_ADDRESS_SIZE], name[NAMES_SIZE];

	json_open(json, NULL, '{');
	json_string(json, "address", pci_address_format(&member->address, address));
	json_string(json, "name", names_full(view->listing->names, member, name));
	json_string(json, "driver", member->driver);
	json_boolean(json, "bridge", pci_is_bridge(member));
	json_boolean(json, "shown", guest_has(view->functions, member));
	json_close(json);
}

/* Returns whether a function before this one is in the same group. */
static bool is_repeated(const struct group_view *view, size_t index)
{
	const struct machine *machine = &view->listing->machine;
	int group = group_number(machine, view->functions->items[index]);

	for (size_t i = 0; i < index; i++)
		if (group_number(machine, view->functions->items[i]) == group)
			return true;
	return group < 0;
}

static void print_group(struct group_view *view, int group, const struct group_members *members)
{
	char heading[sizeof("IOMMU group ") + NUMBER_SIZE] = "IOMMU group ";

	number_format(heading + strlen(heading), group, 10, 1);
	print_heading(heading, view->color);
	for (size_t i = 0; i < members->count; i++)
		print_member(view, members->items[i]);
	view->unknown_bridges = false;
	each_culprit(view, members, print_culprit);
	if (view->unknown_bridges)
		puts("  A bridge of this group does not separate its devices. Only root can read "
		     "which one.");
	putchar('\n');
}

static void json_group(struct group_view *view, int group, const struct group_members *members)
{
	struct json *json = view->json;

	json_open(json, NULL, '{');
	json_number(json, "group", group);
	json_open(json, "members", '[');
	for (size_t i = 0; i < members->count; i++)
		json_member(view, members->items[i]);
	json_close(json);
	json_open(json, "bridges", '[');
	each_culprit(view, members, json_culprit);
	json_close(json);
	json_close(json);
}

static int each_group(struct group_view *view, void (*each)(struct group_view *view, int group,
							    const struct group_members *members))
{
	const struct machine *machine = &view->listing->machine;
	int error = 0;

	for (size_t i = 0; i < view->functions->count && !error; i++) {
		_cleanup_(group_members_done) struct group_members members = { 0 };
		int group = group_number(machine, view->functions->items[i]);

		if (is_repeated(view, i))
			continue;
		error = group_find_members(machine, group, &members);
		if (!error)
			each(view, group, &members);
	}
	return error;
}

int groups_print(struct group_view *view)
{
	return each_group(view, print_group);
}

int groups_add_json(struct group_view *view)
{
	int error;

	json_open(view->json, "groups", '[');
	error = each_group(view, json_group);
	json_close(view->json);
	return error;
}
