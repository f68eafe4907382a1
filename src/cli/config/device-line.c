/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line that a device has in the config, or will have. */

#include "config/device-line.h"

#include <string.h>

#include "condition.h"
#include "config/bind-line.h"
#include "config/draft.h"
#include "config/edit.h"

void settings_add(const struct settings *settings, struct text *text)
{
	if (settings->with)
		text_add(text, " with=", settings->with);
	if (settings->driver)
		text_add(text, " driver=", settings->driver);
	for (const char *const *allow = settings->allow; *allow; allow++)
		text_add(text, " allow=", *allow);
}

void device_line_done(struct device_line *line)
{
	text_done(&line->text);
}

/* How many functions the conditions of the rule select, those that with= adds left out. */
static size_t count_stated(const struct match *match, const struct rule *rule)
{
	size_t count = 0;

	for (size_t i = 0; i < match->claim_count; i++)
		count += claim_line(&match->claims[i], rule) &&
			 !condition_missed(rule, match->claims[i].function);
	return count;
}

/* Returns the rule that counts in every boot and selects the device and nothing else, or NULL. */
static const struct rule *find_own_rule(const struct machine *machine,
					const struct pci_address *address)
{
	const struct claim *claim = machine_claim_at(machine, address);

	for (size_t i = 0; claim && i < claim->line_count; i++) {
		const struct rule *rule = claim->lines[i].rule;

		if (!rule->profile && !condition_missed(rule, claim->function) &&
		    count_stated(&machine->match, rule) == 1)
			return rule;
	}
	return NULL;
}

/* Returns the rule that lists the claimed device in every boot, or NULL. */
static const struct rule *find_listing_rule(const struct claim *claim)
{
	if (!claim->rule->profile)
		return claim->rule;
	for (size_t i = 0; i < claim->line_count; i++)
		if (!claim->lines[i].rule->profile && claim->lines[i].result == RESULT_NONE)
			return claim->lines[i].rule;
	return NULL;
}

const struct rule *device_line_rule(const struct machine *machine,
				    const struct pci_address *address)
{
	const struct claim *claim = machine_claim_at(machine, address);

	return claim ? find_listing_rule(claim) : NULL;
}

static enum with with_of(const char *word)
{
	return strcmp(word, "group") ? WITH_FUNCTIONS : WITH_GROUP;
}

static unsigned int allow_bit(const char *word)
{
	return strcmp(word, "in-use") ? ALLOW_BOOT_DISPLAY : ALLOW_IN_USE;
}

static bool changes_with(const struct settings *settings, const struct rule *rule)
{
	return settings->with && with_of(settings->with) != rule->with;
}

static bool changes_driver(const struct settings *settings, const struct rule *rule)
{
	return settings->driver && strcmp(settings->driver, rule->driver);
}

/* Returns whether the settings say something of the function that the rule does not say. */
static bool asks_more(const struct settings *settings, const struct rule *rule,
		      const struct pci_function *function)
{
	unsigned int allowed = match_allows(rule, function);

	for (const char *const *allow = settings->allow; *allow; allow++)
		if (!(allowed & allow_bit(*allow)))
			return true;
	return changes_with(settings, rule) || changes_driver(settings, rule);
}

void device_line_find(const struct machine *machine, struct device_line *line)
{
	const struct claim *claim = machine_claim_at(machine, &line->address);
	const struct rule *own = find_own_rule(machine, &line->address);
	const struct rule *listing = claim ? find_listing_rule(claim) : NULL;

	string_copy(line->file, sizeof(line->file), own ? own->place.file + 1 : CONFDIR_MAIN);
	line->is_listed = listing && !asks_more(&line->settings, listing, claim->function);
}

static void set_word(struct text *text, unsigned int number, const char *name, const char *value)
{
	struct text word = { 0 };

	text_add(&word, name, value);
	/* A line can have several allow=: the whole word says which one. */
	edit_word(text, number, strcmp(name, "allow=") ? name : text_string(&word),
		  text_string(&word));
	text->failed |= word.failed;
	text_done(&word);
}

/* Changes the settings of the line that the device has. */
static void amend(const struct machine *machine, const struct rule *rule, struct device_line *line,
		  struct text *text)
{
	const struct settings *settings = &line->settings;

	line->number = rule->place.line;
	confdir_statement(&machine->confdir, &rule->place, line->before);
	if (changes_with(settings, rule))
		set_word(text, line->number, "with=", settings->with);
	if (changes_driver(settings, rule))
		set_word(text, line->number, "driver=", settings->driver);
	for (const char *const *allow = settings->allow; *allow; allow++)
		if (!(rule->allow & allow_bit(*allow)))
			set_word(text, line->number, "allow=", *allow);
}

static int insert(const struct machine *machine, struct names *names, struct device_line *line,
		  struct text *text)
{
	const struct pci_function *function = pci_find(&machine->snapshot, &line->address);
	struct text words = { 0 }, result = { 0 };

	if (!function) /* gone meanwhile */
		return -ENODEV;
	settings_add(&line->settings, &words);
	bind_line_add(machine, names, function, line->identity, text_string(&words), &line->text);
	line->number = edit_insert(text, text_string(&line->text), &result);
	result.failed |= words.failed || line->text.failed;
	text_done(&words);
	text_done(text);
	*text = result;
	return 0;
}

int device_line_draft(struct machine *machine, struct names *names, struct device_line *line)
{
	const struct text *old = draft_text(machine, line->file);
	const struct rule *own = find_own_rule(machine, &line->address);
	struct text text = { 0 };
	int error = 0;

	text_done(&line->text);
	*line->before = '\0';
	text_add_bytes(&text, text_string(old), old->length);
	if (own)
		amend(machine, own, line, &text);
	else
		error = insert(machine, names, line, &text);
	if (!error)
		error = text_error(&text);
	if (!error)
		error = draft_match(machine, line->file, &text);
	text_done(&text);
	return error;
}
