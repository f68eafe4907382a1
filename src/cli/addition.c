/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines that `add` writes: tried on the machine, all together, and written in one edit. */

#include "addition.h"

#include <string.h>

#include "config/draft.h"
#include "danger/danger.h"
#include "finding-print.h"

static void target_done(struct target *target)
{
	device_line_done(&target->line);
	text_done(&target->identity);
}

void addition_done(struct addition *add)
{
	for (size_t i = 0; i < add->count; i++)
		target_done(&add->targets[i]);
	free(add->targets);
	free(add->rules);
	findings_done(&add->dangers);
	edit_done(&add->edit);
	names_close(add->names);
	machine_done(&add->machine);
}

enum status addition_load(struct addition *add)
{
	enum status status = load_machine(&add->request, &add->machine);

	if (status == STATUS_WELL)
		status = require_devices(&add->machine);
	if (status != STATUS_WELL)
		return status;
	add->names = names_open(&add->machine);
	return add->names ? STATUS_WELL : fail("add", -ENOMEM);
}

/* It is an error if the line that lists the device does not bind it. */
static enum status check_listed(const struct addition *add, const struct target *target)
{
	const struct claim *claim = machine_claim_at(&add->machine, &target->line.address);
	const struct rule *rule = device_line_rule(&add->machine, &target->line.address);
	char address[PCI_ADDRESS_SIZE], statement[CONF_STATEMENT_SIZE];
	struct text place = { 0 };

	if (claim->result == RESULT_NONE)
		return STATUS_WELL;
	place_add(&rule->place, &place);
	confdir_statement(&add->machine.confdir, &rule->place, statement);
	complain("%s: listed already, but %s: %s: %s; edit that line, or remove it first: "
		 "vfio-early remove %s%s%s",
		 pci_address_format(&target->line.address, address), result_name(claim->result),
		 text_string(&place), statement, text_string(&place),
		 ROOT_OPTION(add->request.root));
	text_done(&place);
	return STATUS_UNWANTED;
}

/* All lines have to be in one file, so that they are written together or not at all. */
static enum status use_file(struct addition *add, const struct target *target)
{
	const char *file = target->line.file;
	char address[PCI_ADDRESS_SIZE];

	if (*add->file && strcmp(add->file, file)) {
		complain("%s: its line belongs to /%s, and the others to /%s; add it by a command "
			 "of its own",
			 pci_address_format(&target->line.address, address), file, add->file);
		return STATUS_UNWANTED;
	}
	string_copy(add->file, sizeof(add->file), file);
	return require_trust(&add->machine, file);
}

/* A new line moves those below it, which an earlier device may have. */
static void move_numbers(struct addition *add, const struct target *target)
{
	for (struct target *other = add->targets; other < target; other++)
		if (!other->line.is_listed && !*target->line.before &&
		    other->line.number >= target->line.number)
			other->line.number++;
}

static enum status draft_target(struct addition *add, struct target *target)
{
	enum status status;
	int error;

	device_line_find(&add->machine, &target->line);
	if (target->line.is_listed)
		return check_listed(add, target);
	status = use_file(add, target);
	if (status != STATUS_WELL)
		return status;
	error = device_line_draft(&add->machine, add->names, &target->line);
	if (error)
		return fail("add", error);
	move_numbers(add, target);
	return STATUS_WELL;
}

/* Finds the rules of the draft: each draft parses the whole config again. */
static int find_rules(struct addition *add)
{
	free(add->rules);
	add->rule_count = 0;
	add->rules = calloc(add->count, sizeof(const struct rule *));
	if (!add->rules)
		return -ENOMEM;
	for (size_t i = 0; i < add->count; i++) {
		struct target *target = &add->targets[i];

		target->rule = NULL;
		if (target->line.is_listed)
			continue;
		target->rule = draft_rule(&add->machine, target->line.file, target->line.number);
		if (!target->rule)
			return -EINVAL;
		add->rules[add->rule_count++] = target->rule;
	}
	return 0;
}

