/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules against functions: which function each line selects, and whether a guard refuses it.
 * A line whose conditions do not hold exactly selects nothing at all.
 */

#include "match.h"

#include <string.h>

#include "alias.h"
#include "condition.h"
#include "mismatch.h"

static bool is_active_bind(const struct rule *rule, const struct cmdline *cmdline)
{
	return rule->statement == STATEMENT_BIND && cmdline_activates(cmdline, rule);
}

bool match_names_addresses(const struct conf *conf, const struct cmdline *cmdline)
{
	for (size_t i = 0; i < conf->count; i++)
		if (is_active_bind(&conf->rules[i], cmdline) &&
		    !(conf->rules[i].given & CONDITION_ADDRESS))
			return false;
	return true;
}

bool match_found_all(const struct match *match)
{
	for (size_t i = 0; i < match->conf->count; i++)
		if (match->lines[i].result == RESULT_ABSENT ||
		    match->lines[i].result == RESULT_MISMATCH)
			return false;
	return true;
}

bool match_wants_aliases(const struct conf *conf, const struct cmdline *cmdline)
{
	for (size_t i = 0; i < conf->count; i++)
		if (is_active_bind(&conf->rules[i], cmdline) &&
		    !strcmp(conf->rules[i].driver, CONF_DRIVER_AUTO))
			return true;
	return false;
}

static int set_reason(char **reason, struct text *text)
{
	free(*reason);
	*reason = text_steal(text);
	return *reason ? 0 : -ENOMEM;
}

/* Finds what protects the claim's function; the generated keep lines come first. */
static void find_protection(const struct conf *conf, const struct cmdline *cmdline,
			    struct claim *claim)
{
	claim->in_use = claim->function->in_use;
	for (size_t i = 0; i < conf->count && !claim->keep; i++) {
		const struct rule *rule = &conf->rules[i];

		if (rule->statement != STATEMENT_KEEP || !cmdline_activates(cmdline, rule) ||
		    condition_missed(rule, claim->function))
			continue;
		if (rule->generated)
			claim->in_use = true;
		else
			claim->keep = rule;
	}
}

static void add_keep(struct text *reason, const struct rule *keep)
{
	place_add(&keep->place, reason);
	text_add(reason, " keeps it for the host");
}

/* What the functions below work with. */
struct matching {
	struct match *match;
	const struct cmdline *cmdline;
	const char *aliases;
	const struct pci_snapshot *snapshot;
	const struct conf_error *broken_keep; /* or NULL */
};

/* A keep line that was not understood may be about any device that is not named itself. */
static void add_broken_keep(struct text *reason, const struct conf_error *error)
{
	place_add(&error->place, reason);
	text_add(reason, " may protect it, and has an error");
}

unsigned int match_allows(const struct rule *rule, const struct pci_function *function)
{
	return condition_missed(rule, function) ? 0 : rule->allow;
}

/*
 * The guards: adds a reason not to take the function, or nothing. What with= adds has no permission
 * of its own, and is not named by itself.
 */
static void guard(const struct matching *with, const struct rule *rule, const struct claim *claim,
		  struct text *reason)
{
	const struct pci_function *function = claim->function;
	static const char not_added[] = "with= does not add it";
	bool named = !condition_missed(rule, function);
	unsigned int allow = match_allows(rule, function);

	if (pci_is_bridge(function))
		text_add(reason, "a bridge is never passed through");
	else if (claim->keep)
		add_keep(reason, claim->keep);
	else if (claim->in_use && !(allow & ALLOW_IN_USE))
		text_add(reason, "the host uses it; ",
			 named ? "allow=in-use would take it" : not_added);
	else if (function->boot_display && !(allow & ALLOW_BOOT_DISPLAY))
		text_add(reason, "the firmware's display is on it; ",
			 named ? "allow=boot-display would take it" : not_added);
	else if (with->broken_keep && !named)
		add_broken_keep(reason, with->broken_keep);
}

struct claim *match_claim(const struct match *match, const struct pci_function *function)
{
	for (size_t i = 0; i < match->claim_count; i++)
		if (match->claims[i].function == function)
			return &match->claims[i];
	return NULL;
}

const struct claim_line *claim_line(const struct claim *claim, const struct rule *rule)
{
	for (size_t i = 0; i < claim->line_count; i++)
		if (claim->lines[i].rule == rule)
			return &claim->lines[i];
	return NULL;
}

/* Returns the claim of `function`, which is new if no line selected it before; or NULL. */
static struct claim *get_claim(const struct matching *with, const struct pci_function *function)
{
	struct match *match = with->match;
	struct claim *claim = match_claim(match, function);

