/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early show: all that is known about one device, and what to do to give it to a guest. */

#include <stdio.h>
#include <string.h>

#include "columns.h"
#include "command.h"
#include "config/selection.h"
#include "danger/danger.h"
#include "finding-print.h"
#include "group-print.h"
#include "guest.h"
#include "lib/printable.h"
#include "machine/card.h"
#include "machine/group.h"
#include "machine/sysfs.h"
#include "status/boot-findings.h"
#include "status/boot-report.h"
#include "status/line-states.h"

#define LABEL_WIDTH 12

struct show {
	const struct request *request;
	struct listing listing;
	struct columns columns; /* all */
	struct guest_functions functions;
	struct line_states states;
	struct findings findings; /* about the functions, then about the machine */
	struct findings notices;  /* about the boot */
};

static void show_done(struct show *show)
{
	findings_done(&show->notices);
	findings_done(&show->findings);
	line_states_done(&show->states);
	free(show->functions.items);
	listing_done(&show->listing);
}

static bool is_virtual(const struct show *show, const struct pci_function *function)
{
	struct pci_address physical;

	return sysfs_physical_function(&show->listing.machine.root, &function->address, &physical);
}

/* Returns whether a line with with=functions takes both. */
static bool is_on_card(const struct show *show, const struct pci_function *first,
		       const struct pci_function *other)
{
	return other == first || (pci_same_card(first, other) && !pci_is_infrastructure(other) &&
				  !is_virtual(show, first) && !is_virtual(show, other));
}

/* Takes `first` with the rest of its card: of all of it, or of what is in the same IOMMU group. */
static int take_card(struct show *show, const struct pci_function *first, bool all)
{
	const struct pci_snapshot *snapshot = &show->listing.machine.snapshot;
	struct guest_functions *functions = &show->functions;

	functions->card = true;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pci_function *other = &snapshot->functions[i];

		if (!is_on_card(show, first, other))
			continue;
		if (!all && !survey_goes_with(&show->listing.survey, first, other)) {
			functions->card = false;
			continue;
		}
		if (ARRAY_GROW(functions->items, functions->count))
			return -ENOMEM;
		functions->items[functions->count++] = other;
	}
	return 0;
}

static void print_choice(const struct show *show, const struct pci_function *function)
{
	char address[PCI_ADDRESS_SIZE], name[NAMES_SIZE];

	printable_print(stderr, "  vfio-early show %s  # %s\n",
			pci_address_format(&function->address, address),
			names_full(show->listing.names, function, name));
}

/* Returns whether one guest can have all that is selected only as a whole: one card, one group. */
static bool is_one(const struct show *show, const struct selection *selection, bool print)
{
	const struct pci_snapshot *snapshot = &show->listing.machine.snapshot;
	const struct pci_function *shown = NULL;
	bool one = true;

	for (size_t i = 0; i < selection->count; i++) {
		const struct pci_function *function = pci_find(snapshot, &selection->addresses[i]);

		if (!function ||
		    (shown && survey_goes_with(&show->listing.survey, shown, function)))
			continue;
		one = one && !shown;
		shown = function;
		if (print)
			print_choice(show, function);
	}
	return one;
}

static enum status choose_from(struct show *show, const struct selection *selection,
			       const char *near)
{
	const struct pci_snapshot *snapshot = &show->listing.machine.snapshot;
	const char *word = show->request->arguments[0];
	const struct pci_function *first =
		selection->count ? pci_find(snapshot, &selection->addresses[0]) : NULL;
	struct pci_address card;

	if (!first) {
		complain_no_match(word, near);
		return STATUS_UNWANTED;
	}
	if (!is_one(show, selection, false)) {
		complain("%s: several devices match; name one of them:", word);
		is_one(show, selection, true);
		return STATUS_USAGE;
	}
	return take_card(show, first, card_parse(word, &card)) ? fail("show", -ENOMEM)
							       : STATUS_WELL;
}

/* Which device is meant: DEVICE is what add takes. */
static enum status choose(struct show *show)
{
	_cleanup_(selection_done) struct selection selection = { 0 };
	struct text why = { 0 };
	int error = selection_find(&show->listing.machine, show->listing.names,
				   show->request->arguments[0], &selection, &why);
	enum status status = STATUS_USAGE;

