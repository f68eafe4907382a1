/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices in the definitions of libvirt's guests: the only user of libxml2. */

#include "import/libvirt.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

/*
 * Nothing but the text itself is read: no option here loads a DTD or replaces an entity, and a
 * document with a DTD is refused. libvirt writes none.
 */
#define XML_OPTIONS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)

static const xmlChar *xml(const char *string)
{
	return (const xmlChar *)string;
}

/* Returns the first element `name` from `node` on among its siblings, or NULL. */
static xmlNode *find_element(xmlNode *node, const char *name)
{
	while (node && (node->type != XML_ELEMENT_NODE || !xmlStrEqual(node->name, xml(name))))
		node = node->next;
	return node;
}

static xmlNode *find_child(const xmlNode *node, const char *name)
{
	return node ? find_element(node->children, name) : NULL;
}

/* Stores the value of an attribute in `size` bytes, or "". */
static void copy_attribute(const xmlNode *node, const char *name, char *value, size_t size)
{
	xmlChar *found = node ? xmlGetNoNsProp(node, xml(name)) : NULL;

	string_copy(value, size, found ? (const char *)found : "");
	xmlFree(found);
}

static bool has_attribute(const xmlNode *node, const char *name, const char *value)
{
	char found[32];

	copy_attribute(node, name, found, sizeof(found));
	return !strcmp(found, value);
}

/* Stores the number of an attribute, "0x1f" or "31". Returns false if it has none up to `max`. */
static bool parse_attribute(const xmlNode *node, const char *name, uint64_t max, uint64_t *ret)
{
	char text[32];
	const char *digits, *end;

	copy_attribute(node, name, text, sizeof(text));
	digits = prefix_skip(text, "0x");
	end = digits ? number_parse(digits, 16, max, ret) : number_parse(text, 10, max, ret);
	return end && !*end;
}

/* <address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>. The domain can be missing. */
static bool parse_address(const xmlNode *node, struct pci_address *ret)
{
	uint64_t domain = 0, bus, slot, function;

	if (!parse_attribute(node, "bus", UINT8_MAX, &bus) ||
	    !parse_attribute(node, "slot", 31, &slot) ||
	    !parse_attribute(node, "function", 7, &function) ||
	    (xmlHasProp(node, xml("domain")) &&
	     !parse_attribute(node, "domain", UINT32_MAX, &domain)))
		return false;
	*ret = (struct pci_address){
		.domain = domain, .bus = bus, .device = slot, .function = function
	};
	return true;
}

/* Adds the device of a <hostdev> or <interface>, whose <source> has the address on the host. */
static int add_device(const struct reading *reading, const struct file_line *line,
		      const xmlNode *device)
{
	const xmlNode *node = find_child(find_child(device, "source"), "address");
	struct pci_address address = { 0 };
	bool known = node && parse_address(node, &address);
	char words[64], managed[8], text[PCI_ADDRESS_SIZE];
	struct entry *entry;

	copy_attribute(device, "managed", managed, sizeof(managed));
	snprintf(words, sizeof(words), "%s, managed=%s",
		 known ? pci_address_format(&address, text) : (const char *)device->name,
		 *managed ? managed : "no");
	entry = entry_add(reading->entries, line, words);
	if (!entry)
		return -ENOMEM;
	entry->address = address;
	entry->has_address = known;
	entry->problem = known ? NULL : "not a PCI address";
	return 0;
}

static bool is_pci_device(const xmlNode *node)
{
	if (node->type != XML_ELEMENT_NODE)
		return false;
	return xmlStrEqual(node->name, xml("hostdev"))
		       ? has_attribute(node, "type", "pci")
		       : xmlStrEqual(node->name, xml("interface")) &&
				 has_attribute(node, "type", "hostdev");
}

/* `document` is NULL if the text is not XML. */
static int add_devices(const struct reading *reading, xmlDoc *document, struct file_line *line)
{
	xmlNode *root = document ? xmlDocGetRootElement(document) : NULL;
	const xmlNode *devices = find_child(root, "devices");
	xmlChar *name;
	int error = 0;

	if (!document || xmlGetIntSubset(document))
		return entry_add_problem(reading->entries, line, "",
					 "not a definition that libvirt wrote", false);
	if (!devices || !xmlStrEqual(root->name, xml("domain")))
		return 0;
	name = xmlNodeGetContent(find_child(root, "name"));
	line->guest = name ? (const char *)name : "";
	for (const xmlNode *node = devices->children; node && !error; node = node->next) {
		line->number = xmlGetLineNo(node);
		if (is_pci_device(node))
			error = add_device(reading, line, node);
	}
	xmlFree(name);
	return error;
}

int libvirt_read_guest(const struct reading *reading, const struct root *root, const char *path)
{
	struct file_line line = { .path = path };
	struct text text = { 0 };
	int error = root_read_file(root, path, LINES_FILE_MAX, &text);

	if (error >= 0) {
		xmlDoc *document =
			xmlReadMemory(text_string(&text), text.length, NULL, NULL, XML_OPTIONS);

		error = add_devices(reading, document, &line);
		xmlFreeDoc(document);
	}
	text_done(&text);
	return error == -ENOMEM ? error : 0;
}

static int read_guest_file(void *context, const char *path, const char *name)
{
	const struct reading *reading = context;

	(void)name;
	return libvirt_read_guest(reading, &reading->machine->root, path);
}

int libvirt_read_guests(const struct reading *reading)
{
	return files_each(&reading->machine->root, LIBVIRT_GUESTS, ".xml", read_guest_file,
			  (void *)reading);
}
