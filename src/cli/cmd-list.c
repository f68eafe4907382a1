/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early list: the functions of the machine by IOMMU group. One table of columns does it. */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "command.h"
#include "device.h"
#include "display.h"
#include "facts.h"
#include "hostuse.h"
#include "iommu.h"
#include "machine.h"
#include "names.h"
#include "resolve.h"
#include "table.h"

#define SCHEMA 1

/* What some columns need, and is loaded only for them. */
enum need {
	NEED_MODULES = 1 << 0,
	NEED_USES = 1 << 1,
	NEED_ROOT = 1 << 2, /* an ordinary user is told that the column may be empty */
};

struct list {
	const struct request *request;
	struct machine machine;
	struct names *names;
	struct resolver *resolver;
	struct in_uses uses;
	struct framebuffers framebuffers;
	size_t columns[32]; /* indexes in the table below */
	size_t column_count;
	struct row *rows;
	size_t row_count;
};

/* A function, and the claim that speaks for it or NULL. */
struct row {
	const struct pci_function *function;
	const struct claim *claim;
	int group; /* -1 for none */
};

static void list_done(struct list *list)
{
	free(list->rows);
	in_uses_done(&list->uses);
	resolver_free(list->resolver);
	names_close(list->names);
	machine_done(&list->machine);
}

static void get_address(struct list *list, const struct row *row, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];

	(void)list;
	text_add(text, pci_address_format(&row->function->address, address));
}

static void get_group(struct list *list, const struct row *row, struct text *text)
{
	(void)list;
	if (row->group >= 0)
		text_add_number(text, row->group, 10, 1);
}

static void get_id(struct list *list, const struct row *row, struct text *text)
{
	char id[PCI_ID_SIZE];

	(void)list;
	text_add(text, pci_id_format(&row->function->id, id));
}

static void get_subsystem(struct list *list, const struct row *row, struct text *text)
{
	char id[PCI_ID_SIZE];

	(void)list;
	if (row->function->subsystem.vendor)
		text_add(text, pci_id_format(&row->function->subsystem, id));
}

static void get_class_code(struct list *list, const struct row *row, struct text *text)
{
	(void)list;
	text_add_number(text, row->function->class, 16, 6);
}

static void get_class(struct list *list, const struct row *row, struct text *text)
{
	char name[NAMES_SIZE];

	text_add(text, names_class(list->names, row->function, name));
}

static void get_vendor(struct list *list, const struct row *row, struct text *text)
{
	char name[NAMES_SIZE];

	text_add(text, names_vendor(list->names, row->function, name));
}

static void get_device(struct list *list, const struct row *row, struct text *text)
{
	char name[NAMES_SIZE];

	text_add(text, names_device(list->names, row->function, name));
}

static void get_name(struct list *list, const struct row *row, struct text *text)
{
	char name[NAMES_SIZE];

	text_add(text, names_full(list->names, row->function, name));
}

static void get_driver(struct list *list, const struct row *row, struct text *text)
{
	(void)list;
	text_add(text, row->function->driver);
}

