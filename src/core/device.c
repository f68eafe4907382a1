/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions, from sysfs to a snapshot. The modalias attribute has almost everything in one read.
 * What costs more is read only if a rule needs it.
 */

#include "device.h"

#include <string.h>

#include "condition.h"
#include "config-space.h"
#include "display.h"

/* Reads an attribute such as "0x8086". Returns false if it is missing or not such a number. */
static bool read_number(const struct root *root, const struct pci_address *address,
			const char *attribute, uint64_t *ret)
{
	char path[DEVICE_PATH_SIZE], text[32];
	const char *digits;

	if (root_read(root, device_path(address, attribute, path), text, sizeof(text)) < 0)
		return false;
	digits = prefix_skip(text, "0x");
	return digits && number_parse(digits, 16, 0xffffff, ret);
}

/* Reads the attributes that modalias consists of, for a copy of sysfs that lacks modalias. */
static bool read_identity(const struct root *root, const struct pci_address *address,
			  struct pci_function *function)
{
	uint64_t vendor, device, class, subvendor = 0, subdevice = 0;

	if (!read_number(root, address, "vendor", &vendor) ||
	    !read_number(root, address, "device", &device) ||
	    !read_number(root, address, "class", &class))
		return false;
	read_number(root, address, "subsystem_vendor", &subvendor);
	read_number(root, address, "subsystem_device", &subdevice);
	function->id = (struct pci_id){ vendor, device };
	function->subsystem = (struct pci_id){ subvendor, subdevice };
	function->class = class;
	return true;
}

/*
 * Adds the function at `address`; one that does not exist or has no proper modalias is left out.
 * The uevent attribute would have the driver, too, but Linux 6.1 takes the device's lock to read
 * it (uevent_show() in drivers/base/core.c): the read never returns if a probe hangs.
 */
static int add_function(const struct root *root, const struct pci_address *address,
			struct pci_snapshot *snapshot)
{
	struct pci_function function = { .address = *address, .group = -1 };
	char path[DEVICE_PATH_SIZE], modalias[128];
	ssize_t length =
		root_read(root, device_path(address, "modalias", path), modalias, sizeof(modalias));

	if (length == -ENOENT ? !read_identity(root, address, &function)
			      : !pci_modalias_parse(modalias, &function))
		return 0;
	if (ARRAY_GROW(snapshot->functions, snapshot->count))
		return -ENOMEM;
	snapshot->functions[snapshot->count++] = function;
	return 0;
}

static void read_path(const struct root *root, struct pci_function *function)
{
	char path[DEVICE_PATH_SIZE], link[512];

	if (root_link(root, device_path(&function->address, "", path), link, sizeof(link)) == 0)
		pci_link_parse(link, &function->path);
}

static void read_card(const struct root *root, struct pci_function *function)
{
	char path[DEVICE_PATH_SIZE], enabled[4];

	function->virtual = root_has(root, device_path(&function->address, "physfn", path));
	function->ari = root_read(root, device_path(&function->address, "ari_enabled", path),
				  enabled, sizeof(enabled)) > 0 &&
			*enabled == '1';
}

/* The index of the function at `address` in a snapshot that may not be sorted yet; or its count. */
static size_t find_index(const struct pci_snapshot *snapshot, const struct pci_address *address)
{
	size_t i = 0;

	while (i < snapshot->count && pci_address_compare(&snapshot->functions[i].address, address))
		i++;
	return i;
}

struct group {
	const struct root *root;
	struct pci_snapshot *snapshot;
	int number;
	int error; /* ours: what the kernel says of the directory is another thing */
};

/* One that is not in the snapshot yet comes in. A group can hold devices of other buses. */
static int read_group_member(void *context, const char *name)
{
	struct group *group = context;
	struct pci_address address;
	size_t index;

	if (pci_address_parse(name, &address))
		return 0;
	index = find_index(group->snapshot, &address);
	if (index == group->snapshot->count && add_function(group->root, &address, group->snapshot))
		return group->error = -ENOMEM;
	if (index < group->snapshot->count) {
		group->snapshot->functions[index].group = group->number;
		group->snapshot->functions[index].known |= PCI_GROUP;
	}
	return 0;
}

