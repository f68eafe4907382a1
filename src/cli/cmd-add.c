/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early add: writes a line for each device into the config, or changes the settings of the
 * lines that the devices have. Nothing is written before all lines were tried on this machine, with
 * the parser and the matcher that the boot program has. Without arguments it guides a person.
 */

#include <string.h>

#include "addition.h"
#include "config/selection.h"
#include "danger/danger.h"
#include "device-choice.h"
#include "finding-print.h"
#include "machine/sysfs.h"

/* Lets the parser judge the options, before anything else is looked at. */
static enum status check_options(const struct request *request)
{
	const struct settings settings = request_settings(request, NULL);
	struct conf conf = { 0 };
	struct text line = { 0 };
	enum status status = STATUS_WELL;
	int error;

	text_add(&line, "bind 00:00.0");
	settings_add(&settings, &line);
	error = text_error(&line);
	if (!error)
		error = conf_parse(&conf, "options", line.data, line.length, false);
	if (error)
		status = fail("add", error);
	else if (conf.error_count) {
		complain("add: %s", conf.errors[0].message);
		status = STATUS_USAGE;
	}
	conf_done(&conf);
	text_done(&line);
	return status;
}

/* Refuses what cannot be done after the line is written, before it is written. */
static enum status check_actions(const struct addition *add)
{
	const struct request *request = &add->request;

	if (request->apply && (request->json || *root_prefix(request->root))) {
		complain("add: --apply works on this machine only, not with --root or --json");
		return STATUS_USAGE;
	}
	return request->now ? require_root(request, &add->machine, "bind") : STATUS_WELL;
}

/*
 * A serial number says which device is meant wherever it is, and a path which place is meant
 * whatever the bus number: if it selects one device, the user's condition is the line's.
 */
static void set_identity(const struct addition *add, struct target *target, const char *word)
{
	char text[PCI_PATH_SIZE];
	struct pci_path path;

	if (prefix_skip(word, "serial="))
		text_add(&target->identity, word);
	else if (prefix_skip(word, "path=") &&
		 sysfs_path(&add->machine.root, &target->line.address, &path))
		text_add(&target->identity, "path=", pci_path_format(&path, text));
	if (target->identity.length)
		target->line.identity = text_string(&target->identity);
}

/* `word`: the argument, or "" if a person chose from all devices. */
static enum status add_target(struct addition *add, const struct choice *choice, const char *word)
{
	const char *with = add->request.with ? add->request.with : choice->with;
	struct target *target;

	if (ARRAY_GROW(add->targets, add->count))
		return fail("add", -ENOMEM);
	target = &add->targets[add->count++];
	*target = (struct target){ .line.address = choice->address };
	target->line.settings = request_settings(&add->request, with);
	if (choice->alone)
		set_identity(add, target, word);
	return text_error(&target->identity) ? fail("add", -ENOMEM) : STATUS_WELL;
}

/* `near` is what may have been meant, or "". */
static enum status choose_from(struct addition *add, const char *word, struct selection *selection,
			       const char *near)
{
	struct choice choice;
	enum status status;

	if (!selection->count) {
		complain_no_match(word, near);
		return STATUS_UNWANTED;
	}
	status = choose_match(&add->request, &add->machine, add->names, word, selection, &choice);
	return status == STATUS_WELL ? add_target(add, &choice, word) : status;
}

/* Which device `word` means. */
static enum status choose(struct addition *add, const char *word)
{
	struct selection selection = { 0 };
	struct text why = { 0 };
	int error = selection_find(&add->machine, add->names, word, &selection, &why);
	enum status status;

	if (error == -EINVAL) {
		complain("add: %s", text_string(&why));
		status = STATUS_USAGE;
	} else {
		status = error ? fail("add", error)
			       : choose_from(add, word, &selection, text_string(&why));
	}
	text_done(&why);
	selection_done(&selection);
	return status;
}

static enum status choose_guided(struct addition *add)
{
	struct choice choice;
	enum status status = choose_card(&add->request, &add->machine, add->names, &choice);

	return status == STATUS_WELL ? add_target(add, &choice, "") : status;
}

static enum status choose_all(struct addition *add)
{
	enum status status = STATUS_WELL;

	if (add->guided)
		return choose_guided(add);
	for (int i = 0; i < add->request.count && status == STATUS_WELL; i++)
		status = choose(add, add->request.arguments[i]);
	return status;
}

static enum status decline(void)
{
	complain("add: nothing was written");
	return STATUS_UNWANTED;
}

/* Permits what a person agreed to, as --allow would. */
static void permit(struct addition *add, const struct finding *danger)
{
	size_t count = 0;

	while (count < ALLOWS_MAX - 1 && add->request.allow[count])
		count++;
	add->request.allow[count] = finding_kind_name(danger->kind);
}

/* Asks whether to permit what `danger` refuses, and drafts again. */
static enum status ask_permission(struct addition *add, const struct finding *danger)
{
	struct text question = { 0 };
	bool agreed;

	finding_print(stderr, danger, add->request.color);
	text_add(&question, "List it anyway, with allow=", finding_kind_name(danger->kind), "?");
	agreed = ask_yes(text_string(&question), false);
	text_done(&question);
	if (!agreed)
		return decline();
	permit(add, danger);
	return addition_reload(add);
}

/* A person is asked about each refusal that a permission can lift. */
static enum status ask_permissions(struct addition *add)
{
	enum status status = STATUS_WELL;
	const struct finding *danger;