static void get_target(struct list *list, const struct row *row, struct text *text)
{
	(void)list;
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

static void get_line(struct list *list, const struct row *row, struct text *text)
{
	struct text place = { 0 };

	if (!row->claim)
		return;
	place_add(&row->claim->rule->place, &place);
	text_add(text, list->request->json ? text_string(&place)
					   : short_place(text_string(&place)));
	if (row->claim->result != RESULT_NONE && !list->request->json)
		text_add(text, " ", result_name(row->claim->result));
	text_done(&place);
}

static void get_result(struct list *list, const struct row *row, struct text *text)
{
	(void)list;
	if (row->claim && row->claim->result != RESULT_NONE)
		text_add(text, result_name(row->claim->result));
}

static void get_modules(struct list *list, const struct row *row, struct text *text)
{
	char modalias[256];

	if (list->resolver &&
	    facts_modalias(&list->machine.root, &row->function->address, modalias,
			   sizeof(modalias)) &&
	    resolver_add_names(list->resolver, modalias, text) == -ENOMEM)
		text->failed = true;
}

static void get_reset(struct list *list, const struct row *row, struct text *text)
{
	char methods[128];

	facts_reset(&list->machine.root, &row->function->address, methods,
		    sizeof(methods));
	text_add(text, methods);
}

static void get_numa(struct list *list, const struct row *row, struct text *text)
{
	int node = facts_numa_node(&list->machine.root, &row->function->address);

	if (node >= 0)
		text_add_number(text, node, 10, 1);
}

static void get_display(struct list *list, const struct row *row, struct text *text)
{
	char path[DEVICE_PATH_SIZE];

	text_add(text,
		 pci_is_display(row->function) &&
				 display_is_boot(
					 &list->machine.root,
					 device_path(&row->function->address, "", path),
					 &list->framebuffers)
			 ? "1"
			 : "0");
}

static void get_path(struct list *list, const struct row *row, struct text *text)
{
	struct pci_path path;
	char name[PCI_PATH_SIZE];

	if (facts_path(&list->machine.root, &row->function->address, &path))
		text_add(text, pci_path_format(&path, name));
}

static void get_serial(struct list *list, const struct row *row, struct text *text)
{
	struct pci_snapshot *snapshot = &list->machine.snapshot;
	uint64_t serial;

	if (device_read_details(&list->machine.root, snapshot,
				row->function - snapshot->functions, PCI_SERIAL))
		text->failed = true;
	serial = row->function->serial;
	for (int shift = 56; serial && shift >= 0; shift -= 8) {
		text_add(text, shift < 56 ? "-" : "");
		text_add_number(text, serial >> shift & 0xff, 16, 2);
	}
}

static void get_vfs(struct list *list, const struct row *row, struct text *text)
{
	unsigned int count =
		facts_virtual_functions(&list->machine.root, &row->function->address);

	if (count)
		text_add_number(text, count, 10, 1);
}

static void get_physical(struct list *list, const struct row *row, struct text *text)
{
	struct pci_address address;
	char name[PCI_ADDRESS_SIZE];

	if (facts_physical_function(&list->machine.root, &row->function->address,
				    &address))
		text_add(text, pci_address_format(&address, name));
}

static void get_use(struct list *list, const struct row *row, struct text *text)
{
	const struct in_use *use = in_uses_get(&list->uses, row->function);

	if (use)
		text_add(text, text_string(&use->what));
}

enum shown {
	SHOWN_TABLE = 1 << 0,
	SHOWN_JSON = 1 << 1,
	SHOWN = SHOWN_TABLE | SHOWN_JSON
};

/* The columns, in the order of --columns all. Their help is the man page's. */
static const struct {
	char name[12];
	unsigned int flags; /* enum table_flag */
	double width;	    /* that is enough, if need be; 0: as wide as its content */
	unsigned int shown; /* enum shown: without being asked for */
	unsigned int needs; /* enum need */
	void (*get)(struct list *list, const struct row *row, struct text *text);
} columns[] = {
	{ "ADDRESS", TABLE_TREE, 0, SHOWN, 0, get_address },
	{ "GROUP", TABLE_RIGHT | TABLE_NUMBER, 0, SHOWN_JSON, 0, get_group },
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
	{ "NUMA", TABLE_RIGHT | TABLE_NUMBER, 0, 0, 0, get_numa },
	{ "DISPLAY", TABLE_RIGHT | TABLE_BOOLEAN, 0, 0, NEED_ROOT, get_display },
	{ "PATH", 0, 0, SHOWN_JSON, 0, get_path },
	{ "SERIAL", 0, 0, 0, NEED_ROOT, get_serial },
	{ "VFS", TABLE_RIGHT | TABLE_NUMBER, 0, 0, 0, get_vfs },
	{ "PF", 0, 0, 0, 0, get_physical },
	{ "USE", 0, 0, 0, NEED_USES, get_use },
};

static void add_column(struct list *list, size_t column)
{
	for (size_t i = 0; i < list->column_count; i++)
		if (list->columns[i] == column)
			return;
	list->columns[list->column_count++] = column;
}

static void add_shown(struct list *list)
{
	unsigned int shown = list->request->json ? SHOWN_JSON : SHOWN_TABLE;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (columns[i].shown & shown)
			add_column(list, i);
}

/* Adds the column whose name is the `length` bytes at `name`, or all of them; false if none is. */
static bool add_named(struct list *list, const char *name, size_t length)
{
	bool all = length == 3 && !strncasecmp(name, "all", 3);
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (!all && (strlen(columns[i].name) != length ||
			     strncasecmp(columns[i].name, name, length)))
			continue;
		add_column(list, i);
		found = true;
	}
	return found;
}

