/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early list: the functions of the machine by IOMMU group. */

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "columns.h"
#include "command.h"
#include "config/selection.h"
#include "finding-print.h"
#include "lib/table.h"
#include "machine/group.h"

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
	listing_done(&list->listing);
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
	int group = group_number(machine, bridge);

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
	const struct pci_snapshot *snapshot = &list->listing.machine.snapshot;

	list->rows = calloc(snapshot->count + 1, sizeof(*list->rows));
	if (!list->rows)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->count; i++)
		if (is_listed(list, &snapshot->functions[i]))
			list->rows[list->row_count++] =
				row_of(&list->listing, &snapshot->functions[i]);
	qsort(list->rows, list->row_count, sizeof(*list->rows), compare_rows);
	return 0;
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

		error = table_add_column(table, column->name,
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

/* JSON is flat: the group is a key of each function. */
static void add_json(struct list *list)
{
	struct json *json = list->request->json;

	json_open(json, "functions", '[');
	for (size_t i = 0; i < list->row_count; i++)
		columns_add_json(&list->columns, &list->listing, &list->rows[i], json);
	json_close(json);
}

/*
 * Returns whether a person who types `word` may mean the row: the start of an address (with a
 * colon) or of an ID, or a part of a name.
 */
static bool has_word(struct list *list, const struct row *row, const char *word)
{
	static const char *const columns[] = { "NAME", "VENDOR", "CLASS", "DRIVER", "ATTACHED" };
	char address[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE];
	size_t length = strlen(word);

	pci_address_format(&row->function->address, address);
	if (strchr(word, ':') && (!strncasecmp(address, word, length) ||
				  !strncasecmp(strchr(address, ':') + 1, word, length)))
		return true;
	if (length >= 4 && !strncasecmp(pci_id_format(&row->function->id, id), word, length))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		struct text cell = { 0 };
		bool found;

		column_get(columns[i], &list->listing, row, &cell);
		found = strcasestr(text_string(&cell), word);
		text_done(&cell);
		if (found)
			return true;
	}
	return false;
}

/* Marks the rows that a pattern matches. A word with "=" is a condition, or group=N. */
static enum status match_pattern(struct list *list, const char *word, bool *marks)
{
	_cleanup_(selection_done) struct selection selection = { 0 };
	struct text why = { 0 };
	bool condition = strchr(word, '='), found = false;
	int error = condition ? selection_find(&list->listing.machine, list->listing.names, word,
					       &selection, &why)
			      : 0;

	if (error == -EINVAL)
		complain("list: %s", text_string(&why));
	text_done(&why);
	if (error)
		return error == -EINVAL ? STATUS_USAGE : fail("list", error);
	for (size_t i = 0; i < list->row_count; i++) {
		bool match = condition ? selection_has(&selection, &list->rows[i].function->address)
				       : has_word(list, &list->rows[i], word);

		marks[i] |= match;
		found |= match;
	}
	if (!found)
		complain("%s: no device matches; \"vfio-early list\" shows all", word);
	return found ? STATUS_WELL : STATUS_UNWANTED;
}

/* Keeps the rows that any pattern matches. */
static enum status filter(struct list *list)
{
	_cleanup_(freep) bool *marks = calloc(list->row_count + 1, sizeof(*marks));
	enum status status = marks ? STATUS_WELL : fail("list", -ENOMEM);
	size_t kept = 0;

	for (int i = 0; marks && i < list->request->count; i++) {
		enum status result = match_pattern(list, list->request->arguments[i], marks);

		status = result > status ? result : status;
	}
	for (size_t i = 0; marks && i < list->row_count; i++)
		if (marks[i])
			list->rows[kept++] = list->rows[i];
	list->row_count = kept;
	return status;
}

/* An ordinary user cannot see that a framebuffer is on a display without boot_vga. */
static bool lacks_boot_display(const struct machine *machine)
{
	const struct pci_snapshot *snapshot = &machine->snapshot;
	bool display = false;

	for (size_t i = 0; i < snapshot->count; i++) {
		if (snapshot->functions[i].boot_display)
			return false;
		display |= pci_is_display(&snapshot->functions[i]);
	}
	return display;
}

/* Prints what the table cannot show on standard error, after the table. */
static int print_notes(const struct list *list, unsigned int needs)
{
	const struct machine *machine = &list->listing.machine;

	fflush(stdout);
	findings_print(stderr, &list->listing.dangers, false);
	if (needs & NEED_SERIAL || lacks_boot_display(machine))
		machine_note_unseen(machine);
	if (needs & NEED_MODULES && !list->listing.resolver)
		remark("Linux %s: its modules cannot be read; is it installed?", machine->kernel);
	machine_note_errors(machine);
	return findings_error(&list->listing.dangers);
}

static enum status load(struct list *list, unsigned int needs)
{
	struct listing *listing = &list->listing;
	enum status status = load_machine(list->request, &listing->machine);
	int error;

	if (status == STATUS_WELL)
		status = require_devices(&listing->machine);
	if (status != STATUS_WELL)
		return status;
	if (!has_kernel(list->request, &listing->machine))
		return STATUS_ENVIRONMENT;
	error = listing_load(listing, needs, false);
	if (!error)
		error = make_rows(list);
	return error ? fail("the list cannot be made", error) : STATUS_WELL;
}

static enum status run(const struct request *request)
{
	_cleanup_(list_done) struct list list = { .request = request,
						  .listing.json = request->json };
	enum status status;
	unsigned int needs;
	int error = 0;

	if (!columns_choose(&list.columns, request->columns, request->json))
		return STATUS_USAGE;
	/* The IOMMU is of interest to everybody, and patterns look at what is attached. */
	needs = columns_needs(&list.columns) | NEED_SURVEY;
	status = load(&list, needs | (request->count ? NEED_ATTACHED : 0));
	if (status != STATUS_WELL)
		return status;
	if (request->count)
		status = filter(&list);
	if (request->json)
		add_json(&list);
	else if (list.row_count)
		error = print_table(&list);
	if (!error && status == STATUS_WELL)
		error = print_notes(&list, needs);
	return error ? fail("the list cannot be made", error) : status;
}

const struct command command_list = {
	.name = "list",
	.arguments = "[PATTERN]...",
	.summary = "the devices, what is attached to each, and whether a guest can have it",
	.details =
		"Lists the PCI devices of this machine below their IOMMU groups. NOTES says what\n"
		"the config does with a device, and what is dangerous if a guest gets it: the\n"
		"host uses it, it shares its group with another device, it cannot be reset ...\n"
		"\"ok\" means that there is nothing to note. A \"system device\" is a part of the\n"
		"processor or the chipset. \"vfio-early show DEVICE\" explains the notes and says\n"
		"what to do.\n"
		"Devices of one group can only be passed to a guest together. Bridges are left\n"
		"out, unless their driver keeps the group from a guest.\n\n"
		"PATTERN: only devices with this part of a name, vendor, class, driver, disk or\n"
		"interface (nvidia, sda), with this start of an address (01:00) or of an ID\n"
		"(10de:1c03), or with this condition of the config (class=0c03, group=14).\n\n"
		"Columns: ADDRESS NAME ATTACHED DRIVER NOTES GROUP ID CLASS USE RESET MODULES PATH\n"
		"SERIAL VFIO LINE TARGET RESULT SUBSYSTEM CODE VENDOR DEVICE NUMA DISPLAY VFS PF",
	.options = OPTION_ROOT | OPTION_KERNEL | OPTION_ALL | OPTION_COLUMNS | OPTION_JSON,
	.most = INT_MAX,
	.run = run,
};
