/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `status` found, for people and for programs. */

#include "status-print.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "finding-print.h"
#include "lib/color.h"
#include "lib/printable.h"

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

static void print_line_head(const struct status_view *view, const struct rule *rule)
{
	char statement[CONF_STATEMENT_SIZE];
	struct text place = { 0 };

	if (!rule) {
		puts("no line any more:");
		return;
	}
	place_add(&rule->place, &place);
	confdir_statement(&view->machine->confdir, &rule->place, statement);
	color_print(stdout, view->color, BOLD);
	printable_print(stdout, "%s: %s", text_string(&place), statement);
	color_print(stdout, view->color, PLAIN);
	putchar('\n');
	text_done(&place);
}

static const char *state_color(const struct line_state *state)
{
	if (state->kind == STATE_INACTIVE)
		return "";
	if (line_state_is_due(state))
		return YELLOW;
	return line_state_is_well(state) ? GREEN : RED;
}

static void print_state(const struct line_state *state, bool color)
{
	printable_print(stdout, "  %s%s", state->address, *state->address ? ": " : "");
	color_print(stdout, color, state_color(state));
	printable_print(stdout, "%s", state->result);
	color_print(stdout, color, PLAIN);
	if (state->kind == STATE_BOUND)
		printable_print(stdout, " to %s", state->driver);
	else if (*state->driver)
		printable_print(stdout, ", %s has it", state->driver);
	printable_print(stdout, "%s%s\n", state->why.length ? ": " : "", text_string(&state->why));
}

/* The next step, cut at the device's own address: what is before it, and what is after it. */
static const char *split_next(const struct line_state *state, size_t *ret_length)
{
	const char *next = text_string(&state->next);
	const char *address = *state->address ? strstr(next, state->address) : NULL;

	*ret_length = address ? (size_t)(address - next) : strlen(next);
	return address ? address + strlen(state->address) : "";
}

static bool has_same_next(const struct line_state *a, const struct line_state *b)
{
	size_t length, other_length;
	const char *rest = split_next(a, &length), *other_rest = split_next(b, &other_length);

	return length == other_length && !strcmp(rest, other_rest) &&
	       !memcmp(text_string(&a->next), text_string(&b->next), length);
}

/* Is it the first device from `first` on with its address and its next step? */
static bool is_named_first(const struct line_states *states, size_t first, size_t index)
{
	const struct line_state *state = &states->items[index];

	for (size_t i = first; i < index; i++)
		if (!strcmp(states->items[i].address, state->address) &&
		    has_same_next(&states->items[i], state))
			return false;
	return true;
}

/* Prints the next step of a device, with the addresses of the later devices that need the same. */
static void print_next(const struct line_states *states, size_t first)
{
	const struct line_state *state = &states->items[first];
	struct text next = { 0 };
	size_t length;
	const char *rest = split_next(state, &length);
	bool has_address = length < state->next.length;

	text_add_bytes(&next, text_string(&state->next), length);
	for (size_t i = first; has_address && i < states->count; i++)
		if (has_same_next(state, &states->items[i]) && is_named_first(states, first, i))
			text_add(&next, i == first ? "" : " ", states->items[i].address);
	printable_print(stdout, "next: %s%s\n", text_string(&next), rest);
	text_done(&next);
}

/* Prints each next step once. */
static void print_next_steps(const struct line_states *states)
{
	for (size_t i = 0; i < states->count; i++) {
		size_t first = 0;

		while (first < i && !has_same_next(&states->items[first], &states->items[i]))
			first++;
		if (first == i && states->items[i].next.length)
			print_next(states, i);
	}
}

/* A config that lists nothing is no success of a boot: it may have been lost. */
static void print_nothing_listed(const struct status_view *view)
{
	const struct machine *machine = view->machine;

	if (conf_has_bind(&machine->confdir.conf))
		puts("no line that is in force in this boot lists a device");
	else if (machine->confdir.conf.error_total)
		puts("no line without an error lists a device");
	else if (root_has(&machine->root, CONFDIR_MAIN))
		puts("the config lists no device");
	else
		puts("the config lists no device: there is no /" CONFDIR_MAIN);
}

static void print_summary(const struct status_view *view)
{
	size_t bound, listed = line_states_count(view->states, &bound);

	if (!listed) {
		print_nothing_listed(view);
		return;
	}
	color_print(stdout, view->color, bound == listed ? GREEN : RED);
	printf("%zu of %zu device%s bound", bound, listed, listed == 1 ? "" : "s");
	color_print(stdout, view->color, PLAIN);
	putchar('\n');
}

void status_print(const struct status_view *view)
{
	const struct line_states *states = view->states;

	print_boot(view->report);
	findings_print(stdout, view->notices, view->color);
	for (size_t i = 0; i < states->count; i++) {
		if (!i || states->items[i].rule != states->items[i - 1].rule)
			print_line_head(view, states->items[i].rule);
		print_state(&states->items[i], view->color);
	}
	print_summary(view);
	print_next_steps(states);
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
	json_open(json, NULL, '{');
	json_statement(json, &machine->confdir, state->rule ? &state->rule->place : NULL);
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

void status_add_json(const struct status_view *view, struct json *json)
{
	size_t bound, listed = line_states_count(view->states, &bound);

	json_boot(json, view->report);
	json_notices(json, view->notices);
	json_number(json, "listed", listed);
	json_number(json, "bound", bound);
	json_open(json, "devices", '[');
	for (size_t i = 0; i < view->states->count; i++)
		json_state(json, view->machine, &view->states->items[i]);
	json_close(json);
	json_errors(json, &view->machine->confdir.conf);
}
