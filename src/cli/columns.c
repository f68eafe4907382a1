/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of vfio-early list: a function for the cells of each, and one table of them. */

#include "columns.h"

#include <string.h>
#include <strings.h>

#include "command.h"
#include "device.h"
#include "lib/table.h"
#include "machine/sysfs.h"

static void get_address(struct listing *listing, const struct row *row, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];

	(void)listing;
	text_add(text, pci_address_format(&row->function->address, address));
}

static void get_group(struct listing *listing, const struct row *row, struct text *text)
{
	(void)listing;
	if (row->group >= 0)
		text_add_number(text, row->group, 10, 1);
}

static void get_id(struct listing *listing, const struct row *row, struct text *text)
{
	char id[PCI_ID_SIZE];

	(void)listing;
	text_add(text, pci_id_format(&row->function->id, id));
}

static void get_subsystem(struct listing *listing, const struct row *row, struct text *text)
{
	char id[PCI_ID_SIZE];

	(void)listing;
	if (row->function->subsystem.vendor)
		text_add(text, pci_id_format(&row->function->subsystem, id));
}

static void get_class_code(struct listing *listing, const struct row *row, struct text *text)
{
	(void)listing;
	text_add_number(text, row->function->class, 16, 6);
}

static void get_class(struct listing *listing, const struct row *row, struct text *text)
{
	char name[NAMES_SIZE];

	text_add(text, names_class(listing->names, row->function, name));
}

static void get_vendor(struct listing *listing, const struct row *row, struct text *text)
{
	char name[NAMES_SIZE];

	text_add(text, names_vendor(listing->names, row->function, name));
}

static void get_device(struct listing *listing, const struct row *row, struct text *text)
{
	char name[NAMES_SIZE];

	text_add(text, names_device(listing->names, row->function, name));
}

static void get_name(struct listing *listing, const struct row *row, struct text *text)
{
	char name[NAMES_SIZE];

	text_add(text, names_full(listing->names, row->function, name));
}

static void get_driver(struct listing *listing, const struct row *row, struct text *text)
{
	(void)listing;
	text_add(text, row->function->driver);
}

static void get_target(struct listing *listing, const struct row *row, struct text *text)
{
	(void)listing;
	if (row->claim && row->claim->result == RESULT_NONE)
		text_add(text, row->claim->driver);
}

/* To people just "3", or "gpu.conf:3": most lines are of the main file. */
static const char *short_place(const char *place)
{
	const char *line = prefix_skip(place, "/" CONFDIR_MAIN ":");
	const char *dropin = prefix_skip(place, "/" CONFDIR_DROPINS "/");

	return line ? line : dropin ? dropin : place;
}

static void get_line(struct listing *listing, const struct row *row, struct text *text)
{
	struct text place = { 0 };

	if (!row->claim)
		return;
	place_add(&row->claim->rule->place, &place);
	text_add(text, listing->json ? text_string(&place) : short_place(text_string(&place)));
	if (row->claim->result != RESULT_NONE && !listing->json)
		text_add(text, " ", result_name(row->claim->result));
	text_done(&place);
}

static void get_result(struct listing *listing, const struct row *row, struct text *text)
{
	(void)listing;
	if (row->claim && row->claim->result != RESULT_NONE)
		text_add(text, result_name(row->claim->result));
}

static void get_modules(struct listing *listing, const struct row *row, struct text *text)
{
	char modalias[256];

	if (listing->resolver &&
	    sysfs_modalias(&listing->machine.root, &row->function->address, modalias,
			   sizeof(modalias)) &&
	    resolver_add_names(listing->resolver, modalias, text) == -ENOMEM)
		text->failed = true;
}

static void get_reset(struct listing *listing, const struct row *row, struct text *text)
{
	char methods[128];

	sysfs_reset(&listing->machine.root, &row->function->address, methods, sizeof(methods));
	text_add(text, methods);
}

static void get_numa(struct listing *listing, const struct row *row, struct text *text)
{
	int node = sysfs_numa_node(&listing->machine.root, &row->function->address);

	if (node >= 0)
		text_add_number(text, node, 10, 1);
}

static void get_display(struct listing *listing, const struct row *row, struct text *text)
{
	char path[DEVICE_PATH_SIZE];

	text_add(text,
		 pci_is_display(row->function) &&
				 display_is_boot(&listing->machine.root,
						 device_path(&row->function->address, "", path),
						 &listing->framebuffers)
			 ? "1"
			 : "0");
}

static void get_path(struct listing *listing, const struct row *row, struct text *text)
{
	struct pci_path path;
	char name[PCI_PATH_SIZE];

	if (sysfs_path(&listing->machine.root, &row->function->address, &path))
		text_add(text, pci_path_format(&path, name));
}

static void get_serial(struct listing *listing, const struct row *row, struct text *text)
{
	struct pci_snapshot *snapshot = &listing->machine.snapshot;
	uint64_t serial;

	if (device_read_details(&listing->machine.root, snapshot,
				row->function - snapshot->functions, PCI_SERIAL))
		text->failed = true;
	serial = row->function->serial;
	for (int shift = 56; serial && shift >= 0; shift -= 8) {
		text_add(text, shift < 56 ? "-" : "");
		text_add_number(text, serial >> shift & 0xff, 16, 2);
	}
}

