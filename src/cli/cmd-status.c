/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early status: what was wanted, what the boot did, what is true now, and what to do next. */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "finding-print.h"
#include "lib/printable.h"
#include "machine/machine.h"
#include "status/boot-findings.h"
#include "status/boot-report.h"
#include "status/line-states.h"

struct status_view {
	const struct machine *machine;
	const struct boot_report *report;
	const struct findings *notices;
	const struct line_states *states;
	enum status status;
	bool color;
};

static enum status overall_status(const struct machine *machine, const struct findings *notices,
				  const struct line_states *states)
{
	bool well = true, due = notices->count > 0;

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

static void print_next(const struct text *next, const char *indent)
{
	if (next->length)
		printable_print(stdout, "%snext: %s\n", indent, text_string(next));
}

static void print_boot(const struct boot_report *report)
{
	char when[64] = "at an unknown time";
	time_t seconds = report->time;
	struct tm local;

	if (!report->found)
		return;
	if (report->time && localtime_r(&seconds, &local))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %z", &local);
	printable_print(stdout, "boot: %s, Linux %s%s%s\n", when, report->kernel,
			*report->note ? ": " : "", report->note);
}

static void print_line_head(const struct machine *machine, const struct rule *rule)
{
	char statement[CONF_STATEMENT_SIZE];
	struct text place = { 0 };

	if (!rule) {
		puts("no line any more:");
		return;
	}
	place_add(&rule->place, &place);
	confdir_statement(&machine->confdir, &rule->place, statement);
	printable_print(stdout, "%s: %s\n", text_string(&place), statement);
	text_done(&place);
}

static void print_state(const struct line_state *state)
{
	printable_print(stdout, "  %s%s%s", state->address, *state->address ? ": " : "",
			state->result);
	if (state->kind == STATE_BOUND)
		printable_print(stdout, " to %s", state->driver);
	else if (*state->driver)
		printable_print(stdout, ", %s has it", state->driver);
	printable_print(stdout, "%s%s\n", state->why.length ? ": " : "", text_string(&state->why));
	print_next(&state->next, "    ");
}

static void print_text(const struct status_view *view)
{
	const struct line_states *states = view->states;

	print_boot(view->report);
	findings_print(stdout, view->notices, view->color);
	for (size_t i = 0; i < states->count; i++) {
		if (!i || states->items[i].rule != states->items[i - 1].rule)
			print_line_head(view->machine, states->items[i].rule);
		print_state(&states->items[i]);
	}
	if (!states->count && view->status == STATUS_WELL)
		puts("no device is listed in /" CONFDIR_MAIN);
}

static void json_boot(struct json *json, const struct boot_report *report)
{
	json_open(json, "boot", '{');
	json_boolean(json, "report", report->found);
	json_string(json, "kernel", report->kernel);
	json_string(json, "mode", report_mode_name(report->mode));
	json_string(json, "note", report->note);
	json_number(json, "time", report->time);
	json_close(json);
}

static void json_notices(struct json *json, const struct findings *notices)
{
	json_open(json, "notices", '[');
	for (size_t i = 0; i < notices->count; i++) {
		json_open(json, NULL, '{');
		json_string(json, "kind", finding_kind_name(notices->items[i].kind));
		json_string(json, "text", text_string(&notices->items[i].text));
		json_string(json, "next", text_string(&notices->items[i].remedy));
		json_close(json);
	}
	json_close(json);
}

static void json_state(struct json *json, const struct machine *machine,
		       const struct line_state *state)
{
	char statement[CONF_STATEMENT_SIZE] = "";

	if (state->rule)
		confdir_statement(&machine->confdir, &state->rule->place, statement);
	json_open(json, NULL, '{');
	json_place(json, state->rule ? &state->rule->place : NULL);
	json_string(json, "statement", statement);
	json_string(json, "address", state->address);
	json_string(json, "target", state->claim ? state->claim->driver : NULL);
	json_string(json, "driver", state->driver);
	json_string(json, "boot", line_state_boot(state));
	json_string(json, "result", state->result);
	json_boolean(json, "well", line_state_is_well(state));
	json_string(json, "why", text_string(&state->why));
	json_string(json, "next", text_string(&state->next));
	json_close(json);
}

static void add_json(const struct status_view *view, struct json *json)
{
	json_boot(json, view->report);
	json_notices(json, view->notices);
	json_open(json, "devices", '[');
	for (size_t i = 0; i < view->states->count; i++)
		json_state(json, view->machine, &view->states->items[i]);
	json_close(json);
	json_errors(json, &view->machine->confdir.conf);
}

static enum status print_status(const struct request *request, const struct machine *machine,
				const struct boot_report *report)
{
	_cleanup_(findings_done) struct findings notices = { 0 };
	_cleanup_(line_states_done) struct line_states states = { 0 };
	struct status_view view = {
		machine, report, &notices, &states, STATUS_WELL, request->color
	};
	bool usable = false;
	int error = boot_findings_find(machine, report, &notices, &usable);

	if (!error)
		error = line_states_find(machine, report, usable, &states);
	if (error)
		return fail("status", error);
	view.status = overall_status(machine, &notices, &states);
	if (request->json)
		add_json(&view, request->json);
	else
		print_text(&view);
	return view.status;
}

static bool wants_serial(const struct conf *conf)
{
	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].given & CONDITION_SERIAL)
			return true;
	return false;
}

static enum status run(const struct request *request)
{
	_cleanup_(machine_done) struct machine machine = { 0 };
	_cleanup_(boot_report_done) struct boot_report report = { 0 };
	enum status status = load_machine(request, &machine);
	int error;

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
	return print_status(request, &machine, &report);
}

const struct command command_status = {
	.name = "status",
	.arguments = "",
	.summary = "what the boot did with each listed device, what is true now, what to do next",
	.details = "Tells of each line of the config what became of it at boot, which driver has\n"
		   "the device now, why, and the next step to take.\n\n"
		   "Exit status: 0 every listed device is bound, 1 one is not, 3 the config has\n"
		   "errors, 4 the machine cannot be read, 5 a rebuild of the image or a reboot is\n"
		   "due.",
	.options = OPTION_ROOT | OPTION_JSON,
	.run = run,
};