/* The group of one function, and which others are in it. */
static int read_group(const struct root *root, struct pci_snapshot *snapshot,
		      struct pci_function *function)
{
	const struct pci_address address = function->address;
	struct group group = { root, snapshot, 0, 0 };
	char path[DEVICE_PATH_SIZE], name[16];
	uint64_t number;

	if (root_link_name(root, device_path(&address, "iommu_group", path), name, sizeof(name)) ||
	    !number_parse(name, 10, INT32_MAX, &number))
		return 0;
	group.number = function->group = number;
	/* The others of the machine must not pay for this one. */
	if (root_each_name(root, device_path(&address, "iommu_group/devices", path),
			   read_group_member, &group))
		return group.error;
	return 0;
}

static int read_details(const struct root *root, struct pci_snapshot *snapshot, size_t index,
			unsigned int details, struct framebuffers *framebuffers)
{
	struct pci_function *function = &snapshot->functions[index];
	char path[DEVICE_PATH_SIZE];

	details &= ~function->known;
	function->known |= details;
	if (details & PCI_PATH)
		read_path(root, function);
	if (details & CONFIG_SPACE_DETAILS)
		config_space_read(root, function, details & CONFIG_SPACE_DETAILS);
	if (details & PCI_CARD)
		read_card(root, function);
	if (details & PCI_DISPLAY)
		function->boot_display = display_is_boot(
			root, device_path(&function->address, "", path), framebuffers);
	return details & PCI_GROUP ? read_group(root, snapshot, function) : 0;
}

void device_read_driver(const struct root *root, struct pci_snapshot *snapshot, size_t index)
{
	struct pci_function *function = &snapshot->functions[index];

	device_driver(root, &function->address, function->driver);
}

int device_read_details(const struct root *root, struct pci_snapshot *snapshot, size_t index,
			unsigned int details)
{
	struct framebuffers framebuffers = { 0 };

	return read_details(root, snapshot, index, details, &framebuffers);
}

/* Returns what the active lines that select `function` say of with=, a bit for each enum with. */
static unsigned int wanted_companions(const struct conf *conf, const struct cmdline *cmdline,
				      const struct pci_function *function)
{
	unsigned int wanted = 1 << WITH_NOTHING;

	for (size_t i = 0; i < conf->count; i++) {
		const struct rule *rule = &conf->rules[i];

		if (!(wanted & 1 << rule->with) && cmdline_activates(cmdline, rule) &&
		    !condition_missed(rule, function))
			wanted |= 1 << rule->with;
	}
	return wanted;
}

/* Returns whether with= can add `other` to `function`, by their addresses or groups. */
static bool may_go_with(unsigned int wanted, const struct pci_function *function,
			const struct pci_function *other)
{
	if (wanted & 1 << WITH_GROUP && function->group >= 0 && function->group == other->group)
		return true;
	return wanted & 1 << WITH_FUNCTIONS && function->address.domain == other->address.domain &&
	       function->address.bus == other->address.bus;
}

/* Reads PCI_CARD of what lines with with= select, and of what they can add. */
static void read_companions(const struct root *root, const struct conf *conf,
			    const struct cmdline *cmdline, struct pci_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pci_function *function = &snapshot->functions[i];
		unsigned int wanted = wanted_companions(conf, cmdline, function);

		for (size_t j = 0; wanted != 1 << WITH_NOTHING && j < snapshot->count; j++) {
			struct pci_function *other = &snapshot->functions[j];

			if (other->known & PCI_CARD || !may_go_with(wanted, function, other))
				continue;
			other->known |= PCI_CARD;
			read_card(root, other);
		}
	}
}

/* Reads what the rules need of the functions' configuration space. */
static int read_config_spaces(const struct root *root, const struct conf *conf,
			      const struct cmdline *cmdline, struct pci_snapshot *snapshot)
{
	_cleanup_(freep) uint8_t *details = calloc(snapshot->count, sizeof(*details));

	if (!details)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->count; i++)
		details[i] = condition_needs(conf, cmdline, &snapshot->functions[i]) &
			     CONFIG_SPACE_DETAILS;
	return config_space_read_all(root, snapshot, details);
}

