/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three things side by side: what the config wants, what the boot's report says, and which driver
 * has each function now. Where they differ: why, and what to do next.
 */

#include "status/line-states.h"

#include <string.h>

#include "device.h"
#include "machine/group.h"
#include "machine/iommu.h"
#include "machine/moved.h"
#include "machine/sysfs.h"

/* What the functions below work with. */
struct comparison {
	const struct machine *machine;
	const struct boot_report *report;
	struct line_states *states;
	bool usable; /* the report is of this boot, and the boot did what the config said */
};

static const struct {
	const char *result;
	bool well, due;
} kinds[] = {
	[STATE_BOUND] = { "bound", true, false },
	[STATE_INACTIVE] = { "inactive", true, false },
	[STATE_NOT_VIABLE] = { "not-viable", false, false },
	[STATE_REBOUND] = { "rebound", false, false },
	[STATE_RESCUED] = { "rescued", false, false },
	[STATE_RELEASED] = { "released", false, false },
	[STATE_FENCED] = { "fenced", false, false },
	[STATE_FAILED] = { "failed", false, false },
	[STATE_MISSED] = { "missed", false, false },
	[STATE_PENDING] = { "pending", false, true },
	[STATE_UNLISTED] = { "unlisted", false, true },
	[STATE_LINE] = { NULL, false, false },
};

const char *line_state_boot(const struct line_state *state)
{
	return state->boot == RESULT_NONE ? "" : result_name(state->boot);
}

bool line_state_is_well(const struct line_state *state)
{
	return kinds[state->kind].well;
}

bool line_state_is_due(const struct line_state *state)
{
	return kinds[state->kind].due;
}

/* Where the boot's config had the same statement as `rule`: false if it had none. */
static bool boot_place(const struct comparison *comparison, const struct rule *rule,
		       struct text *place)
{
	const struct confdir *then = &comparison->report->confdir;
	char now[CONF_STATEMENT_SIZE], before[CONF_STATEMENT_SIZE];

	confdir_statement(&comparison->machine->confdir, &rule->place, now);
	for (size_t i = 0; i < then->conf.count; i++) {
		if (then->conf.rules[i].statement != rule->statement)
			continue;
		confdir_statement(then, &then->conf.rules[i].place, before);
		if (!conf_says_same(now, strlen(now), before, strlen(before)))
			continue;
		place_add(&then->conf.rules[i].place, place);
		return true;
	}
	return false;
}

static struct line_state *add_state(const struct comparison *comparison, enum line_state_kind kind)
{
	struct line_states *states = comparison->states;
	struct line_state *state;

	if (ARRAY_GROW(states->items, states->count))
		return NULL;
	state = &states->items[states->count++];
	*state = (struct line_state){ .kind = kind, .result = kinds[kind].result };
	return state;
}

static void set_kind(struct line_state *state, enum line_state_kind kind)
{
	state->kind = kind;
	state->result = kinds[kind].result;
}

static void advise_bind(const struct line_state *state, struct text *next)
{
	text_add(next, "vfio-early bind ", state->address);
}

/* "lpc_ich has 0000:00:1f.0" */
static void add_blockers(const struct group_members *blockers, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];

	for (size_t i = 0; i < blockers->count; i++)
		text_add(text, i ? ", " : "", blockers->items[i]->driver, " has ",
			 pci_address_format(&blockers->items[i]->address, address));
	if (blockers->others.length)
		text_add(text, blockers->count ? ", " : "", text_string(&blockers->others));
}

/* VFIO gives a group to a guest only if no host driver uses any function of it. */
static int explain_group(const struct comparison *comparison, struct line_state *state)
{
	const struct machine *machine = comparison->machine;
	const struct pci_function *function = state->claim->function;
	_cleanup_(group_members_done) struct group_members blockers = { 0 };
	char group[NUMBER_SIZE];
	int error = group_find_blockers(machine, function, &blockers);

	if (error || !(blockers.count + blockers.others.length))
		return error;
	set_kind(state, STATE_NOT_VIABLE);
	number_format(group, sysfs_group(&machine->root, &function->address), 10, 1);
	text_add(&state->why, "its IOMMU group ", group, " is not viable, no guest can have it: ");
	add_blockers(&blockers, &state->why);
	group_add_remedy(machine, &blockers, state->rule, &state->next);
	return 0;
}

static int explain_bound(const struct comparison *comparison, struct line_state *state)
{
	set_kind(state, STATE_BOUND);
	if (state->boot != RESULT_NONE && state->boot != RESULT_BOUND)
		text_add(&state->why, "since the boot; the boot itself left it ",
			 result_name(state->boot));
	return explain_group(comparison, state);
}

/* The boot had it, and now it has not: a person, or another program, has changed that. */
static void explain_changed(struct line_state *state)
{
	set_kind(state, *state->driver ? STATE_REBOUND : STATE_RELEASED);
	if (*state->driver)
		text_add(&state->why, "bound at boot, given to ", state->driver, " since");
	else
		text_add(&state->why, "bound at boot, taken from its driver since");
	advise_bind(state, &state->next);
}

