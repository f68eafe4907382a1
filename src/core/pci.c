/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vocabulary of PCI: addresses, IDs, classes, paths and serial numbers, to and from text. */

#include "pci.h"

#include <string.h>

#include "util.h"

/* DEVICE.FUNCTION, 00.0 to 1f.7 */
static const char *devfn_parse(const char *text, uint8_t *ret)
{
	uint32_t device, function;
	const char *p = hex_parse(text, 2, &device);

	if (!p || *p != '.' || device > 0x1f)
		return NULL;
	p = hex_parse(p + 1, 1, &function);
	if (!p || function > 7)
		return NULL;
	*ret = device << 3 | function;
	return p;
}

/* [DOMAIN:]BUS:DEVICE.FUNCTION; a domain has four to eight digits */
static const char *location_parse(const char *text, uint32_t *domain, uint8_t *bus, uint8_t *devfn)
{
	uint64_t first, value = 0;
	uint32_t number;
	const char *p = number_parse(text, 16, UINT32_MAX, &first);

	if (p && *p == ':' && p - text >= 4 && p - text <= 8) {
		value = first;
		text = p + 1;
	}
	p = hex_parse(text, 2, &number);
	if (!p || *p != ':')
		return NULL;
	p = devfn_parse(p + 1, devfn);
	if (!p)
		return NULL;
	*domain = value;
	*bus = number;
	return p;
}

/* Address from the three numbers that every parser of one ends with. */
static struct pci_address address_make(uint32_t domain, uint8_t bus, uint8_t devfn)
{
	return (struct pci_address){ domain, bus, devfn >> 3, devfn & 7 };
}

static const char *address_parse(const char *text, struct pci_address *ret)
{
	uint32_t domain;
	uint8_t bus, devfn;
	const char *end = location_parse(text, &domain, &bus, &devfn);

	if (end)
		*ret = address_make(domain, bus, devfn);
	return end;
}

const char *pci_address_parse(const char *text, struct pci_address *ret)
{
	struct pci_address address;
	const char *end = address_parse(text, &address);

	if (!end || *end)
		return "not a PCI address (expected, for example, 01:00.0)";
	*ret = address;
	return NULL;
}

/* VENDOR:DEVICE */
static const char *id_parse(const char *text, struct pci_id *ret)
{
	uint32_t vendor, device;
	const char *p = hex_parse(text, 4, &vendor);

	p = p && *p == ':' ? hex_parse(p + 1, 4, &device) : NULL;
	if (p)
		*ret = (struct pci_id){ vendor, device };
	return p;
}

const char *pci_id_parse(const char *text, struct pci_id *ret)
{
	struct pci_id id;
	const char *end = id_parse(text, &id);

	if (!end || *end)
		return "not a vendor:device ID (expected, for example, 10de:1c03)";
	*ret = id;
	return NULL;
}

/* [DOMAIN:]BUS:DEVICE.FUNCTION[/DEVICE.FUNCTION]... */
const char *pci_path_parse(const char *text, struct pci_path *ret)
{
	struct pci_path path = { .hops = 1 };
	const char *p = location_parse(text, &path.domain, &path.bus, &path.devfn[0]);

	while (p && *p == '/' && path.hops < PCI_PATH_HOPS)
		p = devfn_parse(p + 1, &path.devfn[path.hops++]);
	if (!p || *p)
		return "not a path (expected, for example, 00:1c.4/00.0 from lspci -P)";
	*ret = path;
	return NULL;
}

/* Eight pairs of digits with a dash between them */
const char *pci_serial_parse(const char *text, uint64_t *ret)
{
	const char *p = text;
	uint64_t serial = 0;

	for (int i = 0; i < 8; i++) {
		uint32_t byte;

		if (i && *p++ != '-')
			goto bad;
		p = hex_parse(p, 2, &byte);
		if (!p)
			goto bad;
		serial = serial << 8 | byte;
	}
	if (*p || !serial)
		goto bad;
	*ret = serial;
	return NULL;
bad:
	return "not a serial number (expected, for example, "
	       "00-1b-21-ff-ff-a5-6c-0c from lspci -vv)";
}

const char *pci_class_parse(const char *text, uint32_t *ret, uint8_t *ret_digits)
{
	size_t digits = strlen(text);
	uint32_t class;

	if (digits < 2 || digits > 6 || !hex_parse(text, digits, &class))
		return "not a class (expected, for example, 03, 0c03 or 0c0330)";
	*ret = class;
	*ret_digits = digits;
	return NULL;
}

const char *pci_modalias_field(const char *text, int field, uint32_t *ret)
{
	static const struct {
		char name[3];
		uint8_t digits;
	} fields[PCI_MODALIAS_FIELDS] = {
		{ "v", 8 },  { "d", 8 },  { "sv", 8 }, { "sd", 8 },
		{ "bc", 2 }, { "sc", 2 }, { "i", 2 },
	};

	text = prefix_skip(text, fields[field].name);
	return !text || *text == '*' ? text : hex_parse(text, fields[field].digits, ret);
}

bool pci_modalias_parse(const char *text, struct pci_function *ret)
{
	uint32_t values[PCI_MODALIAS_FIELDS];
	const char *p = prefix_skip(text, "pci:");

	for (int i = 0; p && *p != '*' && i < PCI_MODALIAS_FIELDS; i++)
		p = pci_modalias_field(p, i, &values[i]);
	if (!p || *p)
		return false;
	ret->id = (struct pci_id){ values[0], values[1] };
	ret->subsystem = (struct pci_id){ values[2], values[3] };
	ret->class = values[4] << 16 | values[5] << 8 | values[6];
	return true;
}