	if (error == -EINVAL)
		complain("show: %s", text_string(&why));
	else
		status = error ? fail("show", error)
			       : choose_from(show, &selection, text_string(&why));
	text_done(&why);
	return status;
}

/* Finds what the config and the boot did with the functions. */
static int find_states(struct show *show)
{
	const struct machine *machine = &show->listing.machine;
	_cleanup_(boot_report_done) struct boot_report report = { 0 };
	bool usable = false;
	int error = boot_report_read(&machine->root, machine->directory, &report);

	if (!error)
		error = boot_findings_find(machine, &report, &show->notices, &usable);
	return error ? error : line_states_find(machine, &report, usable, &show->states);
}

/* A line can name such a bridge, but that is for its group, never for a guest. */
static bool is_chipset(const struct show *show)
{
	return pci_is_infrastructure(show->functions.items[0]);
}

static int find_dangers(struct show *show)
{
	int error = 0;

	for (size_t i = 0; i < show->functions.count && !error && !is_chipset(show); i++)
		error = survey_find(&show->listing.survey, show->functions.items[i],
				    &show->findings);
	if (!error)
		dangers_find_of_machine(&show->listing.survey.context, true, &show->findings);
	return error ? error : findings_error(&show->findings);
}

/* Prints "      Reset: flr bus"; further lines of the text come below the first. */
static void print_field(const char *label, const char *text)
{
	while (text && *text) {
		const char *next = line_next(text);
		char line[CONF_STATEMENT_SIZE + ROOT_PATH_SIZE];

		line_copy(line, sizeof(line), text);
		printable_print(stdout, "%*s%s %s\n", LABEL_WIDTH, label, *label ? ":" : " ", line);
		text = next;
		label = "";
	}
}

/* The lines that claim the function, and the result of each. */
static void print_config(const struct show *show, const struct pci_function *function)
{
	const struct machine *machine = &show->listing.machine;
	const struct line_states *states = &show->states;
	bool found = false;

	for (size_t i = 0; i < states->count; i++) {
		const struct line_state *state = &states->items[i];
		char statement[CONF_STATEMENT_SIZE];
		struct text text = { 0 };

		if (!state->claim || state->claim->function != function)
			continue;
		found = true;
		place_add(&state->rule->place, &text);
		confdir_statement(&machine->confdir, &state->rule->place, statement);
		text_add(&text, ": ", statement);
		print_field("Config", text_string(&text));
		text_done(&text);
		text_add(&text, state->result, state->why.length ? ": " : "",
			 text_string(&state->why));
		print_field("Result", text_string(&text));
		print_field("Next", text_string(&state->next));
		text_done(&text);
	}
	if (!found)
		print_field("Config", "not configured");
}

static bool has_finding(const struct show *show, const struct pci_function *function,
			enum finding_kind kind)
{
	for (size_t i = 0; i < show->findings.count; i++)
		if (show->findings.items[i].kind == kind &&
		    show->findings.items[i].function == function)
			return true;
	return false;
}

static void add_use(struct show *show, const struct row *row, struct text *text)
{
	const struct in_use *use = in_uses_get(&show->listing.survey.context.uses, row->function);

	text_add(text,
		 !use		? "none"
		 : use->certain ? ""
				: "perhaps ",
		 use ? text_string(&use->what) : "");
}

/* A function without a reset method of its own may be reset with its whole bus. */
static void add_reset(struct show *show, const struct row *row, struct text *text)
{
	column_get("RESET", &show->listing, row, text);
	if (!strcmp(text_string(text), SYSFS_RESET_NONE) &&
	    !has_finding(show, row->function, FINDING_NO_RESET))
		text_add(text, " of its own; its bus can be reset");
}