/* rescue=release: the boot itself has given it back. */
static void explain_rescued(struct line_state *state)
{
	set_kind(state, STATE_RESCUED);
	text_add(&state->why, "the boot gave it back to the host, since the root file system did "
			      "not appear without it");
	text_add(&state->next, "the host needs it: vfio-early remove ", state->address);
}

/* The boot tried and could not. */
static void explain_failed(const struct comparison *comparison, struct line_state *state,
			   const char *reason)
{
	set_kind(state, *state->driver ? STATE_FAILED : STATE_FENCED);
	text_add(&state->why, *reason ? reason : "the boot could not bind it");
	if (iommu_is_off(comparison->machine)) {
		text_add(&state->next, "the IOMMU is off: ");
		iommu_add_remedy(comparison->machine, &state->next);
		return;
	}
	text_add(&state->next, "remove the cause, then ");
	advise_bind(state, &state->next);
	text_add(&state->next, ", or reboot");
}

/* Not in the report, though that is of use: its line is new, or the device was not there. */
static void explain_unknown(const struct comparison *comparison, struct line_state *state,
			    const char *place)
{
	const struct report_line *line =
		*place ? boot_report_line(comparison->report, place) : NULL;

	if (!line) {
		set_kind(state, STATE_PENDING);
		text_add(&state->why, "this boot's config did not list it");
		text_add(&state->next, ADVICE_APPLY);
		text_add(&state->next, "; or at once: ");
		advise_bind(state, &state->next);
		return;
	}
	set_kind(state, STATE_MISSED);
	state->boot = line->result;
	text_add(&state->why, "at boot: ", result_name(line->result));
	if (*line->reason)
		text_add(&state->why, ": ", line->reason);
	advise_bind(state, &state->next);
}

/* By a line that is in the image only: what the host used when it was built. */
static void explain_refused(struct line_state *state, const char *reason)
{
	state->result = result_name(RESULT_REFUSED);
	text_add(&state->why, "at boot: ", reason);
	text_add(&state->next, "vfio-early check");
}

static void explain_unbound(const struct comparison *comparison, struct line_state *state,
			    const struct report_function *function, const char *place)
{
	if (comparison->usable &&
	    boot_report_rescued(comparison->report, &state->claim->function->address)) {
		explain_rescued(state);
	} else if (!comparison->usable) {
		set_kind(state, STATE_PENDING);
		text_add(&state->why, "this boot bound nothing");
		text_add(&state->next, "correct what the danger names, or at once: ");
		advise_bind(state, &state->next);
	} else if (!function) {
		explain_unknown(comparison, state, place);
	} else if (function->result == RESULT_BOUND) {
		explain_changed(state);
	} else if (function->result == RESULT_REFUSED) {
		explain_refused(state, function->reason);
	} else {
		explain_failed(comparison, state, function->reason);
	}
}

static int explain_claim(const struct comparison *comparison, const struct claim_line *line,
			 struct line_state *state)
{
	const struct claim *claim = state->claim;
	const struct pci_address *address = &claim->function->address;
	const struct report_function *function = NULL;
	const char *reason;
	enum result result = claim_line_result(claim, line, &reason);
	struct text place = { 0 };
	bool known = comparison->usable && boot_place(comparison, state->rule, &place);
	int error = text_error(&place);

	pci_address_format(address, state->address);
	device_driver(&comparison->machine->root, address, state->driver);
	if (known)
		function = boot_report_function(comparison->report, address);
	state->boot = function ? function->result : RESULT_NONE;
	if (result != RESULT_NONE) {
		state->result = result_name(result);
		text_add(&state->why, reason ? reason : "");
		text_add(&state->next, "vfio-early check");
	} else if (!strcmp(state->driver, claim->driver)) {
		error = error ? error : explain_bound(comparison, state);
	} else {
		explain_unbound(comparison, state, function, text_string(&place));
	}
	text_done(&place);
	return error;
}

/* The command for a device that moved; any other line only its author can correct. */
static void advise_correction(const struct machine *machine, struct line_state *state)
{
	struct text move = { 0 };

	moved_add_command(machine, state->rule, &move);
	if (move.length) {
		text_add(&state->next, "if the device moved there: ", text_string(&move));
	} else {
		text_add(&state->next, "correct ");
		place_add(&state->rule->place, &state->next);
		text_add(&state->next, ", or take the line out: vfio-early remove ");
		place_add(&state->rule->place, &state->next);
	}
	state->next.failed |= move.failed;
	text_done(&move);
}

/* A line that selects nothing now. */
static void explain_line(const struct comparison *comparison, const struct line_match *line,
			 struct line_state *state)
{
	const struct report_line *then = NULL;
	struct text place = { 0 };

	state->result = result_name(line->result);
	if (comparison->usable && boot_place(comparison, state->rule, &place))
		then = boot_report_line(comparison->report, text_string(&place));
	text_done(&place);
	state->boot = then ? then->result : RESULT_NONE;
	machine_explain_line(state->rule, line, &state->why);
	if (line->result == RESULT_INACTIVE)
		state->kind = STATE_INACTIVE;
	else
		advise_correction(comparison->machine, state);
}

