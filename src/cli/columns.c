/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of vfio-early list: a function for the cells of each, and one table of them. */

#include "columns.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "command.h"
#include "condition.h"
#include "danger/danger.h"
#include "device.h"
#include "finding-print.h"
#include "inuse/attached.h"
#include "lib/table.h"
#include "machine/group.h"
#include "machine/sysfs.h"

int listing_load(struct listing *listing, unsigned int needs, bool drivers)
{
	struct machine *machine = &listing->machine;
	int error = group_index_make(machine);

	machine_read_displays(machine);
	listing->names = names_open(machine);
	if (error || !listing->names)
		return -ENOMEM;
	if (needs & NEED_MODULES)
		listing->resolver =
			resolver_new(machine->directory, machine->kernel, &machine->cmdline);
	if (needs & NEED_ATTACHED)
		error = attached_find(machine, &listing->attached);
	if (error || !(needs & NEED_SURVEY))
		return error;
	error = survey_make(machine, drivers, &listing->survey);
	if (!error)
		dangers_find_of_machine(&listing->survey.context, true, &listing->dangers);
	return error ? error : findings_error(&listing->dangers);
}

void listing_done(struct listing *listing)
{
	in_uses_done(&listing->attached);
	findings_done(&listing->dangers);
	survey_done(&listing->survey);
	resolver_free(listing->resolver);
	names_close(listing->names);
	machine_done(&listing->machine);
}

struct row row_of(const struct listing *listing, const struct pci_function *function)
{
	return (struct row){ function, machine_claim_of(&listing->machine, function),
			     group_number(&listing->machine, function) };
}

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

	danger_context_reset(&listing->survey.context, row->function, methods, sizeof(methods));
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
	(void)listing;
	text_add(text, row->function->boot_display ? "1" : "0");
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
	const struct in_use *use = in_uses_get(&listing->survey.context.uses, row->function);

	if (use)
		text_add(text, text_string(&use->what));
}

static void get_attached(struct listing *listing, const struct row *row, struct text *text)
{
	const struct in_use *things = in_uses_get(&listing->attached, row->function);

	if (things)
		text_add(text, text_string(&things->what));
}

/* Adds where a guest finds the function: its group, and on kernels with iommufd its own file. */
static void get_vfio(struct listing *listing, const struct row *row, struct text *text)
{
	char path[DEVICE_PATH_SIZE], **names = NULL;
	size_t count = 0;

	if (row->group < 0 || !strstr(row->function->driver, "vfio"))
		return;
	text_add(text, "/dev/vfio/");
	text_add_number(text, row->group, 10, 1);
	if (root_names_if_any(&listing->machine.root,
			      device_path(&row->function->address, "vfio-dev", path), &names,
			      &count))
		text->failed = true;
	for (size_t i = 0; i < count; i++)
		text_add(text, " /dev/vfio/devices/", names[i]);
	names_free(names, count);
}

/* Adds "; " and "WORDS line 3", or "WORDS gpu.conf:3". */
static void add_line_note(const char *words, const struct place *place, struct text *text)
{
	struct text full = { 0 };
	const char *number;

	place_add(place, &full);
	number = short_place(text_string(&full));
	text_add(text, text->length ? "; " : "", words,
		 number[strspn(number, "0123456789")] ? " " : " line ", number);
	text->failed |= full.failed;
	text_done(&full);
}

/* What the config says of the function. */
static void add_config_notes(const struct listing *listing, const struct row *row,
			     struct text *text)
{
	const struct machine *machine = &listing->machine;
	const struct conf *conf = &machine->confdir.conf;

	for (size_t i = 0; row->claim && i < row->claim->line_count; i++)
		add_line_note("configured:", &row->claim->lines[i].rule->place, text);
	if (row->claim && row->claim->result != RESULT_NONE)
		text_add(text, ", ", result_name(row->claim->result));
	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].statement == STATEMENT_KEEP &&
		    cmdline_activates(&machine->cmdline, &conf->rules[i]) &&
		    !condition_missed(&conf->rules[i], row->function))
			add_line_note("kept:", &conf->rules[i].place, text);
	if (sysfs_is_guest_driver(row->function->driver) ||
	    (row->claim && !strcmp(row->claim->driver, row->function->driver)))
		text_add(text, text->length ? "; " : "", "bound");
}

static void find_dangers(struct listing *listing, const struct row *row, struct findings *ret)
{
	if (pci_is_infrastructure(row->function) && !row->claim)
		return;
	if (survey_find(&listing->survey, row->function, ret))
		ret->failed = true;
}

static void add_bridge_note(const struct listing *listing, const struct row *row, struct text *text)
{
	const char *word = row->function->class >> 8 == 0x0600 ? "host bridge" : "bridge";

	text_add(text, text->length ? "; " : "", word);
	if (group_is_blocked_by(&listing->machine, row->function))
		text_add(text, ", its driver keeps the group from a guest");
}

/*
 * Is it a part of the processor or the chipset, of which a server has a hundred? Base class 08 but
 * SD controllers, SMBus, and performance counters: nothing that anybody wants in a guest.
 */
