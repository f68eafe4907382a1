/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices in Proxmox VE's configuration: the cluster's mappings, and the guests. */

#include "import/proxmox.h"

#include <string.h>

#define GUESTS "etc/pve/qemu-server"
#define BLANKS " \t"

/*
 * Stores the value of KEY=VALUE in "a=1,b=2" in `size` bytes, or "". If `key` is "", stores the
 * first word without "=".
 */
static void property_copy(const char *properties, const char *key, char *value, size_t size)
{
	*value = '\0';
	for (const char *p = properties; *p; p += strcspn(p, ","), p += *p == ',') {
		size_t length = strcspn(p, ","), name = strcspn(p, "=,");
		size_t skipped = *key ? strlen(key) + 1 : 0;

		if (*key ? p[name] != '=' || strncmp(p, key, name) || key[name] : p[name] == '=')
			continue;
		length -= skipped;
		string_copy(value, length < size ? length + 1 : size, p + skipped);
		return;
	}
}

/* Stores the name of this node, or "". */
static void read_node(const struct reading *reading, char *name, size_t size)
{
	if (root_read(&reading->machine->root, "etc/hostname", name, size) > 0)
		name[strcspn(name, ". \t\n")] = '\0';
}

/* Is the mapping of another node of the cluster? */
static bool is_elsewhere(const struct reading *reading, const char *node)
{
	char name[256];

	read_node(reading, name, sizeof(name));
	return *node && *name && strcmp(name, node);
}

/* The ID is that of the first path. The other paths are functions of the same card. */
static int add_mapped_path(const struct reading *reading, const struct file_line *line,
			   const char *path, const char *id, const char *subsystem)
{
	struct entry *entry = entry_add(reading->entries, line, path);
	struct pci_id sub = { 0 };

	if (!entry)
		return -ENOMEM;
	if (!format_parse_address(path, entry))
		entry->problem = "not a PCI address";
	else if (*id && pci_id_parse(id, &entry->id))
		entry->problem = "its id= is not a vendor:device ID";
	else if (*subsystem && pci_id_parse(subsystem, &sub))
		entry->problem = "its subsystem-id= is not a vendor:device ID";
	if (entry->problem)
		return 0;
	entry->has_id = *id;
	if (*subsystem) {
		entry->subvendor = sub.vendor;
		entry->subdevice = sub.device;
	}
	return 0;
}

/*
 * "id=10de:1c03,iommugroup=1,node=pve,path=0000:01:00,subsystem-id=1458:3702". The number of the
 * group says nothing about the device: it can change with every kernel.
 */
int proxmox_add_mapping(const struct reading *reading, const struct file_line *line,
			char *properties)
{
	char id[16], subsystem[16], node[256], paths[512], *rest;
	int error = 0;

	property_copy(properties, "id", id, sizeof(id));
	property_copy(properties, "subsystem-id", subsystem, sizeof(subsystem));
	property_copy(properties, "node", node, sizeof(node));
	property_copy(properties, "path", paths, sizeof(paths));
	if (is_elsewhere(reading, node))
		return line->guest ? 0
				   : entry_add_problem(reading->entries, line, properties,
						       "of another node", true);
	if (!*paths)
		return entry_add_problem(reading->entries, line, properties, "path= is missing",
					 false);
	for (char *path = strtok_r(paths, ";", &rest); path && !error;
	     path = strtok_r(NULL, ";", &rest)) {
		error = add_mapped_path(reading, line, path, id, subsystem);
		*id = *subsystem = '\0';
	}
	return error;
}

/* A guest's line that is being read, and the mapping that it names. */
struct guest {
	const struct reading *reading;
	const char *name;
	bool ended;		      /* at the first heading */
	const struct file_line *line; /* for add_mapped() */
	const char *mapping;
	bool found; /* the mapping's name, which is on a line of its own before its properties */
};

