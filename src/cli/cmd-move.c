/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early move: changes the address and the path of a line to where its device is now. What the
 * line says of who the device is stays, and has to be true of the device at the new place.
 */

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "condition.h"
#include "config/draft.h"
#include "danger/danger.h"
#include "finding-print.h"
#include "lib/printable.h"
#include "line-choice.h"
#include "machine/moved.h"
#include "machine/sysfs.h"

struct move {
	const struct request *request;
	struct machine machine;
	struct config_line line;
	struct pci_address address; /* the new one */
	struct text old, text;	    /* the file as it is, and as it will be */
};

static void move_done(struct move *move)
{
	text_done(&move->old);
	text_done(&move->text);
	machine_done(&move->machine);
}

static const struct rule *find_rule(const struct move *move)
{
	return draft_rule(&move->machine, move->line.file + 1, move->line.line);
}

/* Only a bind line that says where the device is can be changed. */
static enum status require_place(const struct move *move)
{
	const struct rule *rule = find_rule(move);

	if (rule && rule->statement == STATEMENT_BIND &&
	    rule->given & (CONDITION_ADDRESS | CONDITION_PATH))
		return STATUS_WELL;
	complain("%s:%u: not a bind line with an address or path=: %s", move->line.file,
		 move->line.line, move->line.statement);
	return STATUS_UNWANTED;
}

/* The device at the place that the user names has to be the one that the line describes. */
static enum status find_named(struct move *move, const struct rule *rule)
{
	const char *word = move->request->arguments[1];
	bool card;
	enum status status = find_function(&move->machine, "move", word, &move->address, &card);

	if (status != STATUS_WELL)
		return status;
	if (!(condition_missed(rule, pci_find(&move->machine.snapshot, &move->address)) &
	      CONDITIONS_IDENTITY))
		return STATUS_WELL;
	complain("%s: not the device that %s:%u describes. Remove the line, and add the device: "
		 "vfio-early remove %s:%u%s%s",
		 word, move->line.file, move->line.line, move->line.file, move->line.line,
		 ROOT_OPTION(move->request->root));
	return STATUS_UNWANTED;
}

/* Prints the devices that the line may mean. */
static enum status report_several(const struct move *move, const struct rule *rule)
{
	const struct pci_snapshot *snapshot = &move->machine.snapshot;
	char address[PCI_ADDRESS_SIZE];
	size_t count = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		if (!moved_may_be(&move->machine, rule, &snapshot->functions[i]))
			continue;
		if (!count++)
			complain("%s:%u: several devices can be meant; name one of them:",
				 move->line.file, move->line.line);
		printable_print(stderr, "  vfio-early move %s %s%s%s\n",
				move->request->arguments[0],
				pci_address_format(&snapshot->functions[i].address, address),
				ROOT_OPTION(move->request->root));
	}
	if (!count)
		complain("%s:%u: no other device is as the line describes, or each has a line",
			 move->line.file, move->line.line);
	return count ? STATUS_USAGE : STATUS_UNWANTED;
}

/* Finds the new place: the one that the user names, or the only one that the line can mean. */
static enum status find_place(struct move *move)
{
	const struct rule *rule = find_rule(move);
	const struct line_match *match = match_line(&move->machine.match, rule);
	const struct pci_function *function;

	if (move->request->count > 1)
		return find_named(move, rule);
	if (match->result == RESULT_NONE) {
		complain("%s:%u: the device is where the line says", move->line.file,
			 move->line.line);
		return STATUS_UNWANTED;
	}
	function = moved_find(&move->machine, rule);
	if (!function)
		return report_several(move, rule);
	move->address = function->address;
	return STATUS_WELL;
}

/* Replaces the address, which the line has in any form that the parser understands. */
static void set_address(const struct move *move, struct text *text)
{
	char copy[CONF_STATEMENT_SIZE], address[PCI_ADDRESS_SIZE], *rest;
	struct pci_address old;

	string_copy(copy, sizeof(copy), move->line.statement);
	pci_address_format(&move->address, address);
	for (char *word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		const char *value = prefix_skip(word, "address=");

		if (!pci_address_parse(value ? value : word, &old))
			edit_word(text, move->line.line, word, address);
	}
}

static int set_path(const struct move *move, struct text *text)
{
	char formatted[PCI_PATH_SIZE];
	struct text word = { 0 };
	struct pci_path path;

	if (!sysfs_path(&move->machine.root, &move->address, &path))
		return -ENODEV;
	text_add(&word, "path=", pci_path_format(&path, formatted));
	edit_word(text, move->line.line, "path=", text_string(&word));
	text->failed |= word.failed;
	text_done(&word);
	return 0;
}

