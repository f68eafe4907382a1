/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules against functions: which function each line selects, and whether a guard refuses it.
 * A line whose conditions do not hold exactly selects nothing at all.
 */

#include "match.h"

#include <string.h>

#include "alias.h"
#include "text.h"

/* Candidates that a message names, before it says "...". */
#define NAMED_MAX 4

/* What a function's uevent does not tell. */
#define UNREAD (CONDITION_PATH | CONDITION_SERIAL)

static bool is_active(const struct rule *rule, const struct cmdline *cmdline)
{
	return rule_is_active(rule, cmdline->profiles, cmdline->profile_count);
}

static bool is_active_bind(const struct rule *rule, const struct cmdline *cmdline)
{
	return rule->statement == STATEMENT_BIND && is_active(rule, cmdline);
}

/* The conditions of `rule` (enum condition) that `function` does not meet. */
static unsigned int missed_conditions(const struct rule *rule,
				      const struct pci_function *function)
{
	unsigned int given = rule->given, met = 0;

	if (given & CONDITION_ADDRESS &&
	    pci_address_compare(&rule->address, &function->address) == 0)
		met |= CONDITION_ADDRESS;
	if (pci_id_equal(&rule->id, &function->id))
		met |= CONDITION_ID;
	if (pci_id_equal(&rule->subsystem, &function->subsystem))
		met |= CONDITION_SUBSYSTEM;
	if (pci_class_has_prefix(function->class, rule->class, rule->class_digits))
		met |= CONDITION_CLASS;
	if (function->known & PCI_PATH && pci_path_equal(&rule->path, &function->path))
		met |= CONDITION_PATH;
	if (function->known & PCI_SERIAL && rule->serial == function->serial)
		met |= CONDITION_SERIAL;
	return given & CONDITIONS & ~met;
}

bool match_meets(const struct rule *rule, const struct pci_function *function)
{
	return !missed_conditions(rule, function);
}

static bool may_have_path(const struct pci_function *function,
			  const struct pci_path *path)
{
	return path->domain == function->address.domain &&
	       path->devfn[path->hops - 1] ==
		       (function->address.device << 3 | function->address.function);
}

/* Most lines need nothing of most functions: asked first, for each line and each function. */
static bool may_need(const struct rule *rule, const struct pci_function *function)
{
	return rule->given & UNREAD || rule->with == WITH_GROUP ||
	       pci_is_display(function);
}

static unsigned int rule_needs(const struct rule *rule,
			       const struct pci_function *function)
{
	unsigned int missed = missed_conditions(rule, function);
	unsigned int needs = 0;

	if (pci_is_display(function) && rule->statement == STATEMENT_BIND &&
	    (rule->with != WITH_NOTHING || !(missed & ~UNREAD)))
		needs |= PCI_DISPLAY;
	/* Also where the rest misses: the report says what is at that path instead. */
	if (rule->given & CONDITION_PATH && may_have_path(function, &rule->path))
		needs |= PCI_PATH;
	/* The address is left out: where it misses, the report says where the device went. */
	if (missed & ~(UNREAD | CONDITION_ADDRESS))
		return needs;
	if (rule->given & CONDITION_SERIAL)
		needs |= PCI_SERIAL;
	if (rule->with == WITH_GROUP && !(missed & CONDITION_ADDRESS))
		needs |= PCI_GROUP;
	return needs;
}

unsigned int match_needs(const struct conf *conf, const struct cmdline *cmdline,
			 const struct pci_function *function)
{
	unsigned int needs = 0;

	for (size_t i = 0; i < conf->count; i++) {
		const struct rule *rule = &conf->rules[i];

		if (may_need(rule, function) && is_active(rule, cmdline))
			needs |= rule_needs(rule, function);
	}
	return needs;
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

/* Names the functions that meet all of `conditions`, `before` in front. How many there are. */
static size_t name_functions(const struct pci_snapshot *snapshot, const struct rule *rule,
			     unsigned int conditions, const char *before,
			     struct text *text)
{
	char address[PCI_ADDRESS_SIZE];
	size_t found = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pci_function *function = &snapshot->functions[i];

		if (missed_conditions(rule, function) & conditions)
			continue;
		if (found == NAMED_MAX)
			text_add(text, " ...");
		if (found++ >= NAMED_MAX)
			continue;
		text_add(text, found == 1 ? before : ",", " ",
			 pci_address_format(&function->address, address));
	}
	return found;
}

static void describe_id(struct text *text, const struct pci_id *is,
			const struct pci_id *stated, const char *what)
{
	char is_text[PCI_ID_SIZE], stated_text[PCI_ID_SIZE];

	text_add(text, " is ", what, pci_id_format(is, is_text), ", not ",
		 pci_id_format(stated, stated_text));
}

/* How `function` differs from what the line states, for the first condition that it misses. */
static void describe_miss(struct text *text, const struct rule *rule,
			  const struct pci_function *function, unsigned int missed)
{
	if (missed & CONDITION_ID)
		describe_id(text, &function->id, &rule->id, "");
	else if (missed & CONDITION_SUBSYSTEM)
		describe_id(text, &function->subsystem, &rule->subsystem,
			    "of subsystem ");
	else if (missed & CONDITION_CLASS)
		text_add(text, " is of another class");
	else if (missed & CONDITION_SERIAL)
		text_add(text, " has another serial number, or none");
	else
		text_add(text, " is not at the path that the line states");
}

