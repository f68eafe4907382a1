/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Access Control Services of bridges (PCI Express Base Specification, 7.7.8). */

#include "machine/acs.h"

#include "device.h"

#define SPACE_SIZE 4096
#define CAPABILITIES 0x34 /* where the list of capabilities starts */
#define EXTENDED 0x100	  /* where the list of extended capabilities starts */

#define CAPABILITY_EXPRESS 0x10
#define CAPABILITY_ACS 0x0d /* an extended one */

/* Source validation, request and completion redirect, upstream forwarding: all of REQ_ACS_FLAGS. */
#define ACS_REQUIRED 0x1d

enum port { PORT_ROOT = 4, PORT_UPSTREAM = 5, PORT_DOWNSTREAM = 6 };

static uint16_t read_le16(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8;
}

/* Returns where the capability is, or 0. Each has four bytes: more hops than that are a loop. */
static size_t find_capability(const uint8_t *space, uint8_t kind)
{
	size_t position = space[CAPABILITIES] & 0xfc;

	for (int hops = 0; hops < 48 && position >= 0x40; hops++) {
		if (space[position] == kind)
			return position;
		position = space[position + 1] & 0xfc;
	}
	return 0;
}

static size_t find_extended(const uint8_t *space, size_t length, uint16_t kind)
{
	size_t position = EXTENDED;

	for (size_t hops = 0; hops < length / 8 && position >= EXTENDED && position + 8 <= length;
	     hops++) {
		if (read_le16(space + position) == kind)
			return position;
		position = read_le16(space + position + 2) >> 4 & 0xffc;
	}
	return 0;
}

static enum acs_state port_state(const uint8_t *space, size_t length)
{
	size_t acs = find_extended(space, length, CAPABILITY_ACS);
	uint16_t capable, enabled;

	if (!acs)
		return ACS_MISSING;
	capable = read_le16(space + acs + 4) & ACS_REQUIRED;
	enabled = read_le16(space + acs + 6);
	return (enabled & capable) == capable ? ACS_ON : ACS_OFF;
}

enum acs_state acs_state(const struct root *root, const struct pci_function *bridge)
{
	char path[DEVICE_PATH_SIZE];
	uint8_t space[SPACE_SIZE] = { 0 };
	ssize_t length = root_read_at(root, device_path(&bridge->address, "config", path), space,
				      sizeof(space), 0);
	size_t express;
	enum port port;

	if (length < EXTENDED)
		return ACS_UNKNOWN; /* the kernel shows 64 bytes to other users */
	express = find_capability(space, CAPABILITY_EXPRESS);
	port = express ? read_le16(space + express + 2) >> 4 & 0xf : 0;
	if (port == PORT_UPSTREAM)
		return ACS_ON;
	if (port != PORT_ROOT && port != PORT_DOWNSTREAM)
		return ACS_CONVENTIONAL;
	return port_state(space, length);
}

const char *acs_state_words(enum acs_state state)
{
	static const char *const words[] = {
		[ACS_ON] = "separates what is below it",
		[ACS_OFF] = "does not separate what is below it: its ACS is off",
		[ACS_MISSING] = "does not separate what is below it: it has no ACS",
		[ACS_CONVENTIONAL] = "leads to conventional PCI, whose devices share a group",
		[ACS_UNKNOWN] = "has an ACS that only root can read",
	};

	return words[state];
}
