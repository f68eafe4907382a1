/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early remove: one line less in the config, with the comment on it. */

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "config/draft.h"
#include "config/edit.h"
#include "lib/printable.h"
#include "machine/card.h"
#include "machine/machine.h"

/* A line of the config, to be removed. `file` starts with "/". */
struct candidate {
	char file[ROOT_PATH_SIZE];
	unsigned int line;
	char statement[CONF_STATEMENT_SIZE];
};

struct removal {
	const struct request *request;
	struct machine machine;
	struct candidate *candidates;
	size_t count;
	struct edit edit;
	struct pci_address *taken; /* what the line takes before it is removed */
	size_t taken_count;
};

static void removal_done(struct removal *removal)
{
	edit_done(&removal->edit);
	free(removal->candidates);
	free(removal->taken);
	machine_done(&removal->machine);
}

static int add_candidate(struct removal *removal, const struct place *place)
{
	struct candidate *candidate;

	for (size_t i = 0; i < removal->count; i++)
		if (removal->candidates[i].line == place->line &&
		    !strcmp(removal->candidates[i].file, place->file))
			return 0;
	if (ARRAY_GROW(removal->candidates, removal->count))
		return -ENOMEM;
	candidate = &removal->candidates[removal->count++];
	candidate->line = place->line;
	string_copy(candidate->file, sizeof(candidate->file), place->file);
	confdir_statement(&removal->machine.confdir, place, candidate->statement);
	return 0;
}

/* The bind lines that state `condition` as `stated` does. */
static int find_stated(struct removal *removal, unsigned int condition, const struct rule *stated)
{
	const struct conf *conf = &removal->machine.confdir.conf;
	int error = 0;

	for (size_t i = 0; i < conf->count && !error; i++) {
		const struct rule *rule = &conf->rules[i];
		bool same = condition == CONDITION_ADDRESS
				    ? !pci_address_compare(&rule->address, &stated->address)
				    : pci_id_equal(&rule->id, &stated->id);

		if (rule->statement == STATEMENT_BIND && rule->given & condition && same)
			error = add_candidate(removal, &rule->place);
	}
	return error;
}

static size_t count_claims(const struct match *match, const struct rule *rule)
{
	size_t count = 0;

	for (size_t i = 0; i < match->claim_count; i++)
		count += claim_line(&match->claims[i], rule) != NULL;
	return count;
}

/* The line that selects the function without stating its address, if it selects nothing else. */
static enum status find_selecting(struct removal *removal, const struct pci_address *address)
{
	const struct claim *claim = machine_claim_at(&removal->machine, address);
	struct text place = { 0 };

	if (!claim)
		return STATUS_WELL;
	if (count_claims(&removal->machine.match, claim->rule) == 1) {
		int error = add_candidate(removal, &claim->rule->place);

		return error ? fail("remove", error) : STATUS_WELL;
	}
	place_add(&claim->rule->place, &place);
	complain("%s: %s lists it together with other devices; edit that line, or take all "
		 "of it out: vfio-early remove %s",
		 removal->request->arguments[0], text_string(&place), text_string(&place));
	text_done(&place);
	return STATUS_UNWANTED;
}

static enum status find_address(struct removal *removal, const struct rule *stated)
{
	int error = find_stated(removal, CONDITION_ADDRESS, stated);

	if (error)
		return fail("remove", error);
	return removal->count ? STATUS_WELL : find_selecting(removal, &stated->address);
}

/* FILE:LINE or FILE:LINE:COLUMN, as messages have them; any line with a statement or an error. */
static enum status find_place(struct removal *removal, const char *word)
{
	const struct conf *conf = &removal->machine.confdir.conf;
	const char *colon = strchr(word, ':');
	struct place place = { 0 };
	uint64_t line = 0;
	char file[ROOT_PATH_SIZE];
	int error = 0;

	string_copy(file, colon - word < ROOT_PATH_SIZE ? colon - word + 1 : ROOT_PATH_SIZE, word);
	if (!number_parse(colon + 1, 10, UINT32_MAX, &line)) {
		complain("%s: is no FILE:LINE; one looks like /" CONFDIR_MAIN ":3", word);
		return STATUS_USAGE;
	}
	for (size_t i = 0; i < conf->count && !place.file; i++)
		if (conf->rules[i].place.line == line && !conf->rules[i].generated &&
		    !strcmp(conf->rules[i].place.file, file))
			place = conf->rules[i].place;
	for (size_t i = 0; i < conf->error_count && !place.file; i++)
		if (line && conf->errors[i].place.line == line &&
		    !strcmp(conf->errors[i].place.file, file))
			place = conf->errors[i].place;
	if (place.file)
		error = add_candidate(removal, &place);
	return error ? fail("remove", error) : STATUS_WELL;
}

static enum status find_lines(struct removal *removal)
{
	const char *word = removal->request->arguments[0];
	struct rule stated;
	int error;

	free(removal->candidates);
	removal->candidates = NULL;
	removal->count = 0;
	if (*word == '/' && strchr(word, ':'))
		return find_place(removal, word);
	if (!pci_address_parse(word, &stated.address) || card_parse(word, &stated.address))
		return find_address(removal, &stated);
	if (pci_id_parse(word, &stated.id)) {
		complain("not an address, ID or FILE:LINE: %s; \"vfio-early status\" shows "
			 "what is listed, and where",
			 word);
		return STATUS_USAGE;
	}
	error = find_stated(removal, CONDITION_ID, &stated);
	return error ? fail("remove", error) : STATUS_WELL;
}