static void print_function(struct show *show, const struct pci_function *function)
{
	/* `none`: for an empty cell; NULL: no line then */
	static const struct {
		const char *label, *column, *none;
		void (*add)(struct show *show, const struct row *row, struct text *text);
	} fields[] = {
		{ "Class", "CLASS", NULL, NULL },
		{ "ID", "ID", NULL, NULL },
		{ "Subsystem", "SUBSYSTEM", NULL, NULL },
		{ "Driver", "DRIVER", "none", NULL },
		{ "Modules", "MODULES", NULL, NULL },
		{ "Reset", NULL, NULL, add_reset },
		{ "Attached", "ATTACHED", "nothing known", NULL },
		{ "Host use", NULL, NULL, add_use },
		{ "NUMA node", "NUMA", NULL, NULL },
		{ "Path", "PATH", NULL, NULL },
		{ "Serial", "SERIAL", NULL, NULL },
		{ "Virtual", "VFS", NULL, NULL },
		{ "Physical", "PF", NULL, NULL },
		{ "VFIO", "VFIO", NULL, NULL },
	};
	const struct row row = row_of(&show->listing, function);
	struct text text = { 0 };
	char address[PCI_ADDRESS_SIZE];

	text_add(&text, pci_address_format(&function->address, address), " ");
	column_get("NAME", &show->listing, &row, &text);
	print_heading(text_string(&text), show->request->color);
	text_done(&text);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (fields[i].column)
			column_get(fields[i].column, &show->listing, &row, &text);
		else
			fields[i].add(show, &row, &text);
		print_field(fields[i].label, text.length ? text_string(&text) : fields[i].none);
		text_done(&text);
	}
	print_config(show, function);
}

static bool is_configured(const struct show *show)
{
	for (size_t i = 0; i < show->functions.count; i++)
		if (!machine_claim_of(&show->listing.machine, show->functions.items[i]))
			return false;
	return true;
}

/* Does the remedy of a finding have the command that lists the device? */
static bool has_other_command(const struct show *show)
{
	for (size_t i = 0; i < show->findings.count; i++) {
		const struct finding *finding = &show->findings.items[i];

		if (finding->refuses ||
		    (finding->kind == FINDING_GROUP && finding->severity == SEVERITY_DANGER))
			return true;
	}
	return false;
}

/* Adds the command that lists all that is shown; nothing if it is listed, or that is refused. */
static void add_command(const struct show *show, struct text *text)
{
	if (is_configured(show) || has_other_command(show) || is_chipset(show))
		return;
	text_add(text, "vfio-early add ");
	guest_add_address(&show->functions, text);
	if (show->functions.count > 1 && !show->functions.card)
		text_add(text, " --with group");
}

static void print_guest(const struct show *show)
{
	static const struct {
		const char *label;
		void (*add)(const struct guest_functions *functions, struct text *text);
	} programs[] = {
		{ "Proxmox VE", guest_add_proxmox },
		{ "libvirt", guest_add_libvirt },
		{ "QEMU", guest_add_qemu },
	};
	struct text text = { 0 };

	add_command(show, &text);
	if (text.length) {
		print_heading(findings_count_dangers(&show->findings)
				      ? "To configure it, after the remedies above"
				      : "To configure it",
			      show->request->color);
		print_field("", text_string(&text));
		putchar('\n');
	}
	text_done(&text);
	if (is_chipset(show) || has_finding(show, show->functions.items[0], FINDING_CONTROLLER))
		return;
	print_heading("To give it to a guest, once it is bound", show->request->color);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		programs[i].add(&show->functions, &text);
		print_field(programs[i].label, text_string(&text));
		text_done(&text);
	}
}

/* One sentence that says whether there is something to read below. */
static void print_verdict(const struct show *show)
{
	size_t dangers = findings_count_dangers(&show->findings);

	if (is_chipset(show))
		puts("This bridge is a part of the chipset: the host depends on it.\n");
	else if (dangers == 1 && has_finding(show, show->functions.items[0], FINDING_VF))
		puts("A guest can have this device, but it does not exist early in the boot: see "
		     "below.\n");
	else if (dangers)
		printf("%zu danger%s: read the remed%s below before you give this device to a "
		       "guest.\n\n",
		       dangers, dangers == 1 ? "" : "s", dangers == 1 ? "y" : "ies");
	else
		printf("A guest can have this device%s.\n\n",
		       show->findings.count ? ": read the notes below first" : "");
}

/* The state of a listed device may refer to what is wrong with the boot. */
static void print_findings(const struct show *show)
{
	bool listed = false;

	for (size_t i = 0; i < show->functions.count; i++)
		listed |=
			machine_claim_of(&show->listing.machine, show->functions.items[i]) != NULL;
	if (listed)
		findings_print(stdout, &show->notices, show->request->color);
	findings_print(stdout, &show->findings, show->request->color);
	if (show->findings.count || (listed && show->notices.count))
		putchar('\n');
}

