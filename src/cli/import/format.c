/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How recipes of others write down devices. */

#include "import/format.h"

#include <string.h>

#include "device.h"
#include "machine/card.h"

#define BLANKS " \t\n"

static const char no_device[] = "is neither an address nor an ID";

/* A word without quotes around it. */
static char *unquote(char *word)
{
	size_t length = strlen(word);

	if (length && strchr("\"'", *word)) {
		word++;
		length--;
	}
	if (length && strchr("\"'", word[length - 1]))
		word[length - 1] = '\0';
	return word;
}

/* The next number of `*cursor`, ":" between them; false if it is none or above `max`. */
static bool parse_number(const char **cursor, uint64_t max, uint64_t *ret)
{
	const char *end = number_parse(*cursor, 16, max, ret);

	if (!end || (*end && *end != ':'))
		return false;
	*cursor = *end ? end + 1 : end;
	return true;
}

/*
 * vendor:device[:subvendor[:subdevice[:class[:class_mask]]]], as vfio_pci_fill_ids() of
 * drivers/vfio/pci/vfio_pci.c of Linux reads them.
 */
static bool parse_id(const char *text, struct entry *entry)
{
	uint64_t fields[] = { 0, 0, ENTRY_ANY, ENTRY_ANY, 0, 0 };
	size_t count = 0;

	while (count < ARRAY_SIZE(fields) && *text) {
		if (!parse_number(&text, count < 2 ? UINT16_MAX : ENTRY_ANY, &fields[count]))
			return false;
		count++;
	}
	if (*text || count < 2)
		return false;
	entry->has_id = true;
	entry->id = (struct pci_id){ fields[0], fields[1] };
	entry->subvendor = fields[2];
	entry->subdevice = fields[3];
	entry->class = fields[4];
	entry->class_mask = fields[5];
	return true;
}

int format_add_ids(const struct reading *reading, const struct file_line *line, char *ids)
{
	char *rest;

	for (char *id = strtok_r(unquote(ids), ", ", &rest); id; id = strtok_r(NULL, ", ", &rest)) {
		struct entry *entry = entry_add(reading->entries, line->path, line->number, id);

		if (!entry)
			return -ENOMEM;
		if (!parse_id(id, entry))
			entry->problem = "is no vendor:device ID";
	}
	return 0;
}

bool format_parse_address(const char *text, struct entry *entry)
{
	if (!pci_address_parse(text, &entry->address))
		return entry->has_address = true;
	if (!card_parse(text, &entry->address))
		return false;
	return entry->has_address = entry->card = true;
}

/* One part of "0000:02:00.0|8086:10d3": four digits and four are an ID. */
static bool parse_part(const char *part, struct entry *entry)
{
	struct pci_id id;

	if (!pci_id_parse(part, &id)) {
		entry->id = id;
		return entry->has_id = true;
	}
	return format_parse_address(part, entry);
}

/* Address and ID in either order, "|" between them, or one of the two. */
static int add_pair(const struct reading *reading, const struct file_line *line, char *word)
{
	struct entry *entry = entry_add(reading->entries, line->path, line->number, word);
	char *rest;

	if (!entry)
		return -ENOMEM;
	for (char *part = strtok_r(word, "|", &rest); part && !entry->problem;
	     part = strtok_r(NULL, "|", &rest))
		if (!parse_part(part, entry))
			entry->problem = no_device;
	if (!entry->problem && !entry->has_address && !entry->has_id)
		entry->problem = no_device;
	return 0;
}

int format_add_pairs(const struct reading *reading, const struct file_line *line, char *words)
{
	int error = 0;
	char *rest;

	for (char *word = strtok_r(unquote(words), BLANKS ",", &rest); word && !error;
	     word = strtok_r(NULL, BLANKS ",", &rest))
		error = add_pair(reading, line, word);
	return error;
}

/* The value of KEY=VALUE in "a=1,b=2", in `size` bytes; "" without one. */
static void property(const char *properties, const char *key, char *value, size_t size)
{
	*value = '\0';
	for (const char *p = properties; *p; p += strcspn(p, ","), p += *p == ',') {
		const char *found = prefix_skip(p, key);
		size_t length;

		if (!found || *found != '=')
			continue;
		found++;
		length = strcspn(found, ",");
		string_copy(value, length < size ? length + 1 : size, found);
		return;
	}
}

/* Is the mapping of another node of the cluster? */
static bool is_elsewhere(const struct reading *reading, const char *node)
{
	char name[256];

	if (!*node || root_read(&reading->machine->root, "etc/hostname", name, sizeof(name)) <= 0)
		return false;
	name[strcspn(name, ". \t\n")] = '\0';
	return strcmp(name, node);
}

/* The ID is that of the first path; the others are functions beside it. */
static int add_mapped_path(const struct reading *reading, const struct file_line *line,
			   const char *path, const char *id, const char *subsystem)
{
	struct entry *entry = entry_add(reading->entries, line->path, line->number, path);
	struct pci_id sub = { 0 };

	if (!entry)
		return -ENOMEM;
	if (!format_parse_address(path, entry))
		entry->problem = "is no address";
	else if (*id && pci_id_parse(id, &entry->id))
		entry->problem = "has an ID that is none";
	else if (*subsystem && pci_id_parse(subsystem, &sub))
		entry->problem = "has a subsystem ID that is none";
	if (entry->problem)
		return 0;
	entry->has_id = *id;
	if (*subsystem) {
		entry->subvendor = sub.vendor;
		entry->subdevice = sub.device;
	}
	return 0;
}