static void complain_column(const char *name, size_t length)
{
	struct text all = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		text_add(&all, i ? "," : "", columns[i].name);
	complain("--columns: %.*s is no column; there are %s", (int)length, name,
		 text_string(&all));
	text_done(&all);
}

/* ["+"] NAME {"," NAME} */
static bool choose_columns(struct list *list)
{
	const char *name = list->request->columns;

	if (!name || *name == '+')
		add_shown(list);
	for (name = name ? name + (*name == '+') : ""; *name; name += *name == ',') {
		size_t length = strcspn(name, ",");

		if (!add_named(list, name, length)) {
			complain_column(name, length);
			return false;
		}
		name += length;
	}
	return true;
}

static unsigned int needs_of(const struct list *list)
{
	unsigned int needs = 0;

	for (size_t i = 0; i < list->column_count; i++)
		needs |= columns[list->columns[i]].needs;
	return needs;
}

/* By group, those without one last, then by address. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->group != right->group)
		return (unsigned int)left->group < (unsigned int)right->group ? -1 : 1;
	return pci_address_compare(&left->function->address, &right->function->address);
}

static int make_rows(struct list *list)
{
	const struct pci_snapshot *snapshot = &list->machine.snapshot;

	list->rows = calloc(snapshot->count + 1, sizeof(*list->rows));
	if (!list->rows)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pci_function *function = &snapshot->functions[i];

		if (pci_is_bridge(function) && !list->request->all)
			continue;
		list->rows[list->row_count++] = (struct row){
			function, machine_claim_of(&list->machine, function),
			facts_group(&list->machine.root, &function->address)
		};
	}
	qsort(list->rows, list->row_count, sizeof(*list->rows), compare_rows);
	return 0;
}

static int load_needs(struct list *list, unsigned int needs)
{
	list->names = names_open(&list->machine);
	if (!list->names)
		return -ENOMEM;
	if (needs & NEED_MODULES)
		list->resolver = resolver_new(list->request->root, list->machine.kernel,
					      &list->machine.cmdline);
	return needs & NEED_USES ? hostuse_find(&list->machine, &list->uses) : 0;
}

static int fill_line(struct list *list, const struct row *row, struct table_line *line)
{
	int error = 0;

	for (size_t i = 0; i < list->column_count && !error; i++) {
		struct text text = { 0 };

		columns[list->columns[i]].get(list, row, &text);
		error = text_error(&text);
		if (!error)
			error = table_set(line, i, text_string(&text));
		text_done(&text);
	}
	if (row->claim)
		table_set_bold(line);
	return error;
}

/* The line that a group's functions hang below, in the first column. */
static int add_group_line(struct table *table, int group, struct table_line **ret)
{
	char name[sizeof("group ") + NUMBER_SIZE] = "group ";

	number_format(name + strlen(name), group, 10, 1);
	*ret = table_add_line(table, NULL);
	return *ret ? table_set(*ret, 0, name) : -ENOMEM;
}

