/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early list: the functions of the machine by IOMMU group. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "columns.h"
#include "command.h"
#include "finding-print.h"
#include "inuse/host-use.h"
#include "lib/table.h"
#include "machine/group.h"
#include "machine/iommu.h"
#include "machine/sysfs.h"

struct list {
	const struct request *request;
	struct columns columns;
	struct listing listing;
	struct row *rows;
	size_t row_count;
};

static void list_done(struct list *list)
{
	free(list->rows);
	in_uses_done(&list->listing.uses);
	resolver_free(list->listing.resolver);
	names_close(list->listing.names);
	machine_done(&list->listing.machine);
}

/* By group, those without one last, then by address. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->group != right->group)
		return (unsigned int)left->group < (unsigned int)right->group ? -1 : 1;
	return pci_address_compare(&left->function->address, &right->function->address);
}

/* Returns whether the driver of `bridge` keeps a device of its group from a guest. */
static bool blocks_a_device(const struct machine *machine, const struct pci_function *bridge)
{
	_cleanup_(group_members_done) struct group_members members = { 0 };
	int group = sysfs_group(&machine->root, &bridge->address);

	if (!group_is_blocked_by(machine, bridge) || group_find_members(machine, group, &members))
		return false;
	for (size_t i = 0; i < members.count; i++)
		if (!pci_is_infrastructure(members.items[i]))
			return true;
	return false;
}

/* Returns whether `function` is a row: bridges are one only if a line or a group is about them. */
static bool is_listed(const struct list *list, const struct pci_function *function)
{
	const struct machine *machine = &list->listing.machine;

	return !pci_is_infrastructure(function) || list->request->all ||
	       machine_claim_of(machine, function) || blocks_a_device(machine, function);
}

static int make_rows(struct list *list)
{
	const struct machine *machine = &list->listing.machine;
	const struct pci_snapshot *snapshot = &machine->snapshot;

	list->rows = calloc(snapshot->count + 1, sizeof(*list->rows));
	if (!list->rows)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pci_function *function = &snapshot->functions[i];

		if (!is_listed(list, function))
			continue;
		list->rows[list->row_count++] =
			(struct row){ function, machine_claim_of(machine, function),
				      sysfs_group(&machine->root, &function->address) };
	}
	qsort(list->rows, list->row_count, sizeof(*list->rows), compare_rows);
	return 0;
}

static int load_needs(struct listing *listing, unsigned int needs)
{
	const struct machine *machine = &listing->machine;

	listing->names = names_open(machine);
	if (!listing->names)
		return -ENOMEM;
	if (needs & NEED_MODULES)
		listing->resolver =
			resolver_new(machine->directory, machine->kernel, &machine->cmdline);
	return needs & NEED_USES ? host_use_find(machine, &listing->uses) : 0;
}

static int fill_line(struct list *list, const struct row *row, struct table_line *line)
{
	int error = 0;

	for (size_t i = 0; i < list->columns.count && !error; i++) {
		struct text text = { 0 };

		list->columns.items[i]->get(&list->listing, row, &text);
		error = text_error(&text);
		if (!error)
			error = table_set(line, i, text_string(&text));
		text_done(&text);
	}
	if (row->claim)
		table_set_bold(line);
	return error;
}

/* Adds the line above the functions of a group, in the first column. `group` -1: of none. */
static int add_group_line(struct table *table, int group, struct table_line **ret)
{
	char name[sizeof("group ") + NUMBER_SIZE] = "group ";

	if (group < 0)
		string_copy(name, sizeof(name), "no group");
	else
		number_format(name + strlen(name), group, 10, 1);
	*ret = table_add_line(table, NULL);
	return *ret ? table_set(*ret, 0, name) : -ENOMEM;
}

/* A tree needs its column in front: else each line stands for itself. */
static bool has_tree(const struct list *list)
{
	return list->columns.count && list->columns.items[0]->flags & TABLE_TREE;
}

