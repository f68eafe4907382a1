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
#include "text.h"

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

/* The first active keep line that `function` meets, or NULL. `in_use_allowed`: no generated one. */
static const struct rule *find_keep(const struct conf *conf,
				    const struct cmdline *cmdline,
				    const struct pci_function *function,
				    bool in_use_allowed)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct rule *rule = &conf->rules[i];

		if (rule->statement != STATEMENT_KEEP ||
		    !cmdline_activates(cmdline, rule))
			continue;
		if (rule->generated && in_use_allowed)
			continue;
		if (!condition_missed(rule, function))
			return rule;
	}
	return NULL;
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
static void guard(const struct matching *with, const struct rule *rule,
		  const struct pci_function *function, struct text *reason)
{
	static const char not_added[] = "with= does not add it";
	bool named = !condition_missed(rule, function);
	unsigned int allow = match_allows(rule, function);
	const struct rule *keep = find_keep(with->match->conf, with->cmdline, function,
					    allow & ALLOW_IN_USE);

	if (pci_is_bridge(function))
		text_add(reason, "a bridge is never passed through");
	else if (keep && keep->generated)
		text_add(reason, "the host uses it; ",
			 named ? "allow=in-use would take it" : not_added);
	else if (keep)
		add_keep(reason, keep);
	else if (function->boot_display && !(allow & ALLOW_BOOT_DISPLAY))
		text_add(reason, "the firmware's display is on it; ",
			 named ? "allow=boot-display would take it" : not_added);
	else if (with->broken_keep && !named)
		add_broken_keep(reason, with->broken_keep);
}

static int add_claim(const struct matching *with, const struct rule *rule,
		     const struct pci_function *function)
{
	struct match *match = with->match;
	struct claim *claim;
	struct text reason = { 0 };

	if (ARRAY_GROW(match->claims, match->claim_count))
		return -ENOMEM;
	claim = &match->claims[match->claim_count++];
	*claim = (struct claim){ .rule = rule, .function = function };
	if (strcmp(rule->driver, CONF_DRIVER_AUTO))
		string_copy(claim->driver, sizeof(claim->driver), rule->driver);
	else
		alias_best_driver(with->aliases, function, claim->driver);

	guard(with, rule, function, &reason);
	if (text_error(&reason))
		return -ENOMEM;
	if (!reason.length)
		return 0;
	claim->result = RESULT_REFUSED;
	return set_reason(&claim->reason, &reason);
}