static void get_vfs(struct listing *listing, const struct row *row, struct text *text)
{
	unsigned int count =
		sysfs_virtual_functions(&listing->machine.root, &row->function->address);

	if (count)
		text_add_number(text, count, 10, 1);
}

static void get_physical(struct listing *listing, const struct row *row, struct text *text)
{
	struct pci_address address;
	char name[PCI_ADDRESS_SIZE];

	if (sysfs_physical_function(&listing->machine.root, &row->function->address, &address))
		text_add(text, pci_address_format(&address, name));
}

static void get_use(struct listing *listing, const struct row *row, struct text *text)
{
	const struct in_use *use = in_uses_get(&listing->uses, row->function);

	if (use)
		text_add(text, text_string(&use->what));
}

enum shown { SHOWN_TABLE = 1 << 0, SHOWN_JSON = 1 << 1, SHOWN = SHOWN_TABLE | SHOWN_JSON };

/* In the order of --columns all. Their help is the man page's. */
static const struct column all[] = {
	{ "ADDRESS", TABLE_TREE, 0, SHOWN, 0, get_address },
	{ "GROUP", TABLE_RIGHT | COLUMN_NUMBER, 0, SHOWN_JSON, 0, get_group },
	{ "ID", 0, 0, SHOWN, 0, get_id },
	{ "SUBSYSTEM", 0, 0, SHOWN_JSON, 0, get_subsystem },
	{ "CODE", 0, 0, SHOWN_JSON, 0, get_class_code },
	{ "CLASS", TABLE_CUT, 12, SHOWN, 0, get_class },
	{ "VENDOR", TABLE_CUT, 0, SHOWN_JSON, 0, get_vendor },
	{ "DEVICE", TABLE_CUT, 0, SHOWN_JSON, 0, get_device },
	{ "NAME", TABLE_CUT, 0.4, SHOWN_TABLE, 0, get_name },
	{ "DRIVER", 0, 0, SHOWN, 0, get_driver },
	{ "LINE", 0, 0, SHOWN, 0, get_line },
	{ "TARGET", 0, 0, SHOWN_JSON, 0, get_target },
	{ "RESULT", 0, 0, SHOWN_JSON, 0, get_result },
	{ "MODULES", 0, 0, 0, NEED_MODULES, get_modules },
	{ "RESET", 0, 0, 0, 0, get_reset },
	{ "NUMA", TABLE_RIGHT | COLUMN_NUMBER, 0, 0, 0, get_numa },
	{ "DISPLAY", TABLE_RIGHT | COLUMN_BOOLEAN, 0, 0, NEED_ROOT, get_display },
	{ "PATH", 0, 0, SHOWN_JSON, 0, get_path },
	{ "SERIAL", 0, 0, 0, NEED_ROOT, get_serial },
	{ "VFS", TABLE_RIGHT | COLUMN_NUMBER, 0, 0, 0, get_vfs },
	{ "PF", 0, 0, 0, 0, get_physical },
	{ "USE", 0, 0, 0, NEED_USES, get_use },
};

_Static_assert(ARRAY_SIZE(all) <= COLUMNS_MAX, "each can be chosen");

static void add(struct columns *columns, const struct column *column)
{
	for (size_t i = 0; i < columns->count; i++)
		if (columns->items[i] == column)
			return;
	columns->items[columns->count++] = column;
}

static void add_shown(struct columns *columns, bool json)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].shown & (json ? SHOWN_JSON : SHOWN_TABLE))
			add(columns, &all[i]);
}

/* Adds the column whose name is the `length` bytes at `name`, or all of them; false if none is. */
static bool add_named(struct columns *columns, const char *name, size_t length)
{
	bool any = length == 3 && !strncasecmp(name, "all", 3);
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (!any &&
		    (strlen(all[i].name) != length || strncasecmp(all[i].name, name, length)))
			continue;
		add(columns, &all[i]);
		found = true;
	}
	return found;
}

static void complain_of(const char *name, size_t length)
{
	struct text names = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		text_add(&names, i ? "," : "", all[i].name);
	complain("--columns: %.*s is no column; there are %s", (int)length, name,
		 text_string(&names));
	text_done(&names);
}

bool columns_choose(struct columns *ret, const char *words, bool json)
{
	*ret = (struct columns){ 0 };
	if (!words || *words == '+')
		add_shown(ret, json);
	if (words && !*words) {
		complain("--columns: no column is named; see --help");
		return false;
	}
	for (words = words ? words + (*words == '+') : ""; *words; words += *words == ',') {
		size_t length = strcspn(words, ",");

		if (!add_named(ret, words, length)) {
			complain_of(words, length);
			return false;
		}
		words += length;
	}
	return true;
}

unsigned int columns_needs(const struct columns *columns)
{
	unsigned int needs = 0;

	for (size_t i = 0; i < columns->count; i++)
		needs |= columns->items[i]->needs;
	return needs;
}
