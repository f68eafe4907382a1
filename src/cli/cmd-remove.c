/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early remove: one line less in the config, with the comment on it. */

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "config/draft.h"
#include "config/edit.h"
#include "lib/printable.h"
#include "line-choice.h"
#include "machine/machine.h"

struct removal {
	const struct request *request;
	struct machine machine;
	struct config_line line;
	struct edit edit;
	struct pci_address *taken; /* what the line takes before it is removed */
	size_t taken_count;
	unsigned int *idle; /* the numbers of the lines below that an invalid heading disarms */
	size_t idle_count;
};

static void removal_done(struct removal *removal)
{
	edit_done(&removal->edit);
	free(removal->taken);
	free(removal->idle);
	machine_done(&removal->machine);
}

static enum status load_and_find(struct removal *removal)
{
	enum status status = load_machine(removal->request, &removal->machine);

	return status == STATUS_WELL ? choose_line(&removal->machine, "remove",
						   removal->request->arguments[0], &removal->line)
				     : status;
}

/* Locks the line's file, and finds the line again: another edit may have come in between. */
static enum status lock(struct removal *removal)
{
	const struct config_line before = removal->line;
	enum status status = open_edit(&removal->edit, &removal->machine, before.file + 1,
				       removal->request->json != NULL);

	if (status != STATUS_WELL)
		return status;
	machine_done(&removal->machine);
	status = load_and_find(removal);
	if (status == STATUS_WELL && (strcmp(removal->line.file, before.file) ||
				      strcmp(removal->line.statement, before.statement))) {
		complain("%s: another edit has changed it just now; try again", before.file);
		return STATUS_UNWANTED;
	}
	return status;
}

/* Remembers the functions that the line takes: all of them can be released afterwards. */
static int note_taken(struct removal *removal)
{
	const struct match *match = &removal->machine.match;
	const struct rule *rule =
		draft_rule(&removal->machine, removal->line.file + 1, removal->line.line);

	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];
		const struct claim_line *line = claim_line(claim, rule);

		if (!line || line->result != RESULT_NONE || claim->result != RESULT_NONE)
			continue;
		if (ARRAY_GROW(removal->taken, removal->taken_count))
			return -ENOMEM;
		removal->taken[removal->taken_count++] = claim->function->address;
	}
	return 0;
}

/* Returns whether no boot can choose the heading above the rule, because it is invalid. */
static bool is_idle(const struct rule *rule)
{
	return rule->profile && !*rule->profile;
}

/* Remembers the lines below that count in no boot. */
static int note_idle(struct removal *removal)
{
	const struct conf *conf = &removal->machine.confdir.conf;

	for (size_t i = 0; i < conf->count; i++) {
		const struct rule *rule = &conf->rules[i];

		if (!is_idle(rule) || rule->place.line <= removal->line.line ||
		    strcmp(rule->place.file, removal->line.file))
			continue;
		if (ARRAY_GROW(removal->idle, removal->idle_count))
			return -ENOMEM;
		removal->idle[removal->idle_count++] = rule->place.line;
	}
	return 0;
}

/*
 * Prints each line that comes into force in the draft because the line removed is the invalid
 * heading above it. Returns how many there are.
 */
static size_t print_armed(const struct removal *removal)
{
	const char *file = removal->line.file;
	size_t count = 0;

	for (size_t i = 0; i < removal->idle_count; i++) {
		const unsigned int line = removal->idle[i];
		const struct rule *rule = draft_rule(&removal->machine, file + 1, line - 1);
		char statement[CONF_STATEMENT_SIZE];

		if (!rule || is_idle(rule))
			continue;
		if (!count++)
			complain("%s:%u: not removed: without this heading, the lines below it "
				 "come into force. Remove them first, or correct the heading:",
				 file, removal->line.line);
		confdir_statement(&removal->machine.confdir, &rule->place, statement);
		printable_print(stderr, "  %s:%u: %s\n", file, line, statement);
	}
	return count;
}

/* Drops from `taken` what another line goes on listing, and reports that line. */
static void drop_listed(struct removal *removal)
{
	size_t kept = 0;

	for (size_t i = 0; i < removal->taken_count; i++) {
		const struct pci_address *address = &removal->taken[i];
		const struct claim *claim = machine_claim_at(&removal->machine, address);
		struct text place = { 0 };

		if (!claim || claim->result != RESULT_NONE) {
			removal->taken[kept++] = *address;
			continue;
		}
		place_add(&claim->rule->place, &place);
		if (!removal->request->json)
			printable_print(stdout, "still listed: %s\n", text_string(&place));
		text_done(&place);
	}
	removal->taken_count = kept;
}

