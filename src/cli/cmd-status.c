/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early status: what was wanted, what the boot did, what is true now, and what to do next. */

#include <limits.h>
#include <string.h>

#include "command.h"
#include "config/selection.h"
#include "danger/danger.h"
#include "machine/card.h"
#include "machine/machine.h"
#include "machine/names.h"
#include "status-metrics.h"
#include "status/boot-findings.h"

/* What the words of the command line select. */
struct choice {
	const struct machine *machine;
	struct names *names;
	struct line_states *states;
	bool *keep; /* one for each state */
};

/* `notices`: NULL if the question is about certain devices, not about the boot. */
static enum status overall_status(const struct machine *machine, const struct findings *notices,
				  const struct line_states *states)
{
	bool well = true, due = notices && notices->count;

	for (size_t i = 0; i < states->count; i++) {
		well = well && line_state_is_well(&states->items[i]);
		due = due || line_state_is_due(&states->items[i]);
	}
	if (machine->confdir.conf.error_total)
		return STATUS_CONFIG;
	if (due)
		return STATUS_DUE;
	return well ? STATUS_WELL : STATUS_UNWANTED;
}

/* The device of the state; or the one that its line expects at an address. */
static bool state_address(const struct line_state *state, struct pci_address *ret)
{
	if (*state->address)
		return !pci_address_parse(state->address, ret);
	*ret = state->rule->address;
	return state->rule->given & CONDITION_ADDRESS;
}

/*
 * Is it the device that `word` names by its address, which may be missing, or is it on that card?
 */
static bool is_named(const struct pci_address *address, const char *word)
{
	struct pci_address named;

	if (!card_parse(word, &named))
		return !pci_address_parse(word, &named) && !pci_address_compare(address, &named);
	named.function = address->function;
	return !pci_address_compare(address, &named);
}

static enum status choose(const struct choice *choice, const char *word)
{
	_cleanup_(selection_done) struct selection selection = { 0 };
	_cleanup_(text_done) struct text why = { 0 };
	struct pci_address address;
	bool found = false;
	int error = selection_find(choice->machine, choice->names, word, &selection, &why);

	if (error == -EINVAL)
		complain("status: %s", text_string(&why));
	if (error)
		return error == -EINVAL ? STATUS_USAGE : fail("status", error);
	for (size_t i = 0; i < choice->states->count; i++) {
		if (!state_address(&choice->states->items[i], &address) ||
		    (!is_named(&address, word) && !selection_has(&selection, &address)))
			continue;
		choice->keep[i] = found = true;
	}
	if (!found)
		complain("%s: no line of the config lists such a device", word);
	return found ? STATUS_WELL : STATUS_UNWANTED;
}

/* Keeps what the arguments select, if there are any. */
static enum status choose_all(const struct request *request, const struct machine *machine,
			      struct line_states *states)
{
	_cleanup_(freep) bool *keep = calloc(states->count + 1, sizeof(*keep));
	struct choice choice = { machine, names_open(machine), states, keep };
	enum status worst = STATUS_WELL;

	if (!keep || !choice.names) {
		names_close(choice.names);
		return fail("status", -ENOMEM);
	}
	for (int i = 0; i < request->count && worst != STATUS_ENVIRONMENT; i++) {
		enum status status = choose(&choice, request->arguments[i]);

		worst = status > worst ? status : worst;
	}
	line_states_filter(states, keep);
	names_close(choice.names);
	return worst;
}

/* Is binding the device the next step, which a danger can forbid? */
static bool is_to_be_bound(const struct line_state *state)
{
	return state->kind == STATE_PENDING || state->kind == STATE_MISSED ||
	       state->kind == STATE_FAILED || state->kind == STATE_REBOUND;
}

/*
 * `check` and `bind` refuse what the host needs: nothing else may be advised here. The danger says
 * for what the host needs the device; the match only that it does.
 */
static void refuse_states(const struct findings *dangers, struct line_states *states)
{
	for (size_t i = 0; i < states->count; i++) {
		struct line_state *state = &states->items[i];
		const struct finding *danger = is_to_be_bound(state) || state->kind == STATE_LINE
						       ? dangers_refuse(dangers, state->claim)
						       : NULL;

		if (danger)
			line_state_refuse(state, danger);
	}
}

/* Is a device that a line takes not with its driver? Only then a danger can matter. */
static bool any_is_unbound(const struct match *match)
{
	for (size_t i = 0; i < match->claim_count; i++)
		if (match->claims[i].result == RESULT_NONE &&
		    strcmp(match->claims[i].function->driver, match->claims[i].driver))
			return true;
	return false;
}

