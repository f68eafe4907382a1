/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early add: one line more in the config, for one device. Nothing is written before the line
 * was tried on this machine, with the parser and the matcher that the boot program has.
 */

#include <stdio.h>
#include <string.h>

#include "advice.h"
#include "command.h"
#include "danger/danger.h"
#include "device.h"
#include "draft.h"
#include "edit.h"
#include "group.h"
#include "guard.h"
#include "guarded.h"
#include "machine.h"
#include "names.h"
#include "printable.h"
#include "select.h"
#include "state.h"

struct add {
	const struct request *request;
	struct machine machine;
	struct names *names;
	struct pci_address address;
	const char *with; /* --with, or what the argument says */
	struct edit edit;
	struct text line;    /* the new one */
	unsigned int number; /* that it gets */
	struct text text;    /* the file with it */
};

static void add_done(struct add *add)
{
	edit_done(&add->edit);
	text_done(&add->line);
	text_done(&add->text);
	names_close(add->names);
	machine_done(&add->machine);
}

static enum status load(struct add *add)
{
	enum status status = machine_load(add->request, &add->machine);

	if (status != STATUS_WELL)
		return status;
	if (!add->machine.has_devices) {
		complain(
			"add: no PCI bus in /sys, so no device can be looked up; is /sys "
			"mounted?");
		return STATUS_ENVIRONMENT;
	}
	add->names = names_open(&add->machine);
	return add->names ? STATUS_WELL : fail("add", -ENOMEM);
}

/* "0000:01:00.0 [10de:1c03] NVIDIA Corporation GP106" */
static void describe(const struct add *add, const struct pci_address *address, FILE *file)
{
	const struct pci_function *function = pci_find(&add->machine.snapshot, address);
	char text[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE], name[NAMES_SIZE];

	if (!function)
		return;
	printable_print(file, "%s [%s] %s", pci_address_format(address, text),
			pci_id_format(&function->id, id),
			names_full(add->names, function, name));
}

/* The number that a person types, from 1; 0 if it is none of them. */
static size_t ask_number(size_t most)
{
	char answer[32];
	uint64_t number;

	fprintf(stderr, "Which one, 1 to %zu? ", most);
	if (!fgets(answer, sizeof(answer), stdin))
		return 0;
	return number_parse(answer, 10, most, &number) ? number : 0;
}

/* Several devices match: asks a person for one, tells a program how to name one. */
static enum status ask(struct add *add, const struct selection *selection)
{
	bool person = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	char address[PCI_ADDRESS_SIZE];
	size_t number;

	complain("%s: %zu devices match%s", add->request->arguments[0], selection->count,
		 person ? ":" : "; name one of them:");
	for (size_t i = 0; i < selection->count; i++) {
		if (person)
			fprintf(stderr, "%4zu  ", i + 1);
		else
			fprintf(stderr, "  vfio-early add %s  # ",
				pci_address_format(&selection->addresses[i], address));
		describe(add, &selection->addresses[i], stderr);
		fputc('\n', stderr);
	}
	number = person ? ask_number(selection->count) : 0;
	if (!number)
		return STATUS_USAGE;
	add->address = selection->addresses[number - 1];
	return STATUS_WELL;
}

/* `near` is what may have been meant, or "". */
static enum status choose_from(struct add *add, const struct selection *selection,
			       const char *near)
{
	const char *word = add->request->arguments[0];
	bool group = prefix_skip(word, "group=");

	if (!selection->count) {
		complain("%s: no device matches, bridges aside; %s%s%s", word,
			 *near ? "did you mean " : "\"vfio-early list\" shows all", near,
			 *near ? "?" : "");
		return STATUS_UNWANTED;
	}
	if (selection->count > 1 && !group)
		return ask(add, selection);
	if (group && !add->with)
		add->with = "group";
	add->address = selection->addresses[0];
	return STATUS_WELL;
}

/* Which device is meant. */
static enum status choose(struct add *add)
{
	const char *word = add->request->arguments[0];
	struct selection selection = { 0 };
	struct text why = { 0 };
	int error = selection_find(&add->machine, add->names, word, &selection, &why);
	enum status status;