static int fill_table(struct list *list, struct table *table)
{
	struct table_line *parent = NULL;
	int error = 0;

	for (size_t i = 0; i < list->columns.count && !error; i++) {
		const struct column *column = list->columns.items[i];

		error = table_add_column(table, column->name, column->width,
					 column->flags & ~(has_tree(list) ? 0 : TABLE_TREE));
	}
	for (size_t i = 0; i < list->row_count && !error; i++) {
		const struct row *row = &list->rows[i];
		struct table_line *line;

		/* Without an IOMMU no function has a group, and a heading says nothing. */
		if (has_tree(list) && list->rows[0].group >= 0 &&
		    (!i || row->group != row[-1].group))
			error = add_group_line(table, row->group, &parent);
		line = error ? NULL : table_add_line(table, parent);
		if (!error)
			error = line ? fill_line(list, row, line) : -ENOMEM;
	}
	return error;
}

static int print_table(struct list *list)
{
	struct table *table = table_new(list->request->color);
	int error = table ? fill_table(list, table) : -ENOMEM;

	if (!error)
		error = table_print(table);
	table_free(table);
	return error;
}

/* Adds a cell, with the name of its column in small letters as the key. */
static void add_json_cell(struct list *list, const struct row *row, const struct column *column)
{
	struct json *json = list->request->json;
	char key[sizeof(column->name)] = "";
	struct text text = { 0 };
	uint64_t number;

	for (size_t i = 0; column->name[i]; i++)
		key[i] = tolower(column->name[i]);
	column->get(&list->listing, row, &text);
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

/* JSON is flat: the group is a key of each function. */
static void add_json(struct list *list)
{
	struct json *json = list->request->json;

	json_open(json, "functions", '[');
	for (size_t i = 0; i < list->row_count; i++) {
		json_open(json, NULL, '{');
		for (size_t j = 0; j < list->columns.count; j++)
			add_json_cell(list, &list->rows[i], list->columns.items[j]);
		json_close(json);
	}
	json_close(json);
}

/* Prints what the table cannot show on standard error, after the table. */
static int print_notes(const struct list *list, unsigned int needs)
{
	const struct machine *machine = &list->listing.machine;
	_cleanup_(findings_done) struct findings findings = { 0 };
	struct finding finding = finding_make(FINDING_IOMMU_OFF);

	fflush(stdout);
	iommu_find_off(machine, &finding);
	findings_add(&findings, &finding);
	findings_print(stderr, &findings, false);
	if (needs & NEED_ROOT)
		machine_note_unseen(machine);
	if (needs & NEED_MODULES && !list->listing.resolver)
		remark("Linux %s: its modules cannot be read; is it installed?", machine->kernel);
	machine_note_errors(machine);
	return findings_error(&findings);
}

static enum status run(const struct request *request)
{
	_cleanup_(list_done) struct list list = { .request = request,
						  .listing.json = request->json };
	enum status status;
	unsigned int needs;
	int error;

	if (!columns_choose(&list.columns, request->columns, request->json))
		return STATUS_USAGE;
	status = load_machine(request, &list.listing.machine);
	if (status == STATUS_WELL)
		status = require_devices(&list.listing.machine);
	if (status != STATUS_WELL)
		return status;
	if (!has_kernel(request, &list.listing.machine))
		return STATUS_ENVIRONMENT;
	needs = columns_needs(&list.columns);
	error = load_needs(&list.listing, needs);
	if (!error)
		error = make_rows(&list);
	if (!error && request->json)
		add_json(&list);
	else if (!error)
		error = print_table(&list);
	if (!error)
		error = print_notes(&list, needs);
	return error ? fail("the list cannot be made", error) : STATUS_WELL;
}

const struct command command_list = {
	.name = "list",
	.arguments = "",
	.summary = "the PCI devices by IOMMU group, and the line that claims each",
	.details =
		"Lists the functions of this machine below their IOMMU groups: address, ID, class,\n"
		"name, the driver that has it now, and the line of the config that claims it (of\n"
		"/etc/vfio-early.conf, where no other file is named).\n"
		"Devices of one group can only be passed to a guest together. Bridges are left out,\n"
		"unless their driver keeps the group from a guest. The devices below \"no group\"\n"
		"cannot be passed to a guest.\n\n"
		"Columns: ADDRESS GROUP ID SUBSYSTEM CODE CLASS VENDOR DEVICE NAME DRIVER LINE\n"
		"TARGET RESULT MODULES RESET NUMA DISPLAY PATH SERIAL VFS PF USE",
	.options = OPTION_ROOT | OPTION_KERNEL | OPTION_ALL | OPTION_COLUMNS | OPTION_JSON,
	.run = run,
};
