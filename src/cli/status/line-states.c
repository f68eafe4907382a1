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
#include "machine/sysfs.h"

/* What the functions below work with. */
struct finding {
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

bool line_state_is_well(const struct line_state *state)
{
	return kinds[state->kind].well;
}

bool line_state_is_due(const struct line_state *state)
{
	return kinds[state->kind].due;
}

/* Where the boot's config had the same statement as `rule`: false if it had none. */
static bool boot_place(const struct finding *finding, const struct rule *rule,
		       struct text *place)
{
	const struct confdir *then = &finding->report->confdir;
	char now[CONF_STATEMENT_SIZE], before[CONF_STATEMENT_SIZE];

	confdir_statement(&finding->machine->confdir, &rule->place, now);
	for (size_t i = 0; i < then->conf.count; i++) {
		if (then->conf.rules[i].statement != rule->statement)
			continue;
		confdir_statement(then, &then->conf.rules[i].place, before);
		if (strcmp(now, before))
			continue;
		place_add(&then->conf.rules[i].place, place);
		return true;
	}
	return false;
}

static struct line_state *add_state(const struct finding *finding,
				    enum line_state_kind kind)
{
	struct line_states *states = finding->states;
	struct line_state *state;

	if (ARRAY_GROW(states->items, states->count))
		return NULL;
	state = &states->items[states->count++];
	*state = (struct line_state){ .kind = kind,
				      .result = kinds[kind].result,
				      .boot = "" };
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
}

/* VFIO gives a group to a guest only if no host driver uses any function of it. */
static int judge_group(const struct finding *finding, struct line_state *state)
{
	const struct machine *machine = finding->machine;
	const struct pci_function *function = state->claim->function;
	_cleanup_(group_members_done) struct group_members blockers = { 0 };
	char group[NUMBER_SIZE];
	int error = group_find_blockers(machine, function, &blockers);

	if (error || !blockers.count)
		return error;
	set_kind(state, STATE_NOT_VIABLE);
	number_format(group, sysfs_group(&machine->root, &function->address), 10, 1);
	text_add(&state->why, "its IOMMU group ", group,
		 " is not viable, no guest can have it: ");
	add_blockers(&blockers, &state->why);
	group_add_remedy(machine, &blockers, state->claim->rule, &state->next);
	return 0;
}

static int judge_bound(const struct finding *finding, struct line_state *state)
{
	set_kind(state, STATE_BOUND);
	if (*state->boot && strcmp(state->boot, "bound"))
		text_add(&state->why, "since the boot; the boot itself left it ",
			 state->boot);
	return judge_group(finding, state);
}

/* The boot had it, and now it has not: a person, or another program, has changed that. */
static void judge_changed(struct line_state *state)
{
	set_kind(state, *state->driver ? STATE_REBOUND : STATE_RELEASED);
	if (*state->driver)
		text_add(&state->why, "bound at boot, given to ", state->driver,
			 " since");
	else
		text_add(&state->why, "bound at boot, taken from its driver since");
	advise_bind(state, &state->next);
}

/* rescue=release: the boot itself has given it back. */
static void judge_rescued(struct line_state *state)
{
	set_kind(state, STATE_RESCUED);
	text_add(&state->why,
		 "the boot gave it back to the host, since the root file system did "
		 "not appear without it");
	text_add(&state->next, "the host needs it: vfio-early remove ", state->address);
}

/* The boot tried and could not. */
static void judge_failed(const struct finding *finding, struct line_state *state,
			 const char *reason)
{
	set_kind(state, *state->driver ? STATE_FAILED : STATE_FENCED);
	text_add(&state->why, *reason ? reason : "the boot could not bind it");
	if (iommu_is_off(finding->machine)) {
		text_add(&state->next, "the IOMMU is off: ");
		iommu_add_remedy(finding->machine, &state->next);
		return;
	}
	text_add(&state->next, "remove the cause, then ");
	advise_bind(state, &state->next);
	text_add(&state->next, ", or reboot");
}

/* Not in the report, though that is of use: its line is new, or the device was not there. */
static void judge_unknown(const struct finding *finding, struct line_state *state,
			  const char *place)
{
	const struct report_record *line =
		*place ? boot_report_line(finding->report, place) : NULL;

	if (!line) {
		set_kind(state, STATE_PENDING);
		text_add(&state->why, "this boot's config did not list it");
		text_add(&state->next, ADVICE_APPLY);
		text_add(&state->next, "; or at once: ");
		advise_bind(state, &state->next);
		return;
	}
	set_kind(state, STATE_MISSED);
	state->boot = report_value(line, "result");
	text_add(&state->why, "at boot: ", state->boot);
	if (*report_value(line, "reason"))
		text_add(&state->why, ": ", report_value(line, "reason"));
	advise_bind(state, &state->next);
}

/* By a line that is in the image only: what the host used when it was built. */
static void judge_refused(struct line_state *state, const char *reason)
{
	state->result = result_name(RESULT_REFUSED);
	text_add(&state->why, "at boot: ", reason);
	text_add(&state->next, "vfio-early check");
}

static void judge_unbound(const struct finding *finding, struct line_state *state,
			  const struct report_record *record, const char *place)
{
	if (finding->usable && boot_report_rescued(finding->report, state->address)) {
		judge_rescued(state);
	} else if (!finding->usable) {
		set_kind(state, STATE_PENDING);
		text_add(&state->why, "this boot bound nothing");
		text_add(&state->next, "as above; or at once: ");
		advise_bind(state, &state->next);
	} else if (!record) {
		judge_unknown(finding, state, place);
	} else if (!strcmp(state->boot, "bound")) {
		judge_changed(state);
	} else if (!strcmp(state->boot, "refused")) {
		judge_refused(state, report_value(record, "reason"));
	} else {
		judge_failed(finding, state, report_value(record, "reason"));
	}
}

static int judge_claim(const struct finding *finding, const struct claim *claim,
		       struct line_state *state)
{
	const struct report_record *record = NULL;
	struct text place = { 0 };
	bool known = finding->usable && boot_place(finding, claim->rule, &place);
	int error = text_error(&place);