/* Prints what gives back at once what the line took, unless that is done. */
static void print_next(const struct removal *removal)
{
	struct text addresses = { 0 };

	add_addresses(removal->taken, removal->taken_count, &addresses);
	if (removal->request->now)
		puts("next: " ADVICE_APPLY_LATER);
	else if (!removal->taken_count)
		puts("next: " ADVICE_APPLY);
	else
		printable_print(stdout,
				"next: " ADVICE_APPLY
				"; or at once, without a reboot: vfio-early release%s%s%s\n",
				text_string(&addresses), ROOT_OPTION(removal->request->root));
	text_done(&addresses);
}

static void add_json(const struct removal *removal)
{
	const struct config_line *line = &removal->line;
	const struct place place = { line->file, line->line, 0 };
	struct json *json = removal->request->json;

	json_open(json, "lines", '[');
	json_open(json, NULL, '{');
	json_string(json, "file", line->file);
	json_place(json, &place);
	json_string(json, "statement", line->statement);
	json_boolean(json, "removed", !removal->request->dry_run);
	json_close(json);
	json_close(json);
}

/* Prints the result, and releases what the line took if that is wanted. */
static enum status finish(struct removal *removal)
{
	const struct request *request = removal->request;
	const struct config_line *line = &removal->line;
	enum status status = STATUS_WELL;

	edit_done(&removal->edit); /* a release may take long; another edit need not wait */
	if (request->json)
		add_json(removal);
	else
		printable_print(stdout, "%s from %s:%u: %s\n",
				request->dry_run ? "would be removed" : "removed", line->file,
				line->line, line->statement);
	drop_listed(removal);
	fflush(stdout);
	if (request->now && removal->taken_count)
		status = run_for(&command_release, request, removal->taken, removal->taken_count);
	if (!request->dry_run && !request->json)
		print_next(removal);
	return status;
}

/* Tries the config without the line. Returns 0 or -errno. */
static int draft_without(struct removal *removal, struct text *text)
{
	const char *file = removal->line.file + 1;
	const struct text *old = removal->request->dry_run ? draft_text(&removal->machine, file)
							   : &removal->edit.text;
	int error = note_taken(removal);

	if (!error)
		error = note_idle(removal);
	edit_cut(old, removal->line.line, text);
	if (!error)
		error = text_error(text);
	return error ? error : draft_match(&removal->machine, file, text);
}

static enum status cut_line(struct removal *removal)
{
	struct text text = { 0 };
	int error = draft_without(removal, &text);
	bool armed = !error && print_armed(removal);

	if (!error && !armed && !removal->request->dry_run)
		error = edit_commit(&removal->edit, &text);
	text_done(&text);
	if (armed)
		return STATUS_UNWANTED;
	if (!error)
		return finish(removal);
	complain("%s: cannot be written: %s", removal->line.file, edit_explain(error));
	return STATUS_ENVIRONMENT;
}

static enum status run(const struct request *request)
{
	_cleanup_(removal_done) struct removal removal = { .request = request, .edit = EDIT_NONE };
	enum status status = load_and_find(&removal);

	machine_note_errors(&removal.machine);
	if (status == STATUS_WELL && !request->dry_run)
		status = lock(&removal);
	return status == STATUS_WELL ? cut_line(&removal) : status;
}

const struct command command_remove = {
	.name = "remove",
	.arguments = "DEVICE",
	.summary = "take a device's line out of the config again",
	.details =
		"DEVICE is an address, a card (01:00) or an ID that a bind line lists, or FILE:LINE\n"
		"as messages have it, which may be any statement. The rest of the file stays as it\n"
		"is. An invalid heading is not removed if that brought lines below it into force.\n\n"
		"Exit status: 0 the line is gone, 1 there is none, or it must stay, 2 it is not\n"
		"clear which one is meant, 4 the config cannot be written; with --now that of\n"
		"release.",
	.options = OPTION_ROOT | OPTION_DRY_RUN | OPTION_NOW | OPTION_JSON,
	.least = 1,
	.most = 1,
	.run = run,
};