	if (claim || ARRAY_GROW(match->claims, match->claim_count))
		return claim;
	claim = &match->claims[match->claim_count++];
	*claim = (struct claim){ .function = function };
	find_protection(match->conf, with->cmdline, claim);
	return claim;
}

/*
 * A line beyond CLAIM_LINES_MAX is invalid: a config must not cost time and memory without limit.
 */
static int reject_line(struct line_match *line, const struct pci_function *function)
{
	char address[PCI_ADDRESS_SIZE];
	struct text text = { 0 };

	text_add_number(&text, CLAIM_LINES_MAX, 10, 1);
	text_add(&text, " other lines select ", pci_address_format(&function->address, address));
	line->result = RESULT_INVALID;
	return set_reason(&line->reason, &text);
}

/* Adds the line to the claim of `function`. A line that selects it twice counts once. */
static int add_claim(const struct matching *with, const struct rule *rule,
		     const struct pci_function *function)
{
	struct claim *claim = get_claim(with, function);
	struct claim_line *line;
	struct text reason = { 0 };

	if (claim && claim_line(claim, rule))
		return 0;
	if (claim && claim->line_count == CLAIM_LINES_MAX)
		return reject_line(match_line(with->match, rule), function);
	if (!claim || ARRAY_GROW(claim->lines, claim->line_count))
		return -ENOMEM;
	line = &claim->lines[claim->line_count++];
	*line = (struct claim_line){ .rule = rule };
	if (strcmp(rule->driver, CONF_DRIVER_AUTO))
		string_copy(line->driver, sizeof(line->driver), rule->driver);
	else
		alias_best_driver(with->aliases, function, line->driver);

	guard(with, rule, claim, &reason);
	if (text_error(&reason))
		return -ENOMEM;
	if (!reason.length)
		return 0;
	line->result = RESULT_REFUSED;
	return set_reason(&line->reason, &reason);
}

static bool goes_with(enum with how, const struct pci_function *function,
		      const struct pci_function *other)
{
	if (pci_is_infrastructure(other) || other->virtual)
		return false;
	if (how == WITH_FUNCTIONS)
		return pci_same_card(function, other);
	return function->group >= 0 && function->group == other->group;
}

/* Adds what with= brings in beside `function`; nothing if that was refused. */
static int add_companions(const struct matching *with, const struct rule *rule,
			  const struct pci_function *function)
{
	const struct pci_snapshot *snapshot = with->snapshot;
	const struct claim *claim = match_claim(with->match, function);
	const struct claim_line *line = claim ? claim_line(claim, rule) : NULL;
	int error = 0;

	if (!line || line->result != RESULT_NONE)
		return 0;
	for (size_t i = 0; i < snapshot->count && !error; i++)
		if (goes_with(rule->with, function, &snapshot->functions[i]))
			error = add_claim(with, rule, &snapshot->functions[i]);
	return error;
}

/*
 * Returns the first function after `previous` (NULL: the first of all) that meets the conditions,
 * or NULL.
 */
static const struct pci_function *next_selected(const struct rule *rule,
						const struct pci_snapshot *snapshot,
						const struct pci_function *previous)
{
	const struct pci_function *function = previous ? previous + 1 : snapshot->functions;
	const struct pci_function *end = snapshot->functions + snapshot->count;

	if (rule->given & CONDITION_ADDRESS) {
		function = previous ? NULL : pci_find(snapshot, &rule->address);
		end = function ? function + 1 : NULL;
	}
	while (function != end && condition_missed(rule, function))
		function++;
	return function != end ? function : NULL;
}

static size_t count_selected(const struct rule *rule, const struct pci_snapshot *snapshot)
{
	const struct pci_function *function = NULL;
	size_t count = 0;

	while ((function = next_selected(rule, snapshot, function)))
		count++;
	return count;
}

/* Calls `add` for each function that the line selects, as long as the line is valid. */
static int add_each(const struct matching *with, const struct rule *rule,
		    int (*add)(const struct matching *with, const struct rule *rule,
			       const struct pci_function *function))
{
	const struct line_match *line = match_line(with->match, rule);
	const struct pci_function *function = NULL;
	int error = 0;

	while (!error && line->result == RESULT_NONE &&
	       (function = next_selected(rule, with->snapshot, function)))
		error = add(with, rule, function);
	return error;
}

static int match_bind(const struct matching *with, const struct rule *rule, struct line_match *line)
{
	size_t count = count_selected(rule, with->snapshot);
	struct text reason = { 0 };
	int error;

	if (with->broken_keep && !(rule->given & CONDITIONS_ONE)) {
		line->result = RESULT_REFUSED;
		add_broken_keep(&reason, with->broken_keep);
	} else if (!count)
		line->result = mismatch_nothing(rule, with->snapshot, &reason);
	else if (rule->count && count != rule->count)
		line->result = mismatch_count(rule, with->snapshot, count, &reason);
	if (line->result != RESULT_NONE)
		return set_reason(&line->reason, &reason);
	error = add_each(with, rule, add_claim);
	if (!error && rule->with != WITH_NOTHING)
		error = add_each(with, rule, add_companions);
	return error;
}