/* Makes the new text of the file. */
static int compose(struct move *move)
{
	const struct text *old = draft_text(&move->machine, move->line.file + 1);
	const unsigned int given = find_rule(move)->given;
	int error = 0;

	text_add_bytes(&move->old, text_string(old), old->length);
	text_add_bytes(&move->text, text_string(old), old->length);
	if (given & CONDITION_ADDRESS)
		set_address(move, &move->text);
	if (given & CONDITION_PATH)
		error = set_path(move, &move->text);
	if (!error)
		error = text_error(&move->old);
	return error ? error : text_error(&move->text);
}

/* Tries the line on this machine. */
static enum status check(struct move *move)
{
	_cleanup_(findings_done) struct findings dangers = { 0 };
	const struct rule *rule;
	const struct line_match *line;
	int error = draft_match(&move->machine, move->line.file + 1, &move->text);

	if (!error)
		error = dangers_find(&move->machine, &dangers);
	if (error)
		return fail("move", error);
	rule = find_rule(move);
	line = match_line(&move->machine.match, rule);
	if (line->result != RESULT_NONE && line->result != RESULT_INACTIVE) {
		complain("move: the line would be %s: %s", result_name(line->result),
			 line->reason ? line->reason : "");
		return STATUS_UNWANTED;
	}
	if (findings_refuse(&dangers, &move->machine, rule, TAKE_LIST))
		return STATUS_UNWANTED;
	findings_warn(&dangers, &rule, 1);
	return STATUS_WELL;
}

/* Prints the line as it will be and as it is. */
static void print_change(const struct move *move)
{
	char statement[CONF_STATEMENT_SIZE];

	confdir_statement(&move->machine.confdir, &find_rule(move)->place, statement);
	printable_print(stdout, "%s%s:%u: %s\n", move->request->dry_run ? "would change " : "",
			move->line.file, move->line.line, statement);
	printable_print(stdout, "    before: %s\n", move->line.statement);
	fflush(stdout);
}

static enum status agree(const struct move *move)
{
	if (move->request->yes)
		return STATUS_WELL;
	if (!can_ask())
		complain("move: no terminal to ask at; nothing was written. To change the line: "
			 "--yes");
	else if (ask_yes("Change the line?", false))
		return STATUS_WELL;
	else
		complain("move: nothing was written");
	return STATUS_UNWANTED;
}

static enum status write_file(const struct move *move)
{
	_cleanup_(edit_done) struct edit edit = EDIT_NONE;
	enum status status = open_edit(&edit, &move->machine, move->line.file + 1, false);
	int error;

	if (status != STATUS_WELL)
		return status;
	error = text_equal(&edit.text, &move->old) ? edit_commit(&edit, &move->text) : -ESTALE;
	if (error) {
		complain("%s: cannot be written: %s", move->line.file, edit_explain(error));
		return STATUS_ENVIRONMENT;
	}
	puts("next: " ADVICE_APPLY);
	return STATUS_WELL;
}

static enum status change(struct move *move)
{
	int error = compose(move);
	enum status status = error ? fail("move", error) : check(move);

	if (status != STATUS_WELL)
		return status;
	print_change(move);
	if (move->request->dry_run)
		return STATUS_WELL;
	status = agree(move);
	return status == STATUS_WELL ? write_file(move) : status;
}

static enum status run(const struct request *request)
{
	_cleanup_(move_done) struct move move = { .request = request };
	enum status status = load_machine(request, &move.machine);

	if (status == STATUS_WELL)
		status = require_devices(&move.machine);
	machine_note_errors(&move.machine);
	if (status == STATUS_WELL)
		status = choose_line(&move.machine, "move", request->arguments[0], &move.line);
	if (status == STATUS_WELL)
		status = require_place(&move);
	if (status == STATUS_WELL)
		status = find_place(&move);
	return status == STATUS_WELL ? change(&move) : status;
}

const struct command command_move = {
	.name = "move",
	.arguments = "OLD [NEW]",
	.summary = "change a line to the address that its device has now",
	.details =
		"OLD is the address that the line has, or FILE:LINE as messages have it. NEW is the\n"
		"address of the device now; without NEW, the only device that the line can mean.\n"
		"Changes the address and the path of the line. The device must have the ID, the\n"
		"serial number and whatever else the line says of it. Prints the old and the new\n"
		"line, and asks.\n\n"
		"Exit status: 0 the line is changed, 1 it is not, 2 it is not clear which line or\n"
		"which device is meant, 4 the config cannot be written.",
	.options = OPTION_ROOT | OPTION_DRY_RUN | OPTION_YES,
	.least = 1,
	.most = 2,
	.run = run,
};
