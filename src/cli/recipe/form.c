/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How recipes of others write down devices. */

#include "form.h"

#include <string.h>

#include "card.h"
#include "device.h"

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
static bool take_number(const char **cursor, uint64_t max, uint64_t *ret)
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
static bool parse_id(const char *text, struct wish *wish)
{
	uint64_t fields[] = { 0, 0, WISH_ANY, WISH_ANY, 0, 0 };
	size_t count = 0;

	while (count < ARRAY_SIZE(fields) && *text) {
		if (!take_number(&text, count < 2 ? UINT16_MAX : WISH_ANY,
				 &fields[count]))
			return false;
		count++;
	}
	if (*text || count < 2)
		return false;
	wish->has_id = true;
	wish->id = (struct pci_id){ fields[0], fields[1] };
	wish->subvendor = fields[2];
	wish->subdevice = fields[3];
	wish->class = fields[4];
	wish->class_mask = fields[5];
	return true;
}

int form_add_ids(const struct reading *reading, const struct line *line, char *ids)
{
	char *rest;

	for (char *id = strtok_r(unquote(ids), ", ", &rest); id;
	     id = strtok_r(NULL, ", ", &rest)) {
		struct wish *wish =
			wish_add(reading->wishes, line->path, line->number, id);

		if (!wish)
			return -ENOMEM;
		if (!parse_id(id, wish))
			wish->problem = "is no vendor:device ID";
	}
	return 0;
}

bool form_parse_address(const char *text, struct wish *wish)
{
	if (!pci_address_parse(text, &wish->address))
		return wish->has_address = true;
	if (!card_parse(text, &wish->address))
		return false;
	return wish->has_address = wish->card = true;
}

/* One part of "0000:02:00.0|8086:10d3": four digits and four are an ID. */
static bool parse_part(const char *part, struct wish *wish)
{
	struct pci_id id;

	if (!pci_id_parse(part, &id)) {
		wish->id = id;
		return wish->has_id = true;
	}
	return form_parse_address(part, wish);
}

/* Address and ID in either order, "|" between them, or one of the two. */
static int add_pair(const struct reading *reading, const struct line *line, char *word)
{
	struct wish *wish = wish_add(reading->wishes, line->path, line->number, word);
	char *rest;

	if (!wish)
		return -ENOMEM;
	for (char *part = strtok_r(word, "|", &rest); part && !wish->problem;
	     part = strtok_r(NULL, "|", &rest))
		if (!parse_part(part, wish))
			wish->problem = no_device;
	if (!wish->problem && !wish->has_address && !wish->has_id)
		wish->problem = no_device;
	return 0;
}

int form_add_pairs(const struct reading *reading, const struct line *line, char *words)
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

	if (!*node ||
	    root_read(&reading->machine->root, "etc/hostname", name, sizeof(name)) <= 0)
		return false;
	name[strcspn(name, ". \t\n")] = '\0';
	return strcmp(name, node);
}

/* The ID is that of the first path; the others are functions beside it. */
static int add_mapped_path(const struct reading *reading, const struct line *line,
			   const char *path, const char *id, const char *subsystem)
{
	struct wish *wish = wish_add(reading->wishes, line->path, line->number, path);
	struct pci_id sub = { 0 };

	if (!wish)
		return -ENOMEM;
	if (!form_parse_address(path, wish))
		wish->problem = "is no address";
	else if (*id && pci_id_parse(id, &wish->id))
		wish->problem = "has an ID that is none";
	else if (*subsystem && pci_id_parse(subsystem, &sub))
		wish->problem = "has a subsystem ID that is none";
	if (wish->problem)
		return 0;
	wish->has_id = *id;
	if (*subsystem) {
		wish->subvendor = sub.vendor;
		wish->subdevice = sub.device;
	}
	return 0;
}

static int add_elsewhere(const struct reading *reading, const struct line *line,
			 const char *properties)
{
	struct wish *wish =
		wish_add(reading->wishes, line->path, line->number, properties);

	if (!wish)
		return -ENOMEM;
	wish->problem = "is of another node";
	wish->elsewhere = true;
	return 0;
}

/*
 * Proxmox: "map id=10de:1c03,iommugroup=1,node=pve,path=0000:01:00,subsystem-id=1458:3702". The
 * number of the group says nothing of the device: it can change with every kernel.
 */
static int add_mapping(const struct reading *reading, const struct line *line,
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
		return wish_add_problem(reading->wishes, line->path, line->number,
					properties, "has no path");
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
static int add_hidden(const struct reading *reading, const struct line *line, char *words)
{
	char *rest;

	for (char *word = strtok_r(unquote(words), ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		struct wish *wish =
			wish_add(reading->wishes, line->path, line->number, word);

		if (!wish)
			return -ENOMEM;
		if (strchr(word, '_'))
			wish->problem =
				resolve_path(reading->machine, word, &wish->address);
		else if (pci_address_parse(word, &wish->address))
			wish->problem = no_device;
		wish->has_address = !wish->problem;
	}
	return 0;
}

/* What can stand in front of devices, in files and on the kernel command line. */
static const struct {
	const char *prefix;
	int (*add)(const struct reading *reading, const struct line *line, char *rest);
} forms[] = {
	{ "BIND=", form_add_pairs },
	{ "DEVS=", form_add_pairs },
	{ "map ", add_mapping },
	{ "map\t", add_mapping },
	{ "vfio-pci.ids=", form_add_ids },
	{ "vfio_pci.ids=", form_add_ids },
	{ "rd.qubes.hide_pci=", add_hidden },
};

int form_add(const struct reading *reading, const struct line *line, char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (prefix_skip(text, forms[i].prefix))
			return forms[i].add(reading, line,
					    text + strlen(forms[i].prefix));
	return -ENOENT;
}