/* Adds what the mapping that the guest names has for this node. */
static int add_mapped(void *context, struct file_line *line)
{
	struct guest *guest = context;
	char *properties = line->text + strcspn(line->text, BLANKS);

	if (!*properties)
		guest->found = !strcmp(line->text, guest->mapping);
	else if (guest->found && !strncmp(line->text, "map", properties - line->text))
		return proxmox_add_mapping(guest->reading, guest->line,
					   properties + strspn(properties, BLANKS));
	return 0;
}

static int add_mapping_named(struct guest *guest, const char *properties)
{
	struct entries *entries = guest->reading->entries;
	size_t count = entries->count;
	int error = lines_read(&guest->reading->machine->root, PROXMOX_MAPPINGS, add_mapped, guest);

	if (error || entries->count > count)
		return error;
	return entry_add_problem(entries, guest->line, properties, "no such mapping for this node",
				 false);
}

/* "0000:01:00.0;01:00.1": "0000:01:00" is the whole card. */
static int add_addresses(const struct guest *guest, char *addresses)
{
	char *rest;

	for (char *address = strtok_r(addresses, ";", &rest); address;
	     address = strtok_r(NULL, ";", &rest)) {
		struct entry *entry = entry_add(guest->reading->entries, guest->line, address);

		if (!entry)
			return -ENOMEM;
		if (!format_parse_address(address, entry))
			entry->problem = "not a PCI address";
	}
	return 0;
}

/* "0000:01:00,pcie=1", "host=01:00.0;01:00.1" or "mapping=NAME" */
static int add_hostpci(struct guest *guest, const char *properties)
{
	char addresses[512], mapping[256], type[64];

	property_copy(properties, "", addresses, sizeof(addresses));
	if (!*addresses)
		property_copy(properties, "host", addresses, sizeof(addresses));
	property_copy(properties, "mapping", mapping, sizeof(mapping));
	property_copy(properties, "mdev", type, sizeof(type));
	if (*type)
		return entry_add_problem(guest->reading->entries, guest->line, properties,
					 "a mediated device, which needs its host driver", true);
	guest->mapping = mapping;
	if (*mapping)
		return add_mapping_named(guest, properties);
	if (*addresses)
		return add_addresses(guest, addresses);
	return entry_add_problem(guest->reading->entries, guest->line, properties,
				 "no device is named", false);
}

bool proxmox_is_hostpci(const char *text)
{
	const char *number = prefix_skip(text, "hostpci");
	size_t digits = number ? strspn(number, "0123456789") : 0;

	return digits && number[digits] == ':';
}

/* After the first heading come snapshots, and changes that are not in force yet. */
static int add_guest_line(void *context, struct file_line *line)
{
	struct guest *guest = context;
	const char *properties;

	guest->ended |= *line->text == '[';
	if (guest->ended || !proxmox_is_hostpci(line->text))
		return 0;
	line->guest = guest->name;
	guest->line = line;
	guest->found = false;
	properties = strchr(line->text, ':') + 1;
	return add_hostpci(guest, properties + strspn(properties, BLANKS));
}

int proxmox_read_guest(const struct reading *reading, const struct root *root, const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *end = suffix_find(base, ".conf");
	char name[64];
	struct guest guest = { .reading = reading, .name = name };

	string_copy(name, sizeof(name), base);
	if (end && (size_t)(end - base) < sizeof(name))
		name[end - base] = '\0';
	return lines_read(root, path, add_guest_line, &guest);
}

static int read_guest_file(void *context, const char *path, const char *name)
{
	const struct reading *reading = context;

	(void)name;
	return proxmox_read_guest(reading, &reading->machine->root, path);
}

int proxmox_read_guests(const struct reading *reading)
{
	const struct root *root = &reading->machine->root;
	char node[256], directory[ROOT_PATH_SIZE] = GUESTS;

	if (!root_has(root, GUESTS)) { /* a link of the cluster's file system to the other */
		read_node(reading, node, sizeof(node));
		if (!string_join(directory, sizeof(directory), "etc/pve/nodes/", node,
				 "/qemu-server", NULL))
			return 0;
	}
	return files_each(root, directory, ".conf", read_guest_file, (void *)reading);
}