enum status addition_draft(struct addition *add)
{
	enum status status = STATUS_WELL;
	int error;

	*add->file = '\0';
	for (size_t i = 0; i < add->count && status == STATUS_WELL; i++)
		status = draft_target(add, &add->targets[i]);
	if (status != STATUS_WELL)
		return status;
	findings_done(&add->dangers);
	error = find_rules(add);
	if (!error && add->rule_count)
		error = dangers_find(&add->machine, &add->dangers);
	return error ? fail("add", error) : STATUS_WELL;
}

/* Does every line of the draft do what it is for? */
enum status addition_check(const struct addition *add)
{
	const struct match *match = &add->machine.match;
	bool wrong = false;

	for (size_t i = 0; i < add->rule_count; i++) {
		const struct rule *rule = add->rules[i];
		const struct line_match *line = match_line(match, rule);

		if (line->result != RESULT_NONE)
			complain("add: the line would be %s: %s", result_name(line->result),
				 line->reason ? line->reason : "");
		wrong |= line->result != RESULT_NONE ||
			 findings_refuse(&add->dangers, &add->machine, rule, TAKE_LIST);
	}
	return wrong ? STATUS_UNWANTED : STATUS_WELL;
}

enum status addition_reload(struct addition *add)
{
	names_close(add->names);
	add->names = NULL;
	findings_done(&add->dangers);
	machine_done(&add->machine);
	return addition_load(add);
}

/*
 * Writes the file. Under the lock the config is read and the lines are tried again: another edit
 * may have come in between.
 */
static enum status lock_and_draft(struct addition *add)
{
	char file[ROOT_PATH_SIZE];
	enum status status =
		open_edit(&add->edit, &add->machine, add->file, add->request.json != NULL);
	int error;

	string_copy(file, sizeof(file), add->file);
	if (status == STATUS_WELL)
		status = addition_reload(add);
	if (status != STATUS_WELL)
		return status;
	error = draft_match(&add->machine, file, &add->edit.text);
	if (error)
		return fail("add", error);
	status = addition_draft(add);
	if (status == STATUS_WELL)
		status = addition_check(add);
	if (status == STATUS_WELL && *add->file && strcmp(file, add->file)) {
		complain("/%s: another edit has changed it just now; try again", file);
		return STATUS_UNWANTED;
	}
	return status;
}

enum status addition_write(struct addition *add)
{
	enum status status = lock_and_draft(add);
	int error;

	if (status != STATUS_WELL || !add->rule_count)
		return status;
	error = edit_commit(&add->edit, draft_text(&add->machine, add->file));
	if (!error)
		return STATUS_WELL;
	complain("/%s: cannot be written: %s", add->edit.path, edit_explain(error));
	return STATUS_ENVIRONMENT;
}

/* Returns the line of a target; for one that was listed already only with --now. */
static const struct rule *rule_to_bind(const struct addition *add, const struct target *target)
{
	if (!target->line.is_listed)
		return target->rule;
	return add->request.now ? device_line_rule(&add->machine, &target->line.address) : NULL;
}

static bool is_taken(const struct addition *add, const struct claim *claim)
{
	for (size_t i = 0; i < add->count && claim->result == RESULT_NONE; i++) {
		const struct rule *rule = rule_to_bind(add, &add->targets[i]);

		if (rule && claim_line(claim, rule))
			return true;
	}
	return false;
}

/* Finds the functions that the lines of the targets take. The caller frees `*ret`. */
int addition_find_taken(const struct addition *add, struct pci_address **ret, size_t *ret_count)
{
	const struct match *match = &add->machine.match;

	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];

		if (!is_taken(add, claim))
			continue;
		if (ARRAY_GROW(*ret, *ret_count))
			return -ENOMEM;
		(*ret)[(*ret_count)++] = claim->function->address;
	}
	return 0;
}