static bool has_claim(const struct match *match, size_t first,
		      const struct pci_function *function)
{
	for (size_t i = first; i < match->claim_count; i++)
		if (match->claims[i].function == function)
			return true;
	return false;
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

/* What with= brings in beside the claims from `first` on; not for one that was refused. */
static int add_companions(const struct matching *with, const struct rule *rule,
			  size_t first)
{
	const struct pci_snapshot *snapshot = with->snapshot;
	const struct match *match = with->match;
	size_t last = match->claim_count;

	for (size_t i = first; i < last; i++) {
		const struct pci_function *function = match->claims[i].function;

		if (match->claims[i].result != RESULT_NONE)
			continue;
		for (size_t j = 0; j < snapshot->count; j++) {
			const struct pci_function *other = &snapshot->functions[j];
			int error;

			if (!goes_with(rule->with, function, other) ||
			    has_claim(match, first, other))
				continue;
			error = add_claim(with, rule, other);
			if (error)
				return error;
		}
	}
	return 0;
}

/* What the conditions select: a heap array of `*ret_count` functions in `*ret`. */
static int select_functions(const struct rule *rule, const struct pci_snapshot *snapshot,
			    const struct pci_function ***ret, size_t *ret_count)
{
	size_t first = 0, last = snapshot->count;

	if (rule->given & CONDITION_ADDRESS) {
		const struct pci_function *function = pci_find(snapshot, &rule->address);

		first = function ? function - snapshot->functions : 0;
		last = function ? first + 1 : 0;
	}
	for (size_t i = first; i < last; i++) {
		if (condition_missed(rule, &snapshot->functions[i]))
			continue;
		if (ARRAY_GROW(*ret, *ret_count))
			return -ENOMEM;
		(*ret)[(*ret_count)++] = &snapshot->functions[i];
	}
	return 0;
}

static int match_bind(const struct matching *with, const struct rule *rule,
		      struct line_match *line)
{
	_cleanup_(freep) const struct pci_function **selected = NULL;
	size_t first = with->match->claim_count, count = 0;
	struct text reason = { 0 };
	int error = select_functions(rule, with->snapshot, &selected, &count);

	if (error)
		return error;
	if (with->broken_keep && !(rule->given & CONDITIONS_ONE)) {
		line->result = RESULT_REFUSED;
		add_broken_keep(&reason, with->broken_keep);
	} else if (!count)
		line->result = mismatch_nothing(rule, with->snapshot, &reason);
	else if (rule->count && count != rule->count)
		line->result = mismatch_count(rule, with->snapshot, count, &reason);
	if (line->result != RESULT_NONE)
		return set_reason(&line->reason, &reason);
	for (size_t i = 0; i < count && !error; i++)
		error = add_claim(with, rule, selected[i]);
	if (error || rule->with == WITH_NOTHING)
		return error;
	return add_companions(with, rule, first);
}

/* Sorts pointers to claims by function, then by their order, which is that of the lines. */
static int compare_claims(const void *a, const void *b)
{
	const struct claim *left = *(struct claim *const *)a,
			   *right = *(struct claim *const *)b;
	int order =
		pci_address_compare(&left->function->address, &right->function->address);

	if (order)
		return order;
	return left < right ? -1 : left > right;
}

static int contradict(struct match *match, const struct claim *claim,
		      const struct claim *other)
{
	struct line_match *line = &match->lines[claim->rule - match->conf->rules];
	char address[PCI_ADDRESS_SIZE];
	struct text text = { 0 };

	place_add(&other->rule->place, &text);
	text_add(&text, " names another driver, ", other->driver, ", for ",
		 pci_address_format(&claim->function->address, address));
	line->result = RESULT_INVALID;
	return set_reason(&line->reason, &text);
}

/* The claims of one function: fine if they agree on the driver, else their lines are invalid. */
static int compare_drivers(struct match *match, struct claim **claims, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		int error;

		if (!strcmp(claims[0]->driver, claims[i]->driver))
			continue;
		for (size_t j = 0; j < count; j++) {
			bool as_first = !strcmp(claims[j]->driver, claims[0]->driver);

			error = contradict(match, claims[j], claims[as_first ? i : 0]);
			if (error)
				return error;
		}
		return 0;
	}
	return 0;
}

/* The claims of lines that turned out to be invalid are off. */
static void drop_invalid(struct match *match)
{
	for (size_t i = 0; i < match->claim_count; i++) {
		struct claim *claim = &match->claims[i];

		if (match->lines[claim->rule - match->conf->rules].result ==
		    RESULT_INVALID)
			claim->result = RESULT_INVALID;
	}
}

/* All but the first of the claims that are on repeat that one. */
static void mark_repeated(struct claim **claims, size_t count)
{
	const struct claim *first = NULL;

	for (size_t i = 0; i < count; i++) {
		if (claims[i]->result != RESULT_NONE)
			continue;
		claims[i]->repeats = first;
		first = first ? first : claims[i];
	}
}

/* How many of the `count` sorted claims at `claims` are of the first one's function. */
static size_t group_size(struct claim **claims, size_t count)
{
	size_t size = 1;

	while (size < count && claims[size]->function == claims[0]->function)
		size++;
	return size;
}

static int settle_claims(struct match *match)
{
	size_t count = match->claim_count;
	_cleanup_(freep) struct claim **order = calloc(count + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		order[i] = &match->claims[i];
	qsort(order, count, sizeof(*order), compare_claims);
	for (size_t i = 0; i < count; i += group_size(order + i, count - i)) {
		int error = compare_drivers(match, order + i,
					    group_size(order + i, count - i));

		if (error)
			return error;
	}
	drop_invalid(match);
	for (size_t i = 0; i < count; i += group_size(order + i, count - i))
		mark_repeated(order + i, group_size(order + i, count - i));
	return 0;
}

int match_rules(const struct conf *conf, const struct cmdline *cmdline,
		const char *aliases, const struct pci_snapshot *snapshot,
		struct match *ret)
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

void match_done(struct match *match)
{
	for (size_t i = 0; match->lines && i < match->conf->count; i++)
		free(match->lines[i].reason);
	for (size_t i = 0; i < match->claim_count; i++)
		free(match->claims[i].reason);
	free(match->lines);
	free(match->claims);
	*match = (struct match){ 0 };
}