/*
 * ../../../devices/pci0000:00/0000:00:1c.4/0000:02:00.0: the numbers of the host bridge, then one
 * component a hop. Behind Intel VMD a second "pciDDDD:BB" starts a domain of its own: the last
 * one counts.
 */
bool pci_link_parse(const char *link, struct pci_path *ret)
{
	struct pci_path path = { 0 };

	for (const char *p = link; p; p = strchr(p, '/')) {
		uint32_t domain;
		uint8_t bus, devfn;
		const char *end;

		p += *p == '/';
		if (prefix_skip(p, "pci"))
			path.hops = 0;
		end = location_parse(p, &domain, &bus, &devfn);
		if (!end || (*end && *end != '/'))
			continue;
		if (path.hops == PCI_PATH_HOPS)
			return false;
		if (path.hops == 0) {
			path.domain = domain;
			path.bus = bus;
		}
		path.devfn[path.hops++] = devfn;
	}
	if (!path.hops)
		return false;
	*ret = path;
	return true;
}

static uint32_t read_le32(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

uint64_t pci_extended_serial(const uint8_t *space, size_t length)
{
	size_t position = 0;

	/* A capability has 8 bytes at least: more hops than that are a loop. */
	for (size_t hops = 0; hops < length / 8 && position + 12 <= length; hops++) {
		uint32_t header = read_le32(space + position);

		if ((header & 0xffff) == 3)
			return (uint64_t)read_le32(space + position + 8) << 32 |
			       read_le32(space + position + 4);
		position = header >> 20 & 0xffc;
		if (position < 0x100)
			return 0;
		position -= 0x100;
	}
	return 0;
}

/* Where the text ends. */
static char *devfn_format(char *buffer, uint8_t devfn)
{
	char *end = number_format(buffer, devfn >> 3, 16, 2);

	*end++ = '.';
	return number_format(end, devfn & 7, 16, 1);
}

char *pci_address_put(const struct pci_address *address, char *buffer)
{
	char *end = number_format(buffer, address->domain, 16, 4);

	*end++ = ':';
	end = number_format(end, address->bus, 16, 2);
	*end++ = ':';
	return devfn_format(end, address->device << 3 | address->function);
}

const char *pci_address_format(const struct pci_address *address, char *buffer)
{
	pci_address_put(address, buffer);
	return buffer;
}

const char *pci_id_format(const struct pci_id *id, char *buffer)
{
	char *end = number_format(buffer, id->vendor, 16, 4);

	*end++ = ':';
	number_format(end, id->device, 16, 4);
	return buffer;
}

const char *pci_path_format(const struct pci_path *path, char *buffer)
{
	struct pci_address first = address_make(path->domain, path->bus, path->devfn[0]);
	char *end;

	buffer[0] = '\0';
	if (!path->hops)
		return buffer;
	end = pci_address_put(&first, buffer);
	for (int i = 1; i < path->hops; i++) {
		*end++ = '/';
		end = devfn_format(end, path->devfn[i]);
	}
	return buffer;
}

int pci_address_compare(const struct pci_address *a, const struct pci_address *b)
{
	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	if (a->bus != b->bus)
		return a->bus - b->bus;
	if (a->device != b->device)
		return a->device - b->device;
	return a->function - b->function;
}

bool pci_path_equal(const struct pci_path *a, const struct pci_path *b)
{
	return a->hops && a->hops == b->hops && a->domain == b->domain && a->bus == b->bus &&
	       memcmp(a->devfn, b->devfn, a->hops) == 0;
}

bool pci_class_has_prefix(uint32_t class, uint32_t prefix, uint8_t digits)
{
	return class >> 4 * (6 - digits) == prefix;
}

bool pci_same_card(const struct pci_function *a, const struct pci_function *b)
{
	return a->address.domain == b->address.domain && a->address.bus == b->address.bus &&
	       (a->address.device == b->address.device || (a->ari && b->ari));
}

/* The classes that exist only with the header of a bridge. */
static bool has_bridge_class(const struct pci_function *function)
{
	switch (function->class >> 8) {
	case 0x0604: /* PCI to PCI */
	case 0x0607: /* CardBus */
	case 0x0609: /* semi-transparent */
		return true;
	}
	return false;
}

bool pci_may_be_bridge(const struct pci_function *function)
{
	return function->class >> 16 == 0x06 && !has_bridge_class(function);
}

bool pci_is_bridge(const struct pci_function *function)
{
	return has_bridge_class(function) || function->header_type != 0;
}

bool pci_is_chipset(const struct pci_function *function)
{
	return function->class >> 8 == 0x0600 || function->class >> 8 == 0x0601;
}

bool pci_is_infrastructure(const struct pci_function *function)
{
	return pci_is_bridge(function) || pci_is_chipset(function);
}

bool pci_is_display(const struct pci_function *function)
{
	return function->class >> 16 == 0x03;
}

struct pci_function *pci_find(const struct pci_snapshot *snapshot,
			      const struct pci_address *address)
{
	size_t first = 0, last = snapshot->count;

	while (first < last) {
		size_t middle = (first + last) / 2;
		int order = pci_address_compare(address, &snapshot->functions[middle].address);

		if (!order)
			return &snapshot->functions[middle];
		if (order < 0)
			last = middle;
		else
			first = middle + 1;
	}
	return NULL;
}

static int compare_functions(const void *a, const void *b)
{
	const struct pci_function *left = a, *right = b;

	return pci_address_compare(&left->address, &right->address);
}

void pci_snapshot_sort(struct pci_snapshot *snapshot)
{
	if (snapshot->count > 1)
		qsort(snapshot->functions, snapshot->count, sizeof(*snapshot->functions),
		      compare_functions);
}

void pci_snapshot_done(struct pci_snapshot *snapshot)
{
	free(snapshot->functions);
	*snapshot = (struct pci_snapshot){ 0 };
}