/* JSON is flat, and a tree needs its column in front: then each line stands for itself. */
static bool has_tree(const struct list *list)
{
	return !list->request->json && list->column_count &&
	       columns[list->columns[0]].flags & TABLE_TREE;
}

static int fill_table(struct list *list, struct table *table)
{
	struct table_line *parent = NULL;
	int error = 0;

	for (size_t i = 0; i < list->column_count && !error; i++)
		error = table_add_column(table, columns[list->columns[i]].name,
					 columns[list->columns[i]].width,
					 columns[list->columns[i]].flags &
						 ~(has_tree(list) ? 0 : TABLE_TREE));
	for (size_t i = 0; i < list->row_count && !error; i++) {
		const struct row *row = &list->rows[i];
		struct table_line *line;

		if (row->group < 0)
			parent = NULL;
		else if (has_tree(list) && (!i || row->group != row[-1].group))
			error = add_group_line(table, row->group, &parent);
		line = error ? NULL : table_add_line(table, parent);
		if (!error)
			error = line ? fill_line(list, row, line) : -ENOMEM;
	}
	return error;
}

static int print_table(struct list *list)
{
	struct table *table =
		table_new("functions", list->request->json, list->request->color);
	int error = table ? fill_table(list, table) : -ENOMEM;

	if (!error)
		error = table_print(table, SCHEMA);
	table_free(table);
	return error;
}

/* What the table can't show: on standard error, behind it. */
static void tell_notes(const struct list *list, unsigned int needs)
{
	const struct machine *machine = &list->machine;
	struct text remedy = { 0 };

	fflush(stdout);
	if (iommu_is_off(machine)) {
		iommu_add_remedy(machine, &remedy);
		complain(
			"no IOMMU: it is off, or there is none, and vfio-pci refuses every "
			"device; %s",
			text_string(&remedy));
	}
	if (machine->root.live && geteuid() && needs & NEED_ROOT)
		complain(
			"serial numbers, and a display found by its framebuffer, are for "
			"root's eyes only; run it as root to see them");
	if (needs & NEED_MODULES && !list->resolver)
		complain("Linux %s: its modules cannot be read; is it installed?",
			 machine->kernel);
	if (machine->confdir.conf.error_total)
		complain("the config has errors; \"vfio-early check\" tells them");
	text_done(&remedy);
}

static enum status run(const struct request *request)
{
	_cleanup_(list_done) struct list list = { .request = request };
	enum status status;
	unsigned int needs;
	int error;

	if (!choose_columns(&list))
		return STATUS_USAGE;
	status = machine_load(request, &list.machine);
	if (status != STATUS_WELL)
		return status;
	if (!list.machine.has_devices) {
		complain("%s: no PCI bus in its /sys", request->root);
		return STATUS_ENVIRONMENT;
	}
	needs = needs_of(&list);
	error = load_needs(&list, needs);
	if (!error)
		error = make_rows(&list);
	if (!error)
		error = print_table(&list);
	if (error) {
		complain("the list cannot be made: %s", strerror(-error));
		return STATUS_ENVIRONMENT;
	}
	tell_notes(&list, needs);
	return STATUS_WELL;
}

const struct command command_list = {
	.name = "list",
	.arguments = "",
	.summary = "the PCI devices by IOMMU group, and the line that claims each",
	.details =
		"Lists the functions of this machine below their IOMMU groups: address, ID, class,\n"
		"name, the driver that has it now, and the line of the config that claims it (of\n"
		"/etc/vfio-early.conf, where no other file is named).\n"
		"What shares a group can only be passed to a guest together; bridges don't count.\n\n"
		"Columns: ADDRESS GROUP ID SUBSYSTEM CODE CLASS VENDOR DEVICE NAME DRIVER LINE\n"
		"TARGET RESULT MODULES RESET NUMA DISPLAY PATH SERIAL VFS PF USE",
	.options =
		OPTION_ROOT | OPTION_KERNEL | OPTION_ALL | OPTION_COLUMNS | OPTION_JSON,
	.run = run,
};
