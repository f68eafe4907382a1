/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the author of a line with an error probably meant. */

#include "machine/hints.h"

#include <string.h>
#include <strings.h>

#include "machine/card.h"

#define BLANKS " \t"

/* The line of an error, cut into what the hints look at. */
struct mistake {
	char statement[CONF_STATEMENT_SIZE];
	char first[64], wrong[64], next[64]; /* words: the first, the one in error, the one after */
};

static void copy_word(char *word, size_t size, const char *text)
{
	size_t length = strcspn(text, BLANKS);

	string_copy(word, length < size ? length + 1 : size, text);
}

/* The parser counts columns from the start of the line, and `statement` starts after the blanks. */
static void find_words(const char *message, struct mistake *mistake)
{
	const char *wrong = mistake->statement;

	copy_word(mistake->first, sizeof(mistake->first), mistake->statement);
	copy_word(mistake->wrong, sizeof(mistake->wrong), message);
	if (*mistake->wrong)
		mistake->wrong[strlen(mistake->wrong) - 1] = '\0'; /* the colon after it */
	while (wrong && (strncmp(wrong, mistake->wrong, strlen(mistake->wrong)) ||
			 !strchr(BLANKS, wrong[strlen(mistake->wrong)]))) {
		wrong += strcspn(wrong, BLANKS);
		wrong += strspn(wrong, BLANKS);
		wrong = *wrong ? wrong : NULL;
	}
	wrong = wrong ? wrong + strlen(mistake->wrong) : "";
	copy_word(mistake->next, sizeof(mistake->next), wrong + strspn(wrong, BLANKS));
}

static bool is_statement(const char *word)
{
	return !strcmp(word, "bind") || !strcmp(word, "keep");
}

static void add_guess(struct text *hint, const char *start, const char *rest)
{
	text_add(hint, "did you mean \"", start, rest, "\"?");
}

/* "01:00.0", without a statement */
static void hint_bind(const struct mistake *mistake, struct text *hint)
{
	struct pci_address address;
	struct pci_id id;

	if (!strcmp(mistake->first, mistake->wrong) &&
	    (!pci_address_parse(mistake->first, &address) || !pci_id_parse(mistake->first, &id)))
		add_guess(hint, "bind ", mistake->statement);
}

/* "options vfio-pci ...", as in modprobe.d, or another case */
static void hint_statement(const struct mistake *mistake, struct text *hint)
{
	static const char *const words[][2] = { { "options", "option" },
						{ "option", "option" },
						{ "bind", "bind" },
						{ "keep", "keep" },
						{ "start", "start" } };

	if (strcmp(mistake->first, mistake->wrong))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(words) && !hint->length; i++)
		if (!strcasecmp(mistake->first, words[i][0]) && strcmp(mistake->first, words[i][1]))
			add_guess(hint, words[i][1], mistake->statement + strlen(mistake->first));
}

/* "with functions" */
static void hint_setting(const struct mistake *mistake, struct text *hint)
{
	static const char *const names[] = { "with",	  "driver", "allow",  "count",
					     "rescue",	  "class",  "path",   "serial",
					     "subsystem", "id",	    "address" };

	char name[16];

	if (!is_statement(mistake->first) || !*mistake->next)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(mistake->wrong, names[i])) {
			string_join(name, sizeof(name), names[i], "=", NULL);
			add_guess(hint, name, mistake->next);
		}
}

/* "bind 01:00" */
static void hint_card(const struct mistake *mistake, struct text *hint)
{
	struct pci_address address;

	if (card_parse(mistake->wrong, &address) && is_statement(mistake->first))
		text_add(hint, "for all functions of the card: ", mistake->first, " ",
			 mistake->wrong, ".0",
			 strcmp(mistake->first, "bind") ? ", and a line for each other function"
							: " with=functions");
}

static int add_hint(const struct confdir *confdir, struct conf_error *error)
{
	static void (*const hints[])(const struct mistake *mistake,
				     struct text *hint) = { hint_bind, hint_statement, hint_setting,
							    hint_card };
	struct mistake mistake = { 0 };
	struct text hint = { 0 }, message = { 0 };
	char *longer;

	if (!error->place.line || !error->place.column)
		return 0;
	confdir_statement(confdir, &error->place, mistake.statement);
	find_words(error->message, &mistake);
	for (size_t i = 0; i < ARRAY_SIZE(hints) && !hint.length; i++)
		hints[i](&mistake, &hint);
	if (hint.length)
		text_add(&message, error->message, "; ", text_string(&hint));
	message.failed |= hint.failed;
	text_done(&hint);
	if (!message.length)
		return text_error(&message);
	longer = text_steal(&message);
	if (!longer)
		return -ENOMEM;
	free(error->message);
	error->message = longer;
	return 0;
}

int hints_add(struct confdir *confdir)
{
	struct conf *conf = &confdir->conf;
	int error = 0;

	for (size_t i = 0; i < conf->error_count && !error; i++)
		error = add_hint(confdir, &conf->errors[i]);
	return error;
}