	if (error == -EINVAL) {
		complain("add: %s", text_string(&why));
		status = STATUS_USAGE;
	} else {
		status = error ? fail("add", error)
			       : choose_from(add, &selection, text_string(&why));
	}
	text_done(&why);
	selection_done(&selection);
	return status;
}

static enum status lock(struct add *add)
{
	int error = edit_open(&add->edit, &add->machine.root, CONFDIR_MAIN);

	if (error) {
		complain("/" CONFDIR_MAIN ": cannot be edited: %s", edit_explain(error));
		return STATUS_ENVIRONMENT;
	}
	if (strcmp(add->edit.path, CONFDIR_MAIN))
		printable_print(stdout, "/" CONFDIR_MAIN " is a symlink: /%s is edited\n",
				add->edit.path);
	return STATUS_WELL;
}

/* Listed already? `*ret_listed` says so, and the status how that is. */
static enum status check_listed(const struct add *add, bool *ret_listed)
{
	const struct claim *claim = draft_claim(&add->machine, &add->address);
	char address[PCI_ADDRESS_SIZE], statement[STATEMENT_SIZE];
	struct text place = { 0 };
	bool asks_more = add->with && claim && claim->rule->with == WITH_NOTHING;
	enum status status = STATUS_WELL;

	*ret_listed = claim;
	if (!claim)
		return STATUS_WELL;
	pci_address_format(&add->address, address);
	place_add(&claim->rule->place, &place);
	state_statement(&add->machine.confdir, &claim->rule->place, statement);
	if (claim->result != RESULT_NONE || asks_more) {
		complain(
			"%s: listed already, but %s%s: %s: %s; edit that line, or remove it "
			"first: vfio-early remove %s",
			address, asks_more ? "without with=" : result_name(claim->result),
			asks_more ? add->with : "", text_string(&place), statement,
			text_string(&place));
		status = STATUS_UNWANTED;
	} else {
		printable_print(stdout, "%s is listed already: %s: %s\n", address,
				text_string(&place), statement);
	}
	text_done(&place);
	return status;
}

static int compose(struct add *add)
{
	const struct request *request = add->request;
	const struct pci_function *function =
		pci_find(&add->machine.snapshot, &add->address);
	struct text words = { 0 };
	const struct text *old;
	int error;

	if (!function) /* gone meanwhile */
		return -ENODEV;
	if (add->with)
		text_add(&words, " with=", add->with);
	if (request->driver)
		text_add(&words, " driver=", request->driver);
	for (const char *const *allow = request->allow; *allow; allow++)
		text_add(&words, " allow=", *allow);
	guarded_add(&add->machine, add->names, function, text_string(&words), &add->line);
	error = text_error(&words);
	text_done(&words);
	if (error)
		return error;
	old = request->dry_run ? draft_text(&add->machine, CONFDIR_MAIN)
			       : &add->edit.text;
	add->number = edit_insert(old, text_string(&add->line), &add->text);
	return text_error(&add->line) ? -ENOMEM : text_error(&add->text);
}

/* The parser refused the line: which of its words came from the command line? */
static enum status tell_parse_error(const struct add *add)
{
	const struct conf *conf = &add->machine.confdir.conf;

	for (size_t i = 0; i < conf->error_count; i++)
		if (conf->errors[i].place.line == add->number &&
		    !strcmp(conf->errors[i].place.file, "/" CONFDIR_MAIN))
			complain("add: %s", conf->errors[i].message);
	return STATUS_USAGE;
}

/* What else is in the group, and not listed. */
static void tell_mates(const struct add *add)
{
	char path[DEVICE_PATH_SIZE], **names = NULL;
	size_t count = 0;

	if (root_names(&add->machine.root,
		       device_path(&add->address, "iommu_group/devices", path), &names,
		       &count))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct pci_function *mate;
		struct pci_address address;

		if (pci_address_parse(names[i], &address) ||
		    draft_claim(&add->machine, &address))
			continue;
		mate = pci_find(&add->machine.snapshot, &address);
		if (!mate || pci_is_bridge(mate) ||
		    (pci_is_chipset(mate) && !group_is_blocked_by(&add->machine, mate)))
			continue;
		printf("in the same IOMMU group, and not listed: ");
		describe(add, &address, stdout);
		printable_print(stdout, " (%s)\n",
				*mate->driver ? mate->driver : "no driver");
	}
	names_free(names, count);
}

