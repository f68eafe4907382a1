/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How other tools write devices down. */

#include "import/format.h"

#include <string.h>

#include "device.h"
#include "machine/card.h"

#define BLANKS " \t\n"

static const char no_device[] = "neither an address nor an ID";

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
		struct entry *entry = entry_add(reading->entries, line, id);

		if (!entry)
			return -ENOMEM;
		if (!parse_id(id, entry))
			entry->problem = "not a vendor:device ID";
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
	struct entry *entry = entry_add(reading->entries, line, word);
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
			return "a bridge on this path does not exist";
		ret->bus += bus;
	}
	return text && !*text ? NULL : no_device;
}

int format_add_hidden(const struct reading *reading, const struct file_line *line, char *words)
{
	char *rest;

	for (char *word = strtok_r(unquote(words), ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		struct entry *entry = entry_add(reading->entries, line, word);

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