/* Group mates are added behind the rest while this runs, and get their own turn. */
static int complete(const struct root *root, const struct conf *conf, const struct cmdline *cmdline,
		    struct pci_snapshot *snapshot)
{
	struct framebuffers framebuffers = { 0 };
	size_t sorted = snapshot->count;
	unsigned int all_needs = 0;
	int error = 0;

	for (size_t i = 0; i < snapshot->count && !error; i++) {
		unsigned int needs = condition_needs(conf, cmdline, &snapshot->functions[i]);

		all_needs |= needs;
		error = read_details(root, snapshot, i, needs & ~CONFIG_SPACE_DETAILS,
				     &framebuffers);
	}
	if (!error && all_needs & CONFIG_SPACE_DETAILS)
		error = read_config_spaces(root, conf, cmdline, snapshot);
	if (error)
		return error;
	read_companions(root, conf, cmdline, snapshot);
	if (snapshot->count > sorted)
		pci_snapshot_sort(snapshot);
	return 0;
}

struct addresses {
	struct pci_address *items;
	size_t count;
};

static int compare_addresses(const void *a, const void *b)
{
	return pci_address_compare(a, b);
}

static int add_address(struct addresses *addresses, const struct pci_address *address)
{
	if (ARRAY_GROW(addresses->items, addresses->count))
		return -ENOMEM;
	addresses->items[addresses->count++] = *address;
	return 0;
}

/* The functions at `addresses`, which are sorted here. */
static int scan(const struct root *root, const struct conf *conf, const struct cmdline *cmdline,
		struct addresses *addresses, struct pci_snapshot *ret)
{
	const struct pci_address *items = addresses->items;
	int error = 0;

	if (addresses->count)
		qsort(addresses->items, addresses->count, sizeof(*items), compare_addresses);
	for (size_t i = 0; i < addresses->count && !error; i++)
		if (!i || pci_address_compare(&items[i], &items[i - 1]))
			error = add_function(root, &items[i], ret);
	return error ? error : complete(root, conf, cmdline, ret);
}

static int add_name(void *addresses, const char *name)
{
	struct pci_address address;

	return pci_address_parse(name, &address) ? 0 : add_address(addresses, &address);
}

int device_scan(const struct root *root, const struct conf *conf, const struct cmdline *cmdline,
		struct pci_snapshot *ret)
{
	struct addresses addresses = { 0 };
	int error = root_each_name(root, DEVICE_DIRECTORY, add_name, &addresses);

	if (!error)
		error = scan(root, conf, cmdline, &addresses, ret);
	free(addresses.items);
	return error;
}

/*
 * The addresses where the other functions of a card can be: eight, or the whole bus with ARI.
 */
static int add_card(const struct root *root, const struct pci_address *address,
		    struct addresses *addresses)
{
	struct pci_function first = { .address = *address };
	struct pci_address other = *address;
	int last;

	read_card(root, &first);
	last = first.ari ? 0x1f : address->device;
	for (int device = first.ari ? 0 : last; device <= last; device++) {
		for (int function = 0; function < 8; function++) {
			other.device = device;
			other.function = function;
			if (add_address(addresses, &other))
				return -ENOMEM;
		}
	}
	return 0;
}

/* The addresses that the active bind lines state, and those of the cards' other functions. */
static int listed_addresses(const struct root *root, const struct conf *conf,
			    const struct cmdline *cmdline, struct addresses *addresses)
{
	int error = 0;

	for (size_t i = 0; i < conf->count && !error; i++) {
		const struct rule *rule = &conf->rules[i];

		if (rule->statement != STATEMENT_BIND || !cmdline_activates(cmdline, rule))
			continue;
		error = rule->with == WITH_FUNCTIONS ? add_card(root, &rule->address, addresses)
						     : add_address(addresses, &rule->address);
	}
	return error;
}

int device_scan_listed(const struct root *root, const struct conf *conf,
		       const struct cmdline *cmdline, struct pci_snapshot *ret)
{
	struct addresses addresses = { 0 };
	int error = listed_addresses(root, conf, cmdline, &addresses);

	if (!error)
		error = scan(root, conf, cmdline, &addresses, ret);
	free(addresses.items);
	return error;
}