	while (status == STATUS_WELL &&
	       (danger = findings_permissible(&add->dangers, add->rules, add->rule_count))) {
		status = ask_permission(add, danger);
		if (status == STATUS_WELL)
			status = addition_draft(add);
	}
	return status;
}

/* Asks about each danger, except those that --allow or the person permitted already. */
static enum status ask_dangers(const struct addition *add)
{
	for (size_t i = 0; i < add->dangers.count; i++) {
		const struct finding *danger = &add->dangers.items[i];

		if (danger->refuses || !finding_is_of(danger, add->rules, add->rule_count))
			continue;
		finding_print(stderr, danger, add->request.color);
		if (danger->severity != SEVERITY_DANGER || add->request.yes ||
		    finding_is_permissible(danger))
			continue;
		if (!ask_yes("List it anyway?", false))
			return decline();
	}
	return STATUS_WELL;
}

/* --now acts at once: a person agrees to the dangers first, or --yes does. */
static enum status agree_to_bind(const struct addition *add)
{
	const struct request *request = &add->request;

	if (!findings_warn(&add->dangers, add->rules, add->rule_count) || request->yes)
		return STATUS_WELL;
	if (!can_ask()) {
		complain("add: there are dangers, and no terminal to ask at; nothing was written. "
			 "To bind anyway: --yes");
		return STATUS_UNWANTED;
	}
	return ask_yes("List and bind it anyway?", false) ? STATUS_WELL : decline();
}

/* Asks what is to be asked before the lines are written. */
static enum status agree(struct addition *add)
{
	enum status status = add->guided ? ask_permissions(add) : STATUS_WELL;

	if (status == STATUS_WELL)
		status = addition_check(add);
	if (status != STATUS_WELL || !add->rule_count)
		return status;
	if (add->guided)
		return ask_dangers(add);
	return add->request.now && !add->request.dry_run ? agree_to_bind(add) : STATUS_WELL;
}

/* Does what --now and --apply, or the person, want done. Returns the status of what failed. */
static enum status act(struct addition *add)
{
	_cleanup_(freep) struct pci_address *taken = NULL;
	struct request *request = &add->request;
	enum status bound = STATUS_WELL, applied = STATUS_WELL;
	size_t count = 0;

	if (addition_find_taken(add, &taken, &count))
		return fail("add", -ENOMEM);
	edit_done(&add->edit); /* apply and bind may take long; another edit need not wait */
	request->agreed = add->rule_count == add->count; /* nobody was asked about other lines */
	if (add->guided && add->machine.root.live && !request->apply && !request->dry_run)
		request->apply = request->yes || ask_yes("Apply now?", false);
	if (add->guided)
		addition_print_command(add);
	if (!request->dry_run) { /* the config says it now */
		request->driver = NULL;
		request->allow[0] = NULL;
	}
	if (request->now && count)
		bound = run_for(&command_bind, request, taken, count);
	if (request->apply && !request->dry_run)
		applied = run_for(&command_apply, request, NULL, 0);
	else if (!request->dry_run && !request->json && add->rule_count)
		addition_print_next(add, taken, count);
	return bound != STATUS_WELL ? bound : applied;
}

static enum status run(const struct request *request)
{
	_cleanup_(addition_done) struct addition add = { .request = *request, .edit = EDIT_NONE };
	enum status status = check_options(request);

	add.guided = !request->count;
	if (add.guided && (!can_ask() || request->json))
		return usage_error(&command_add);
	if (status == STATUS_WELL)
		status = addition_load(&add);
	machine_note_errors(&add.machine);
	if (status == STATUS_WELL)
		status = check_actions(&add);
	if (status == STATUS_WELL)
		status = choose_all(&add);
	if (status == STATUS_WELL)
		status = addition_draft(&add);
	if (status == STATUS_WELL)
		status = agree(&add);
	if (status == STATUS_WELL && add.rule_count && !request->dry_run)
		status = addition_write(&add);
	if (status != STATUS_WELL)
		return status;
	addition_print(&add, add.guided || (request->now && !request->dry_run));
	return act(&add);
}

const struct command command_add = {
	.name = "add",
	.arguments = "[DEVICE]...",
	.summary = "list devices in the config, unless the host needs them",
	.details =
		"DEVICE is an address (01:00.0), an ID (10de:1c03), any other condition of the\n"
		"config (class=0c03), a card (01:00: all its functions), group=N for a whole IOMMU\n"
		"group, or a part of its name (nvidia). Without DEVICE, in a terminal: offers the\n"
		"cards of this machine, and asks.\n\n"
		"Writes one line for each device, with its address, ID and path, so that a\n"
		"renumbered bus is noticed, and its name; for serial= and path= with that condition\n"
		"and the ID. If a device has a line already, the options change that line. The rest\n"
		"of the file stays as it is. If one device is refused, nothing is written.\n\n"
		"Exit status: 0 all are listed, 1 one is refused or not there, 2 it is not clear\n"
		"which device is meant, 4 the config cannot be written; with --now that of bind,\n"
		"with --apply that of apply.",
	.options = OPTION_ROOT | OPTION_WITH | OPTION_DRIVER | OPTION_ALLOW | OPTION_DRY_RUN |
		   OPTION_NOW | OPTION_APPLY | OPTION_YES | OPTION_JSON,
	.most = 256,
	.run = run,
};
