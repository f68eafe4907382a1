/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions, from sysfs to a snapshot. The uevent attribute holds almost everything in one read;
 * what costs more is read only where a rule asks for it.
 */

#include "device.h"

#include <string.h>

#include "display.h"
#include "match.h"

const char *device_path(const struct pci_address *address, const char *attribute,
			char *path)
{
	char name[PCI_ADDRESS_SIZE];

	string_join(path, DEVICE_PATH_SIZE, DEVICE_DIRECTORY "/",
		    pci_address_format(address, name), *attribute ? "/" : "", attribute,
		    NULL);
	return path;
}

void device_driver(const struct root *root, const struct pci_address *address,
		   char *driver)
{
	char path[DEVICE_PATH_SIZE];

	if (root_link_name(root, device_path(address, "driver", path), driver,
			   PCI_DRIVER_SIZE))
		driver[0] = '\0';
}

/* Adds the function at `address`; one that isn't there, or has no proper uevent, is left out. */
static int add_function(const struct root *root, const struct pci_address *address,
			struct pci_snapshot *snapshot)
{
	char path[DEVICE_PATH_SIZE], uevent[1024];
	struct pci_function function;
	ssize_t length = root_read(root, device_path(address, "uevent", path), uevent,
				   sizeof(uevent));

	if (length < 0 || !pci_uevent_parse(uevent, &function) ||
	    pci_address_compare(&function.address, address))
		return 0;
	if (ARRAY_GROW(snapshot->functions, snapshot->count))
		return -ENOMEM;
	snapshot->functions[snapshot->count++] = function;
	return 0;
}

static void read_path(const struct root *root, struct pci_function *function)
{
	char path[DEVICE_PATH_SIZE], link[512];

	if (root_link(root, device_path(&function->address, "", path), link,
		      sizeof(link)) == 0)
		pci_link_parse(link, &function->path);
}

/* Beyond 64 bytes `config` is for root only: an ordinary user sees no serial number. */
static void read_serial(const struct root *root, struct pci_function *function)
{
	char path[DEVICE_PATH_SIZE];
	uint8_t space[4096 - 256];
	ssize_t length =
		root_read_at(root, device_path(&function->address, "config", path), space,
			     sizeof(space), 256);

	if (length > 0)
		function->serial = pci_extended_serial(space, length);
}

/* The index of the function at `address` in a snapshot that may not be sorted yet; or its count. */
static size_t find_index(const struct pci_snapshot *snapshot,
			 const struct pci_address *address)
{
	size_t i = 0;

	while (i < snapshot->count &&
	       pci_address_compare(&snapshot->functions[i].address, address))
		i++;
	return i;
}

static int read_group_member(const struct root *root, const char *name, int group,
			     struct pci_snapshot *snapshot)
{
	struct pci_address address;
	size_t index;
	int error = 0;

	if (pci_address_parse(name,
			      &address)) /* a group can hold devices of other buses */
		return 0;
	index = find_index(snapshot, &address);
	if (index == snapshot->count)
		error = add_function(root, &address, snapshot);
	if (error || index == snapshot->count)
		return error;
	snapshot->functions[index].group = group;
	snapshot->functions[index].known |= PCI_GROUP;
	return 0;
}

/* The group of one function, and which others are in it. */
static int read_group(const struct root *root, struct pci_snapshot *snapshot,
		      size_t index)
{
	const struct pci_address address = snapshot->functions[index].address;
	char path[DEVICE_PATH_SIZE], number[16];
	uint64_t group;
	char **names = NULL;
	size_t count = 0;
	int error;

	snapshot->functions[index].known |= PCI_GROUP;
	if (root_link_name(root, device_path(&address, "iommu_group", path), number,
			   sizeof(number)) ||
	    !number_parse(number, 10, INT32_MAX, &group))
		return 0;
	snapshot->functions[index].group = group;
	error = root_names(root, device_path(&address, "iommu_group/devices", path),
			   &names, &count);
	if (error)
		return 0; /* the others of the machine must not pay for this one */
	for (size_t i = 0; i < count && !error; i++)
		error = read_group_member(root, names[i], group, snapshot);
	names_free(names, count);
	return error;
}