static int find_claims(const struct comparison *comparison, const struct rule *rule)
{
	const struct match *match = &comparison->machine->match;

	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim_line *line = claim_line(&match->claims[i], rule);
		struct line_state *state;
		int error;

		if (!line)
			continue;
		state = add_state(comparison, STATE_LINE);
		if (!state)
			return -ENOMEM;
		state->rule = rule;
		state->claim = &match->claims[i];
		error = explain_claim(comparison, line, state);
		if (error)
			return error;
	}
	return 0;
}

static int find_lines(const struct comparison *comparison)
{
	const struct match *match = &comparison->machine->match;

	for (size_t i = 0; i < match->conf->count; i++) {
		const struct rule *rule = &match->conf->rules[i];
		struct line_state *state;
		int error = 0;

		if (rule->statement != STATEMENT_BIND)
			continue;
		if (match->lines[i].result == RESULT_NONE) {
			error = find_claims(comparison, rule);
			if (error)
				return error;
			continue;
		}
		state = add_state(comparison, STATE_LINE);
		if (!state)
			return -ENOMEM;
		state->rule = rule;
		explain_line(comparison, &match->lines[i], state);
	}
	return 0;
}

static bool is_claimed(const struct match *match, const struct pci_address *address)
{
	for (size_t i = 0; i < match->claim_count; i++)
		if (!pci_address_compare(&match->claims[i].function->address, address))
			return true;
	return false;
}

/* What the boot bound for a line that is gone since, and is bound still. */
static int find_unlisted(const struct comparison *comparison)
{
	const struct boot_report *report = comparison->report;

	for (size_t i = 0; comparison->usable && i < report->count; i++) {
		const struct report_function *function = &report->records[i].function;
		char driver[PCI_DRIVER_SIZE];
		struct line_state *state;

		if (report->records[i].kind != REPORT_FUNCTION ||
		    function->result != RESULT_BOUND ||
		    is_claimed(&comparison->machine->match, &function->address))
			continue;
		device_driver(&comparison->machine->root, &function->address, driver);
		if (strcmp(driver, function->target))
			continue;
		state = add_state(comparison, STATE_UNLISTED);
		if (!state)
			return -ENOMEM;
		state->boot = function->result;
		pci_address_format(&function->address, state->address);
		string_copy(state->driver, sizeof(state->driver), driver);
		text_add(&state->why, "the boot took it for ", function->line,
			 ", which no longer lists it");
		text_add(&state->next, ADVICE_APPLY);
		text_add(&state->next, "; or at once: vfio-early release ", state->address);
	}
	return 0;
}

bool line_states_represents(const struct line_states *states, size_t index)
{
	const struct line_state *state = &states->items[index];
	bool bound = state->kind == STATE_BOUND;

	for (size_t i = 0; *state->address && i < states->count; i++) {
		const struct line_state *other = &states->items[i];
		bool other_bound = other->kind == STATE_BOUND;

		if (i != index && !strcmp(other->address, state->address) &&
		    (other_bound == bound ? i < index : other_bound))
			return false;
	}
	return true;
}

size_t line_states_count(const struct line_states *states, size_t *ret_bound)
{
	size_t listed = 0;

	*ret_bound = 0;
	for (size_t i = 0; i < states->count; i++) {
		enum line_state_kind kind = states->items[i].kind;

		if (kind == STATE_INACTIVE || kind == STATE_UNLISTED ||
		    !line_states_represents(states, i))
			continue;
		listed++;
		*ret_bound += kind == STATE_BOUND;
	}
	return listed;
}

static void state_done(struct line_state *state)
{
	text_done(&state->why);
	text_done(&state->next);
}

void line_states_filter(struct line_states *states, const bool *keep)
{
	size_t kept = 0;

	for (size_t i = 0; i < states->count; i++) {
		if (keep[i])
			states->items[kept++] = states->items[i];
		else
			state_done(&states->items[i]);
	}
	states->count = kept;
}

void line_state_refuse(struct line_state *state, const struct finding *danger)
{
	text_done(&state->next);
	text_add(&state->next, text_string(&danger->remedy));
	if (state->kind == STATE_REBOUND)
		return;
	text_done(&state->why);
	text_add(&state->why, text_string(&danger->text));
	state->kind = STATE_LINE;
	state->result = result_name(RESULT_REFUSED);
}

static int texts_error(const struct line_states *states)
{
	for (size_t i = 0; i < states->count; i++)
		if (states->items[i].why.failed || states->items[i].next.failed)
			return -ENOMEM;
	return 0;
}

int line_states_find(const struct machine *machine, const struct boot_report *report, bool usable,
		     struct line_states *ret)
{
	const struct comparison comparison = { machine, report, ret, usable };
	int error = find_lines(&comparison);

	if (!error)
		error = find_unlisted(&comparison);
	return error ? error : texts_error(ret);
}

void line_states_done(struct line_states *states)
{
	for (size_t i = 0; i < states->count; i++)
		state_done(&states->items[i]);
	free(states->items);
	*states = (struct line_states){ 0 };
}