	pci_address_format(&claim->function->address, state->address);
	device_driver(&finding->machine->root, &claim->function->address, state->driver);
	if (known)
		record = boot_report_function(finding->report, state->address,
					      text_string(&place));
	state->boot = record ? report_value(record, "result") : "";
	if (claim->result != RESULT_NONE) {
		state->result = result_name(claim->result);
		text_add(&state->why, claim->reason ? claim->reason : "");
		text_add(&state->next, "vfio-early check");
	} else if (!strcmp(state->driver, claim->driver)) {
		error = error ? error : judge_bound(finding, state);
	} else {
		judge_unbound(finding, state, record, text_string(&place));
	}
	text_done(&place);
	return error;
}

/* A line that selects nothing now. */
static void judge_line(const struct finding *finding, const struct line_match *line,
		       struct line_state *state)
{
	const struct report_record *record = NULL;
	struct text place = { 0 };

	state->result = result_name(line->result);
	if (finding->usable && boot_place(finding, state->rule, &place))
		record = boot_report_line(finding->report, text_string(&place));
	text_done(&place);
	state->boot = record ? report_value(record, "result") : "";
	if (line->result == RESULT_INACTIVE) {
		state->kind = STATE_INACTIVE;
		text_add(&state->why,
			 "counts only with vfio_early=", state->rule->profile,
			 " on the kernel command line");
		return;
	}
	text_add(&state->why, line->reason ? line->reason : "");
	text_add(&state->next, "correct the line: vfio-early check");
}

static int find_claims(const struct finding *finding, const struct rule *rule)
{
	const struct match *match = &finding->machine->match;

	for (size_t i = 0; i < match->claim_count; i++) {
		struct line_state *state;
		int error;

		if (match->claims[i].rule != rule)
			continue;
		state = add_state(finding, STATE_LINE);
		if (!state)
			return -ENOMEM;
		state->rule = rule;
		state->claim = &match->claims[i];
		error = judge_claim(finding, &match->claims[i], state);
		if (error)
			return error;
	}
	return 0;
}

static int find_lines(const struct finding *finding)
{
	const struct match *match = &finding->machine->match;

	for (size_t i = 0; i < match->conf->count; i++) {
		const struct rule *rule = &match->conf->rules[i];
		struct line_state *state;
		int error = 0;

		if (rule->statement != STATEMENT_BIND)
			continue;
		if (match->lines[i].result == RESULT_NONE) {
			error = find_claims(finding, rule);
			if (error)
				return error;
			continue;
		}
		state = add_state(finding, STATE_LINE);
		if (!state)
			return -ENOMEM;
		state->rule = rule;
		judge_line(finding, &match->lines[i], state);
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
static int find_unlisted(const struct finding *finding)
{
	const struct boot_report *report = finding->report;

	for (size_t i = 0; finding->usable && i < report->count; i++) {
		const struct report_record *record = &report->records[i];
		char driver[PCI_DRIVER_SIZE];
		struct pci_address address;
		struct line_state *state;

		if (strcmp(record->word, "function") ||
		    strcmp(report_value(record, "result"), "bound") ||
		    pci_address_parse(report_value(record, "address"), &address) ||
		    is_claimed(&finding->machine->match, &address))
			continue;
		device_driver(&finding->machine->root, &address, driver);
		if (strcmp(driver, report_value(record, "target")))
			continue;
		state = add_state(finding, STATE_UNLISTED);
		if (!state)
			return -ENOMEM;
		state->boot = report_value(record, "result");
		pci_address_format(&address, state->address);
		string_copy(state->driver, sizeof(state->driver), driver);
		text_add(&state->why, "the boot took it for ",
			 report_value(record, "line"), ", which no longer lists it");
		text_add(&state->next, ADVICE_APPLY);
		text_add(&state->next, "; or at once: vfio-early release ",
			 state->address);
	}
	return 0;
}

static int texts_error(const struct line_states *states)
{
	for (size_t i = 0; i < states->count; i++)
		if (states->items[i].why.failed || states->items[i].next.failed)
			return -ENOMEM;
	return 0;
}

int line_states_find(const struct machine *machine, const struct boot_report *report,
		     bool usable, struct line_states *ret)
{
	const struct finding finding = { machine, report, ret, usable };
	int error = find_lines(&finding);

	if (!error)
		error = find_unlisted(&finding);
	return error ? error : texts_error(ret);
}

void line_states_done(struct line_states *states)
{
	for (size_t i = 0; i < states->count; i++) {
		text_done(&states->items[i].why);
		text_done(&states->items[i].next);
	}
	free(states->items);
	*states = (struct line_states){ 0 };
}