/* The function at the address, or else at the path, that the line states; or NULL. */
static const struct pci_function *find_stated(const struct rule *rule,
					      const struct pci_snapshot *snapshot)
{
	if (rule->given & CONDITION_ADDRESS)
		return pci_find(snapshot, &rule->address);
	if (!(rule->given & CONDITION_PATH))
		return NULL;
	for (size_t i = 0; i < snapshot->count; i++)
		if (!(missed_conditions(rule, &snapshot->functions[i]) & CONDITION_PATH))
			return &snapshot->functions[i];
	return NULL;
}

/* A line that nothing meets: what is there instead, and where the device went. */
static int explain_nothing(const struct rule *rule, const struct pci_snapshot *snapshot,
			   struct line_match *line)
{
	const struct pci_function *there = find_stated(rule, snapshot);
	unsigned int identity = rule->given & CONDITIONS_IDENTITY;
	unsigned int same = identity | (rule->given & CONDITION_PATH);
	struct text text = { 0 };
	char name[PCI_ADDRESS_SIZE];
	size_t found = 0;

	if (there) {
		text_add(&text, pci_address_format(&there->address, name));
		describe_miss(&text, rule, there, missed_conditions(rule, there));
	} else if (rule->given & CONDITION_ADDRESS) {
		text_add(&text, "no device at ",
			 pci_address_format(&rule->address, name));
	} else if (rule->given & CONDITION_PATH) {
		text_add(&text, "no device at that path");
	} else {
		text_add(&text, "no such device");
	}
	if (identity && rule->given & (CONDITION_ADDRESS | CONDITION_PATH)) {
		const char *before = "; what the line describes is at";

		found = name_functions(snapshot, rule, same, before, &text);
		if (!found)
			found = name_functions(snapshot, rule, identity, before, &text);
		if (!found)
			text_add(&text,
				 "; what the line describes is not in this machine");
	}
	line->result = there || found ? RESULT_MISMATCH : RESULT_ABSENT;
	return set_reason(&line->reason, &text);
}

static int explain_count(const struct rule *rule, const struct pci_snapshot *snapshot,
			 size_t found, struct line_match *line)
{
	struct text text = { 0 };

	text_add_number(&text, found, 10, 1);
	text_add(&text, found == 1 ? " device matches" : " devices match",
		 ", but the line wants ");
	text_add_number(&text, rule->count, 10, 1);
	name_functions(snapshot, rule, rule->given & CONDITIONS, ":", &text);
	text_add(&text, "; add an address, path= or serial=, or write count=");
	text_add_number(&text, found, 10, 1);
	line->result = RESULT_AMBIGUOUS;
	return set_reason(&line->reason, &text);
}

/* The first active keep line that `function` meets, or NULL. `in_use_allowed`: no generated one. */
static const struct rule *find_keep(const struct conf *conf,
				    const struct cmdline *cmdline,
				    const struct pci_function *function,
				    bool in_use_allowed)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct rule *rule = &conf->rules[i];

		if (rule->statement != STATEMENT_KEEP || !is_active(rule, cmdline))
			continue;
		if (rule->generated && in_use_allowed)
			continue;
		if (!missed_conditions(rule, function))
			return rule;
	}
	return NULL;
}

static void add_keep(struct text *reason, const struct rule *keep)
{
	place_add(&keep->place, reason);
	text_add(reason, " keeps it for the host");
}

/* The guards: a reason not to take the function, in `reason`, or nothing. */
static void guard(const struct conf *conf, const struct cmdline *cmdline,
		  const struct rule *rule, const struct pci_function *function,
		  struct text *reason)
{
	const struct rule *keep =
		find_keep(conf, cmdline, function, rule->allow & ALLOW_IN_USE);

	if (pci_is_bridge(function))
		text_add(reason, "a bridge is never passed through");
	else if (keep && keep->generated)
		text_add(reason, "the host uses it; allow=in-use would take it");
	else if (keep)
		add_keep(reason, keep);
	else if (function->boot_display && !(rule->allow & ALLOW_BOOT_DISPLAY))
		text_add(reason, "the firmware's display is on it; allow=boot-display "
				 "would take it");
}

/* What the functions below work with. */
struct matching {
	struct match *match;
	const struct cmdline *cmdline;
	const char *aliases;
	const struct pci_snapshot *snapshot;
};

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

	guard(match->conf, with->cmdline, rule, function, &reason);
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
	if (pci_is_bridge(other))
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
		if (missed_conditions(rule, &snapshot->functions[i]))
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
	int error = select_functions(rule, with->snapshot, &selected, &count);

	if (error)
		return error;
	if (!count)
		return explain_nothing(rule, with->snapshot, line);
	if (rule->count && count != rule->count)
		return explain_count(rule, with->snapshot, count, line);
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
	const struct matching with = { ret, cmdline, aliases, snapshot };
	int error;

	ret->conf = conf;
	ret->lines = calloc(conf->count + 1, sizeof(*ret->lines));
	if (!ret->lines)
		return -ENOMEM;
	for (size_t i = 0; i < conf->count; i++) {
		const struct rule *rule = &conf->rules[i];
		struct line_match *line = &ret->lines[i];

		if (!is_active(rule, cmdline)) {
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