/* Returns the keep line that states the address, or NULL. */
static const struct rule *find_keep_line(const struct removal *removal)
{
	const struct conf *conf = &removal->machine.confdir.conf;
	struct pci_address address;

	if (pci_address_parse(removal->request->arguments[0], &address))
		return NULL;
	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].statement == STATEMENT_KEEP &&
		    conf->rules[i].given & CONDITION_ADDRESS &&
		    !pci_address_compare(&conf->rules[i].address, &address))
			return &conf->rules[i];
	return NULL;
}

static enum status report_none(const struct removal *removal)
{
	const struct rule *keep = find_keep_line(removal);

	if (keep) {
		complain("%s: no line lists it, but %s:%u keeps it for the host. To remove "
			 "that line: vfio-early remove %s:%u",
			 removal->request->arguments[0], keep->place.file, keep->place.line,
			 keep->place.file, keep->place.line);
		return STATUS_UNWANTED;
	}
	complain("%s: no line lists it; \"vfio-early status\" shows what is listed, and where",
		 removal->request->arguments[0]);
	return STATUS_UNWANTED;
}

static enum status report_many(const struct removal *removal)
{
	complain("%s: %zu lines list it; name one of them:", removal->request->arguments[0],
		 removal->count);
	for (size_t i = 0; i < removal->count; i++)
		printable_print(stderr, "  vfio-early remove %s:%u  # %s\n",
				removal->candidates[i].file, removal->candidates[i].line,
				removal->candidates[i].statement);
	return STATUS_USAGE;
}

/* Exactly one line has to be meant. */
static enum status load_and_find(struct removal *removal)
{
	enum status status = load_machine(removal->request, &removal->machine);

	if (status == STATUS_WELL)
		status = find_lines(removal);
	if (status != STATUS_WELL)
		return status;
	if (!removal->candidates)
		return report_none(removal);
	return removal->count == 1 ? STATUS_WELL : report_many(removal);
}

/* Locks the line's file, and finds the line again: another edit may have come in between. */
static enum status lock(struct removal *removal)
{
	const struct candidate before = removal->candidates[0];
	enum status status = open_edit(&removal->edit, &removal->machine, before.file + 1,
				       removal->request->json != NULL);

	if (status != STATUS_WELL)
		return status;
	machine_done(&removal->machine);
	status = load_and_find(removal);
	if (status == STATUS_WELL && (strcmp(removal->candidates[0].file, before.file) ||
				      strcmp(removal->candidates[0].statement, before.statement))) {
		complain("%s: another edit has changed it just now; try again", before.file);
		return STATUS_UNWANTED;
	}
	return status;
}

/* Remembers the functions that the line takes: all of them can be released afterwards. */
static int note_taken(struct removal *removal)
{
	const struct match *match = &removal->machine.match;
	const struct candidate *candidate = &removal->candidates[0];
	const struct rule *rule =
		draft_rule(&removal->machine, candidate->file + 1, candidate->line);

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
		printable_print(stdout, "still listed: %s\n", text_string(&place));
		text_done(&place);
	}
	removal->taken_count = kept;
}

/* Prints what gives back at once what the line took. */
static void print_next(const struct removal *removal)
{
	const char *root = removal->request->root;
	char address[PCI_ADDRESS_SIZE];

	fputs("next: " ADVICE_APPLY, stdout);
	if (removal->taken_count)
		fputs("; or at once, without a reboot: vfio-early release", stdout);
	for (size_t i = 0; i < removal->taken_count; i++)
		printf(" %s", pci_address_format(&removal->taken[i], address));
	if (removal->taken_count && strcmp(root, "/"))
		printable_print(stdout, " --root %s", root);
	putchar('\n');
}

static void print_removed(struct removal *removal, const struct text *text)
{
	const struct candidate *candidate = &removal->candidates[0];
	bool dry_run = removal->request->dry_run;

	printable_print(stdout, "%s from %s:%u: %s\n", dry_run ? "would be removed" : "removed",
			candidate->file, candidate->line, candidate->statement);
	if (!draft_match(&removal->machine, candidate->file + 1, text))
		drop_listed(removal);
	if (!dry_run)
		print_next(removal);
}

static enum status cut_line(struct removal *removal)
{
	const struct candidate *candidate = &removal->candidates[0];
	bool dry_run = removal->request->dry_run;
	const struct text *old = &removal->edit.text;
	struct text text = { 0 };
	int error;

	if (dry_run)
		old = draft_text(&removal->machine, candidate->file + 1);
	edit_cut(old, candidate->line, &text);
	error = note_taken(removal);
	if (!error)
		error = dry_run ? text_error(&text) : edit_commit(&removal->edit, &text);
	if (error)
		complain("%s: cannot be written: %s", candidate->file, edit_explain(error));
	else
		print_removed(removal, &text);
	text_done(&text);
	return error ? STATUS_ENVIRONMENT : STATUS_WELL;
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
		"DEVICE is an address or an ID that a bind line lists, or FILE:LINE as messages\n"
		"have it, which may be any statement. The rest of the file stays as it is.\n\n"
		"Exit status: 0 the line is gone, 1 there is none, 2 it is not clear which one\n"
		"is meant, 4 the config cannot be written.",
	.options = OPTION_ROOT | OPTION_DRY_RUN,
	.least = 1,
	.most = 1,
	.run = run,
};