static enum status write_it(struct add *add)
{
	bool dry_run = add->request->dry_run;
	int error = dry_run ? 0 : edit_commit(&add->edit, &add->text);
	char address[PCI_ADDRESS_SIZE];

	if (error) {
		complain("/%s: cannot be written: %s", add->edit.path,
			 edit_explain(error));
		return STATUS_ENVIRONMENT;
	}
	printf("%s/" CONFDIR_MAIN ":%u: %s\n", dry_run ? "would be " : "", add->number,
	       text_string(&add->line));
	tell_mates(add);
	if (dry_run)
		return STATUS_WELL;
	printf("next: " ADVICE_APPLY
	       "; or at once, without a reboot: vfio-early bind %s\n",
	       pci_address_format(&add->address, address));
	return STATUS_WELL;
}

static enum status judge(struct add *add, const struct rule *rule)
{
	_cleanup_(dangers_done) struct dangers dangers = { 0 };
	const struct match *match = &add->machine.match;
	const struct line_match *line = &match->lines[rule - match->conf->rules];
	enum status status;
	int error;

	if (line->result != RESULT_NONE) {
		complain("add: the line would be %s: %s", result_name(line->result),
			 line->reason ? line->reason : "");
		return STATUS_UNWANTED;
	}
	error = dangers_find(&add->machine, &dangers);
	if (error)
		return fail("add", error);
	if (guard_refuses(&add->machine, &dangers, rule, "list"))
		return STATUS_UNWANTED;
	status = write_it(add);
	if (status == STATUS_WELL)
		guard_warn(&dangers, rule);
	return status;
}

/* Tries the line on this machine, and writes it if all is well. */
static enum status try_line(struct add *add)
{
	const struct rule *rule;
	int error = compose(add);

	if (!error)
		error = draft_match(&add->machine, CONFDIR_MAIN, &add->text);
	if (error)
		return fail("add", error);
	rule = draft_rule(&add->machine, CONFDIR_MAIN, add->number);
	return rule ? judge(add, rule) : tell_parse_error(add);
}

/* Under the lock the config is read again: another edit may have come in between. */
static enum status reload(struct add *add)
{
	names_close(add->names);
	add->names = NULL;
	machine_done(&add->machine);
	return load(add);
}

static enum status run(const struct request *request)
{
	_cleanup_(add_done) struct add add = { .request = request,
					       .with = request->with,
					       .edit = EDIT_NONE };
	enum status status = load(&add);
	bool listed = false;

	machine_note_errors(&add.machine);
	if (status == STATUS_WELL)
		status = choose(&add);
	if (status == STATUS_WELL)
		status = check_listed(&add, &listed);
	if (status != STATUS_WELL || listed)
		return status;
	if (!request->dry_run) {
		status = lock(&add);
		if (status == STATUS_WELL)
			status = reload(&add);
		if (status == STATUS_WELL)
			status = check_listed(&add, &listed);
		if (status != STATUS_WELL || listed)
			return status;
	}
	return try_line(&add);
}

const struct command command_add = {
	.name = "add",
	.arguments = "DEVICE",
	.summary = "list a device in the config, unless the host needs it",
	.details =
		"DEVICE is an address (01:00.0), an ID (10de:1c03), any other condition of the\n"
		"config (class=0c03), group=N for a whole IOMMU group, or a part of its name\n"
		"(nvidia). Writes one line with the device's address, ID and path, so that a\n"
		"renumbered bus is noticed, and its name. The rest of the file stays as it is.\n\n"
		"Exit status: 0 it is listed, 1 it is refused or not there, 2 it is not clear\n"
		"which device is meant, 4 the config cannot be written.",
	.options =
		OPTION_ROOT | OPTION_WITH | OPTION_DRIVER | OPTION_ALLOW | OPTION_DRY_RUN,
	.least = 1,
	.most = 1,
	.run = run,
};