static int read_details(const struct root *root, struct pci_snapshot *snapshot,
			size_t index, unsigned int details,
			struct framebuffers *framebuffers)
{
	struct pci_function *function = &snapshot->functions[index];
	char path[DEVICE_PATH_SIZE];

	details &= ~function->known;
	function->known |= details & ~PCI_GROUP;
	if (details & PCI_PATH)
		read_path(root, function);
	if (details & PCI_SERIAL)
		read_serial(root, function);
	if (details & PCI_DISPLAY)
		function->boot_display = display_is_boot(
			root, device_path(&function->address, "", path), framebuffers);
	return details & PCI_GROUP ? read_group(root, snapshot, index) : 0;
}

int device_read_details(const struct root *root, struct pci_snapshot *snapshot,
			size_t index, unsigned int details)
{
	struct framebuffers framebuffers = { 0 };

	return read_details(root, snapshot, index, details, &framebuffers);
}

/* Group mates are added behind the rest while this runs, and get their own turn. */
static int complete(const struct root *root, const struct conf *conf,
		    const struct cmdline *cmdline, struct pci_snapshot *snapshot)
{
	struct framebuffers framebuffers = { 0 };

	for (size_t i = 0; i < snapshot->count; i++) {
		unsigned int needs = match_needs(conf, cmdline, &snapshot->functions[i]);
		int error = read_details(root, snapshot, i, needs, &framebuffers);

		if (error)
			return error;
	}
	pci_snapshot_sort(snapshot);
	return 0;
}

int device_scan(const struct root *root, const struct conf *conf,
		const struct cmdline *cmdline, struct pci_snapshot *ret)
{
	char **names = NULL;
	size_t count = 0;
	int error = root_names(root, DEVICE_DIRECTORY, &names, &count);

	if (error)
		return error;
	for (size_t i = 0; i < count && !error; i++) {
		struct pci_address address;

		if (!pci_address_parse(names[i], &address))
			error = add_function(root, &address, ret);
	}
	names_free(names, count);
	return error ? error : complete(root, conf, cmdline, ret);
}

static int compare_addresses(const void *a, const void *b)
{
	return pci_address_compare(a, b);
}

/* The addresses that the active bind lines state, and those of the cards' other functions. */
static int listed_addresses(const struct conf *conf, const struct cmdline *cmdline,
			    struct pci_address **ret, size_t *ret_count)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct rule *rule = &conf->rules[i];
		bool card = rule->with == WITH_FUNCTIONS;

		if (rule->statement != STATEMENT_BIND ||
		    !rule_is_active(rule, cmdline->profiles, cmdline->profile_count))
			continue;
		for (int function = 0; function < (card ? 8 : 1); function++) {
			if (ARRAY_GROW(*ret, *ret_count))
				return -ENOMEM;
			(*ret)[*ret_count] = rule->address;
			if (card)
				(*ret)[*ret_count].function = function;
			(*ret_count)++;
		}
	}
	if (*ret_count > 1)
		qsort(*ret, *ret_count, sizeof(**ret), compare_addresses);
	return 0;
}

int device_scan_listed(const struct root *root, const struct conf *conf,
		       const struct cmdline *cmdline, struct pci_snapshot *ret)
{
	_cleanup_(freep) struct pci_address *addresses = NULL;
	size_t count = 0;
	int error = listed_addresses(conf, cmdline, &addresses, &count);

	for (size_t i = 0; i < count && !error; i++)
		if (!i || pci_address_compare(&addresses[i], &addresses[i - 1]))
			error = add_function(root, &addresses[i], ret);
	return error ? error : complete(root, conf, cmdline, ret);
}