static bool is_system_device(const struct pci_function *function)
{
	uint32_t class = function->class >> 8;

	return (class >> 8 == 0x08 && class != 0x0805) || class == 0x0c05 || class == 0x1101;
}

static void get_notes(struct listing *listing, const struct row *row, struct text *text)
{
	_cleanup_(findings_done) struct findings findings = { 0 };

	add_config_notes(listing, row, text);
	find_dangers(listing, row, &findings);
	if (pci_is_infrastructure(row->function))
		add_bridge_note(listing, row, text);
	for (size_t i = 0; i < findings.count; i++)
		text_add(text, text->length ? "; " : "", finding_label(&findings.items[i]));
	if (!text->length && !listing->dangers.count)
		text_add(text, is_system_device(row->function) ? "system device" : "ok");
	text->failed |= findings.failed;
}

static void add_notes_json(struct listing *listing, const struct row *row, struct json *json)
{
	_cleanup_(findings_done) struct findings findings = { 0 };

	find_dangers(listing, row, &findings);
	json_findings(json, "notes", &findings);
	json->failed |= findings.failed;
}

enum shown { SHOWN_TABLE = 1 << 0, SHOWN_JSON = 1 << 1, SHOWN = SHOWN_TABLE | SHOWN_JSON };

/* In the order of --columns all. Their help is the man page's. */
static const struct column all[] = {
	{ "ADDRESS", TABLE_TREE, SHOWN, 0, get_address, NULL },
	{ "NAME", TABLE_WRAP, SHOWN_TABLE, 0, get_name, NULL },
	{ "ATTACHED", TABLE_WRAP, SHOWN, NEED_ATTACHED, get_attached, NULL },
	{ "DRIVER", 0, SHOWN, 0, get_driver, NULL },
	{ "NOTES", TABLE_WRAP, SHOWN, NEED_SURVEY, get_notes, add_notes_json },
	{ "GROUP", TABLE_RIGHT | COLUMN_NUMBER, SHOWN_JSON, 0, get_group, NULL },
	{ "ID", 0, SHOWN_JSON, 0, get_id, NULL },
	{ "CLASS", TABLE_CUT, SHOWN_JSON, 0, get_class, NULL },
	{ "USE", TABLE_WRAP, 0, NEED_SURVEY, get_use, NULL },
	{ "RESET", TABLE_WRAP, 0, NEED_SURVEY, get_reset, NULL },
	{ "MODULES", TABLE_WRAP, 0, NEED_MODULES, get_modules, NULL },
	{ "PATH", 0, SHOWN_JSON, 0, get_path, NULL },
	{ "SERIAL", 0, 0, NEED_SERIAL, get_serial, NULL },
	{ "VFIO", TABLE_WRAP, 0, 0, get_vfio, NULL },
	{ "LINE", 0, SHOWN_JSON, 0, get_line, NULL },
	{ "TARGET", 0, SHOWN_JSON, NEED_SURVEY, get_target, NULL },
	{ "RESULT", 0, SHOWN_JSON, NEED_SURVEY, get_result, NULL },
	{ "SUBSYSTEM", 0, SHOWN_JSON, 0, get_subsystem, NULL },
	{ "CODE", 0, SHOWN_JSON, 0, get_class_code, NULL },
	{ "VENDOR", TABLE_CUT, SHOWN_JSON, 0, get_vendor, NULL },
	{ "DEVICE", TABLE_CUT, SHOWN_JSON, 0, get_device, NULL },
	{ "NUMA", TABLE_RIGHT | COLUMN_NUMBER, 0, 0, get_numa, NULL },
	{ "DISPLAY", TABLE_RIGHT | COLUMN_BOOLEAN, 0, 0, get_display, NULL },
	{ "VFS", TABLE_RIGHT | COLUMN_NUMBER, 0, 0, get_vfs, NULL },
	{ "PF", 0, 0, 0, get_physical, NULL },
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
	complain("--columns: unknown column: %.*s (available: %s)", (int)length, name,
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

void column_get(const char *name, struct listing *listing, const struct row *row, struct text *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(all[i].name, name))
			all[i].get(listing, row, text);
}

/* Adds a cell, with the name of its column in small letters as the key. */
static void add_json_cell(struct listing *listing, const struct row *row,
			  const struct column *column, struct json *json)
{
	char key[sizeof(column->name)] = "";
	struct text text = { 0 };
	uint64_t number;

	if (column->add_json) {
		column->add_json(listing, row, json);
		return;
	}
	for (size_t i = 0; column->name[i]; i++)
		key[i] = tolower(column->name[i]);
	column->get(listing, row, &text);
	json->failed |= text.failed;
	if (column->flags & COLUMN_NUMBER &&
	    number_parse(text_string(&text), 10, INT64_MAX, &number))
		json_number(json, key, number);
	else if (column->flags & COLUMN_BOOLEAN)
		json_boolean(json, key, !strcmp(text_string(&text), "1"));
	else
		json_string(json, key, text_string(&text));
	text_done(&text);
}

void columns_add_json(const struct columns *columns, struct listing *listing, const struct row *row,
		      struct json *json)
{
	json_open(json, NULL, '{');
	for (size_t i = 0; i < columns->count; i++)
		add_json_cell(listing, row, columns->items[i], json);
	json_close(json);
}