static int add_elsewhere(const struct reading *reading, const struct file_line *line,
			 const char *properties)
{
	struct entry *entry = entry_add(reading->entries, line->path, line->number, properties);

	if (!entry)
		return -ENOMEM;
	entry->problem = "is of another node";
	entry->elsewhere = true;
	return 0;
}

/*
 * Proxmox: "map id=10de:1c03,iommugroup=1,node=pve,path=0000:01:00,subsystem-id=1458:3702". The
 * number of the group says nothing of the device: it can change with every kernel.
 */
static int add_mapping(const struct reading *reading, const struct file_line *line,
		       char *properties)
{
	char id[16], subsystem[16], node[256], paths[512], *rest;
	int error = 0;

	property(properties, "id", id, sizeof(id));
	property(properties, "subsystem-id", subsystem, sizeof(subsystem));
	property(properties, "node", node, sizeof(node));
	property(properties, "path", paths, sizeof(paths));
	if (is_elsewhere(reading, node))
		return add_elsewhere(reading, line, properties);
	if (!*paths)
		return entry_add_problem(reading->entries, line->path, line->number, properties,
					 "has no path");
	for (char *path = strtok_r(paths, ";", &rest); path && !error;
	     path = strtok_r(NULL, ";", &rest)) {
		error = add_mapped_path(reading, line, path, id, subsystem);
		*id = *subsystem = '\0';
	}
	return error;
}

/* The bus behind a bridge, -1 if there is none. */
static int bus_behind(const struct machine *machine, const struct pci_address *bridge)
{
	char path[DEVICE_PATH_SIZE], value[8];
	uint64_t bus;

	device_path(bridge, "secondary_bus_number", path);
	if (root_read(&machine->root, path, value, sizeof(value)) <= 0 ||
	    !number_parse(value, 10, UINT8_MAX, &bus))
		return -1;
	return bus;
}

/* hop := BUS "_" DEVICE "." FUNCTION; the end of it, or NULL. */
static const char *parse_hop(const char *text, struct pci_address *ret)
{
	uint32_t bus, device, function;
	const char *end = hex_parse(text, 2, &bus);

	end = end && *end == '_' ? hex_parse(end + 1, 2, &device) : NULL;
	end = end && *end == '.' ? hex_parse(end + 1, 1, &function) : NULL;
	if (!end || device > 31 || function > 7)
		return NULL;
	ret->bus = bus;
	ret->device = device;
	ret->function = function;
	return end;
}

/*
 * Qubes: [SEGMENT "_"] hop { "-" hop }: the bridges on the way, and then the function. In
 * every hop but the first the bus counts from the one behind the bridge before it
 * (qubes-pciback.sh).
 */
static const char *resolve_path(const struct machine *machine, const char *text,
				struct pci_address *ret)
{
	uint32_t segment;
	const char *end = hex_parse(text, 4, &segment);

	*ret = (struct pci_address){ 0 };
	if (end && *end == '_') {
		ret->domain = segment;
		text = end + 1;
	}
	text = parse_hop(text, ret);
	while (text && *text == '-') {
		struct pci_address bridge = *ret;
		int bus = bus_behind(machine, &bridge);

		text = parse_hop(text + 1, ret);
		if (text && bus < 0)
			return "has a bridge on its way that is not there";
		ret->bus += bus;
	}
	return text && !*text ? NULL : no_device;
}

/* "0a:00.0,00_1c.4-00_00.0" */
static int add_hidden(const struct reading *reading, const struct file_line *line, char *words)
{
	char *rest;

	for (char *word = strtok_r(unquote(words), ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		struct entry *entry = entry_add(reading->entries, line->path, line->number, word);

		if (!entry)
			return -ENOMEM;
		if (strchr(word, '_'))
			entry->problem = resolve_path(reading->machine, word, &entry->address);
		else if (pci_address_parse(word, &entry->address))
			entry->problem = no_device;
		entry->has_address = !entry->problem;
	}
	return 0;
}

/* What can stand in front of devices, in files and on the kernel command line. */
static const struct {
	const char *prefix;
	int (*add)(const struct reading *reading, const struct file_line *line, char *rest);
} forms[] = {
	{ "BIND=", format_add_pairs },
	{ "DEVS=", format_add_pairs },
	{ "map ", add_mapping },
	{ "map\t", add_mapping },
	{ "vfio-pci.ids=", format_add_ids },
	{ "vfio_pci.ids=", format_add_ids },
	{ "rd.qubes.hide_pci=", add_hidden },
};

int format_add(const struct reading *reading, const struct file_line *line, char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (prefix_skip(text, forms[i].prefix))
			return forms[i].add(reading, line, text + strlen(forms[i].prefix));
	return -ENOENT;
}