static int find_states(struct machine *machine, const struct boot_report *report,
		       struct findings *notices, struct line_states *states)
{
	_cleanup_(findings_done) struct findings dangers = { 0 };
	bool usable = false;
	int error = boot_findings_find(machine, report, notices, &usable);

	/* Matches again: the states have to point to the new claims. */
	if (!error && any_is_unbound(&machine->match))
		error = dangers_find(machine, &dangers);
	if (!error)
		error = line_states_find(machine, report, usable, states);
	if (!error)
		refuse_states(&dangers, states);
	return error;
}

/* Compares with --expect. */
static enum status require_bound(const struct line_states *states, uint64_t expected)
{
	size_t bound;

	line_states_count(states, &bound);
	if (bound >= expected)
		return STATUS_WELL;
	complain("status: fewer devices are bound than expected: %zu of %llu", bound,
		 (unsigned long long)expected);
	return STATUS_UNWANTED;
}

static enum status print_status(const struct request *request, struct machine *machine,
				const struct boot_report *report, uint64_t expected)
{
	_cleanup_(findings_done) struct findings notices = { 0 };
	_cleanup_(line_states_done) struct line_states states = { 0 };
	struct status_view view = {
		machine, report, &notices, &states, STATUS_WELL, request->color
	};
	enum status chosen = STATUS_WELL, enough;
	int error = find_states(machine, report, &notices, &states);

	if (error)
		return fail("status", error);
	if (request->count)
		chosen = choose_all(request, machine, &states);
	if (chosen > STATUS_UNWANTED || (chosen != STATUS_WELL && !states.count))
		return chosen;
	enough = require_bound(&states, expected);
	view.status = overall_status(machine, request->count ? NULL : &notices, &states);
	if (view.status == STATUS_WELL)
		view.status = chosen != STATUS_WELL ? chosen : enough;
	if (request->prometheus)
		return status_print_metrics(&view, request->output);
	if (request->json)
		status_add_json(&view, request->json);
	else
		status_print(&view);
	return view.status;
}

static bool parse_expected(const struct request *request, uint64_t *ret)
{
	const char *end;

	*ret = 0;
	if (!request->expect)
		return true;
	end = number_parse(request->expect, 10, UINT32_MAX, ret);
	if (end && !*end)
		return true;
	complain("status: --expect: not a number: %s", request->expect);
	return false;
}

static bool wants_serial(const struct conf *conf)
{
	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].given & CONDITION_SERIAL)
			return true;
	return false;
}

static bool are_options_good(const struct request *request)
{
	const char *problem = NULL;

	if (request->output && !request->prometheus)
		problem = "--output needs --prometheus";
	else if (request->json && request->prometheus)
		problem = "--json and --prometheus exclude each other";
	if (problem)
		complain("status: %s", problem);
	return !problem;
}

static enum status run(const struct request *request)
{
	_cleanup_(machine_done) struct machine machine = { 0 };
	_cleanup_(boot_report_done) struct boot_report report = { 0 };
	enum status status;
	uint64_t expected;
	int error;

	if (!parse_expected(request, &expected) || !are_options_good(request))
		return STATUS_USAGE;
	status = load_machine(request, &machine);
	if (status != STATUS_WELL)
		return status;
	machine_print_errors(&machine, "");
	if (wants_serial(&machine.confdir.conf))
		machine_note_unseen(&machine);
	status = require_devices(&machine);
	if (status != STATUS_WELL)
		return status;
	error = boot_report_read(&machine.root, machine.directory, &report);
	if (error)
		return fail("/" REPORT_FILE ": cannot be read", error);
	return print_status(request, &machine, &report, expected);
}

const struct command command_status = {
	.name = "status",
	.arguments = "[DEVICE]...",
	.summary = "what the boot did with each listed device, what is true now, what to do next",
	.details =
		"Prints for each line of the config what the boot did with its devices, which\n"
		"driver has each device now, why, and the next step. DEVICE is what \"add\"\n"
		"accepts: an address (01:00.0), a card (01:00), an ID (10de:1c03), group=N, or a\n"
		"part of the device's name.\n\n"
		"Exit status: 0 every listed device is bound, 1 one is not, or fewer than\n"
		"--expect are, 3 the config has errors, 4 the machine cannot be read, 5 a rebuild\n"
		"of the image or a reboot is due.",
	.options = OPTION_ROOT | OPTION_EXPECT | OPTION_PROMETHEUS | OPTION_OUTPUT | OPTION_JSON,
	.most = INT_MAX,
	.run = run,
};