static int contradict(struct match *match, const struct claim *claim, const struct rule *rule,
		      const struct claim_line *other)
{
	struct line_match *line = match_line(match, rule);
	char address[PCI_ADDRESS_SIZE];
	struct text text = { 0 };

	place_add(&other->rule->place, &text);
	text_add(&text, " names another driver, ", other->driver, ", for ",
		 pci_address_format(&claim->function->address, address));
	line->result = RESULT_INVALID;
	return set_reason(&line->reason, &text);
}

/* The lines of one function have to agree on the driver, else all of them are invalid. */
static int compare_drivers(struct match *match, const struct claim *claim)
{
	const struct claim_line *first = &claim->lines[0], *other = NULL;
	int error = 0;

	for (size_t i = 1; i < claim->line_count && !other; i++)
		if (strcmp(first->driver, claim->lines[i].driver))
			other = &claim->lines[i];
	for (size_t i = 0; other && i < claim->line_count && !error; i++)
		error = contradict(match, claim, claim->lines[i].rule,
				   strcmp(first->driver, claim->lines[i].driver) ? first : other);
	return error;
}

/*
 * The first line that may take the function decides. Without one, the first line that is refused
 * does, and its reason becomes the claim's.
 */
static void decide(const struct match *match, struct claim *claim)
{
	struct claim_line *line = &claim->lines[0];

	for (size_t i = 0; i < claim->line_count; i++) {
		struct claim_line *other = &claim->lines[i];

		if (match_line(match, other->rule)->result == RESULT_INVALID)
			other->result = RESULT_INVALID;
		if (other->result < line->result)
			line = other;
	}
	claim->rule = line->rule;
	string_copy(claim->driver, sizeof(claim->driver), line->driver);
	claim->result = line->result;
	if (line->result == RESULT_REFUSED) {
		claim->reason = line->reason;
		line->reason = NULL;
		line->result = RESULT_NONE;
	}
}

static int settle_claims(struct match *match)
{
	int error = 0;

	for (size_t i = 0; i < match->claim_count && !error; i++)
		error = compare_drivers(match, &match->claims[i]);
	for (size_t i = 0; i < match->claim_count; i++)
		decide(match, &match->claims[i]);
	for (size_t i = 0; i < match->conf->count; i++)
		match->bad_lines += match->lines[i].reason != NULL;
	return error;
}

int match_rules(const struct conf *conf, const struct cmdline *cmdline, const char *aliases,
		const struct pci_snapshot *snapshot, struct match *ret)
{
	const struct matching with = { ret, cmdline, aliases, snapshot,
				       conf_broken_keep(conf, cmdline->profiles,
							cmdline->profile_count) };
	int error;

	ret->conf = conf;
	ret->lines = calloc(conf->count + 1, sizeof(*ret->lines));
	if (!ret->lines)
		return -ENOMEM;
	for (size_t i = 0; i < conf->count; i++) {
		const struct rule *rule = &conf->rules[i];
		struct line_match *line = &ret->lines[i];

		if (!cmdline_activates(cmdline, rule)) {
			line->result = RESULT_INACTIVE;
		} else if (rule->statement != STATEMENT_BIND) {
			line->result = RESULT_ACTIVE;
		} else {
			error = match_bind(&with, rule, line);
			if (error)
				return error;
		}
	}
	return settle_claims(ret);
}

enum result claim_line_result(const struct claim *claim, const struct claim_line *line,
			      const char **ret_reason)
{
	bool own = line->result != RESULT_NONE;

	*ret_reason = own ? line->reason : claim->reason;
	return own ? line->result : claim->result;
}

size_t match_count(const struct match *match, enum result result)
{
	size_t count = 0;

	for (size_t i = 0; i < match->claim_count; i++)
		count += match->claims[i].result == result;
	return count;
}

static void claim_done(struct claim *claim)
{
	for (size_t i = 0; i < claim->line_count; i++)
		free(claim->lines[i].reason);
	free(claim->lines);
	free(claim->reason);
}

void match_done(struct match *match)
{
	for (size_t i = 0; match->lines && i < match->conf->count; i++)
		free(match->lines[i].reason);
	for (size_t i = 0; i < match->claim_count; i++)
		claim_done(&match->claims[i]);
	free(match->lines);
	free(match->claims);
	*match = (struct match){ 0 };
}
