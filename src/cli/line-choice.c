/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which line of the config a word of the command line means. */

#include "line-choice.h"

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "lib/printable.h"
#include "machine/card.h"

/* The lines that the word can mean. */
struct lines {
	const char *command, *word;
	const struct machine *machine;
	struct config_line *candidates;
	size_t count;
};

static int add_candidate(struct lines *lines, const struct place *place)
{
	struct config_line *candidate;

	for (size_t i = 0; i < lines->count; i++)
		if (lines->candidates[i].line == place->line &&
		    !strcmp(lines->candidates[i].file, place->file))
			return 0;
	if (ARRAY_GROW(lines->candidates, lines->count))
		return -ENOMEM;
	candidate = &lines->candidates[lines->count++];
	candidate->line = place->line;
	string_copy(candidate->file, sizeof(candidate->file), place->file);
	confdir_statement(&lines->machine->confdir, place, candidate->statement);
	return 0;
}

/* The bind lines that state `condition` as `stated` does. */
static int find_stated(struct lines *lines, unsigned int condition, const struct rule *stated)
{
	const struct conf *conf = &lines->machine->confdir.conf;
	int error = 0;

	for (size_t i = 0; i < conf->count && !error; i++) {
		const struct rule *rule = &conf->rules[i];
		bool same = condition == CONDITION_ADDRESS
				    ? !pci_address_compare(&rule->address, &stated->address)
				    : pci_id_equal(&rule->id, &stated->id);

		if (rule->statement == STATEMENT_BIND && rule->given & condition && same)
			error = add_candidate(lines, &rule->place);
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
static enum status find_selecting(struct lines *lines, const struct pci_address *address)
{
	const struct claim *claim = machine_claim_at(lines->machine, address);
	struct text place = { 0 };

	if (!claim)
		return STATUS_WELL;
	if (count_claims(&lines->machine->match, claim->rule) == 1) {
		int error = add_candidate(lines, &claim->rule->place);

		return error ? fail(lines->command, error) : STATUS_WELL;
	}
	place_add(&claim->rule->place, &place);
	complain("%s: %s lists it together with other devices; edit that line, or take all "
		 "of it out: vfio-early remove %s%s%s",
		 lines->word, text_string(&place), text_string(&place),
		 ROOT_OPTION(lines->machine->directory));
	text_done(&place);
	return STATUS_UNWANTED;
}

static enum status find_address(struct lines *lines, const struct rule *stated)
{
	int error = find_stated(lines, CONDITION_ADDRESS, stated);

	if (error)
		return fail(lines->command, error);
	return lines->count ? STATUS_WELL : find_selecting(lines, &stated->address);
}

/* FILE:LINE or FILE:LINE:COLUMN, as messages have them; any line with a statement or an error. */
static enum status find_place(struct lines *lines, const char *word)
{
	const struct conf *conf = &lines->machine->confdir.conf;
	const char *colon = strchr(word, ':');
	struct place place = { 0 };
	uint64_t line = 0;
	char file[ROOT_PATH_SIZE];
	int error = 0;

	string_copy(file, colon - word < ROOT_PATH_SIZE ? colon - word + 1 : ROOT_PATH_SIZE, word);
	if (!number_parse(colon + 1, 10, UINT32_MAX, &line)) {
		complain("%s: not FILE:LINE (expected, for example, /" CONFDIR_MAIN ":3)", word);
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
		error = add_candidate(lines, &place);
	return error ? fail(lines->command, error) : STATUS_WELL;
}

static enum status find_lines(struct lines *lines)
{
	const char *word = lines->word;
	struct rule stated;
	int error;

	if (*word == '/' && strchr(word, ':'))
		return find_place(lines, word);
	if (!pci_address_parse(word, &stated.address) || card_parse(word, &stated.address))
		return find_address(lines, &stated);
	if (pci_id_parse(word, &stated.id)) {
		complain("not an address, ID or FILE:LINE: %s; \"vfio-early status\" shows "
			 "what is listed, and where",
			 word);
		return STATUS_USAGE;
	}
	error = find_stated(lines, CONDITION_ID, &stated);
	return error ? fail(lines->command, error) : STATUS_WELL;
}

/* Returns the keep line that states the address, or NULL. */
static const struct rule *find_keep_line(const struct lines *lines)
{
	const struct conf *conf = &lines->machine->confdir.conf;
	struct pci_address address;

	if (pci_address_parse(lines->word, &address))
		return NULL;
	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].statement == STATEMENT_KEEP &&
		    conf->rules[i].given & CONDITION_ADDRESS &&
		    !pci_address_compare(&conf->rules[i].address, &address))
			return &conf->rules[i];
	return NULL;
}

static enum status report_none(const struct lines *lines)
{
	const struct rule *keep = find_keep_line(lines);

	if (keep) {
		complain("%s: no line lists it, but %s:%u keeps it for the host. To remove "
			 "that line: vfio-early remove %s:%u%s%s",
			 lines->word, keep->place.file, keep->place.line, keep->place.file,
			 keep->place.line, ROOT_OPTION(lines->machine->directory));
		return STATUS_UNWANTED;
	}
	complain("%s: no line lists it; \"vfio-early status\" shows what is listed, and where",
		 lines->word);
	return STATUS_UNWANTED;
}

static enum status report_many(const struct lines *lines)
{
	complain("%s: %zu lines list it; name one of them:", lines->word, lines->count);
	for (size_t i = 0; i < lines->count; i++)
		printable_print(stderr, "  vfio-early %s %s:%u%s%s  # %s\n", lines->command,
				lines->candidates[i].file, lines->candidates[i].line,
				ROOT_OPTION(lines->machine->directory),
				lines->candidates[i].statement);
	return STATUS_USAGE;
}

/* Exactly one line has to be meant. */
static enum status check_count(const struct lines *lines, struct config_line *ret)
{
	if (!lines->count)
		return report_none(lines);
	if (lines->count > 1)
		return report_many(lines);
	*ret = lines->candidates[0];
	return STATUS_WELL;
}

enum status choose_line(const struct machine *machine, const char *command, const char *word,
			struct config_line *ret)
{
	struct lines lines = { .command = command, .word = word, .machine = machine };
	enum status status = find_lines(&lines);

	if (status == STATUS_WELL)
		status = check_count(&lines, ret);
	free(lines.candidates);
	return status;
}