static int print_text(struct show *show)
{
	struct group_view view = { &show->listing, &show->functions, NULL, show->request->color,
				   false };
	int error;

	print_verdict(show);
	for (size_t i = 0; i < show->functions.count; i++) {
		print_function(show, show->functions.items[i]);
		putchar('\n');
	}
	error = groups_print(&view);
	print_findings(show);
	print_guest(show);
	return error;
}

static void json_state(struct show *show, const struct line_state *state)
{
	struct json *json = show->request->json;

	json_open(json, NULL, '{');
	json_string(json, "address", state->address);
	json_statement(json, &show->listing.machine.confdir, &state->rule->place);
	json_string(json, "result", state->result);
	json_string(json, "why", text_string(&state->why));
	json_string(json, "next", text_string(&state->next));
	json_close(json);
}

static void json_text(const struct show *show, const char *key,
		      void (*add)(const struct guest_functions *functions, struct text *text))
{
	struct text text = { 0 };

	add(&show->functions, &text);
	show->request->json->failed |= text.failed;
	json_string(show->request->json, key, text_string(&text));
	text_done(&text);
}

static int add_json(struct show *show)
{
	struct json *json = show->request->json;
	struct group_view view = { &show->listing, &show->functions, json, false, false };
	struct text command = { 0 };
	int error;

	json_text(show, "device", guest_add_address);
	json_open(json, "functions", '[');
	for (size_t i = 0; i < show->functions.count; i++) {
		const struct row row = row_of(&show->listing, show->functions.items[i]);

		columns_add_json(&show->columns, &show->listing, &row, json);
	}
	json_close(json);
	json_open(json, "lines", '[');
	for (size_t i = 0; i < show->states.count; i++)
		if (show->states.items[i].claim &&
		    guest_has(&show->functions, show->states.items[i].claim->function))
			json_state(show, &show->states.items[i]);
	json_close(json);
	error = groups_add_json(&view);
	json_findings(json, "dangers", &show->listing.dangers);
	add_command(show, &command);
	json_string(json, "add", text_string(&command));
	text_done(&command);
	json_open(json, "guest", '{');
	json_text(show, "proxmox", guest_add_proxmox);
	json_text(show, "libvirt", guest_add_libvirt);
	json_text(show, "qemu", guest_add_qemu);
	json_close(json);
	return error;
}

static enum status load(struct show *show)
{
	struct listing *listing = &show->listing;
	enum status status = load_machine(show->request, &listing->machine);
	int error;

	if (status == STATUS_WELL)
		status = require_devices(&listing->machine);
	if (status != STATUS_WELL)
		return status;
	if (!has_kernel(show->request, &listing->machine))
		return STATUS_ENVIRONMENT;
	error = listing_load(listing, columns_needs(&show->columns), true);
	return error ? fail("show", error) : STATUS_WELL;
}

static enum status run(const struct request *request)
{
	_cleanup_(show_done) struct show show = { .request = request,
						  .listing.json = request->json };
	enum status status;
	int error;

	if (!columns_choose(&show.columns, "all", request->json))
		return STATUS_USAGE;
	status = load(&show);
	if (status == STATUS_WELL)
		status = choose(&show);
	if (status != STATUS_WELL)
		return status;
	machine_note_unseen(&show.listing.machine);
	error = find_states(&show);
	if (!error)
		error = find_dangers(&show);
	if (!error)
		error = request->json ? add_json(&show) : print_text(&show);
	fflush(stdout);
	if (!error && !show.listing.resolver && (show.listing.machine.root.live || request->kernel))
		remark("Linux %s: its modules cannot be read; is it installed?",
		       show.listing.machine.kernel);
	if (!error)
		machine_note_errors(&show.listing.machine);
	return error ? fail("show", error) : STATUS_WELL;
}

const struct command command_show = {
	.name = "show",
	.arguments = "DEVICE",
	.summary = "all about one device: what keeps it from a guest, and what to do",
	.details =
		"Describes the functions of a card that a guest can only have together: name,\n"
		"driver, reset methods, what is attached, what the host uses, the line of the\n"
		"config and its result, the IOMMU group and what makes it large, every danger with\n"
		"its remedy, the command that lists it, and what to enter for a guest.\n\n"
		"DEVICE is an address (01:00.0), a card (01:00), an ID (10de:1c03), a part of a\n"
		"name, group=N, or another condition of the config.",
	.options = OPTION_ROOT | OPTION_KERNEL | OPTION_JSON,
	.least = 1,
	.most = 1,
	.run = run,
};
