/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `status` found, for monitoring: metrics in Prometheus's text exposition format, version
 * 0.0.4, which the textfile collector of the node exporter reads from a file.
 */

#include "status-metrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/printable.h"
#include "machine/names.h"

static void add_head(struct text *text, const char *name, const char *help)
{
	text_add(text, "# HELP ", name, " ", help, "\n");
	text_add(text, "# TYPE ", name, " gauge\n");
}

/* Adds NAME="VALUE": UTF-8, in which backslash and quote are escaped. No value has a newline. */
static void add_label(struct text *text, const char *name, const char *value)
{
	struct text printable = { 0 };

	printable_add(&printable, value);
	text_add(text, name, "=\"");
	for (const char *p = text_string(&printable); *p; p++) {
		text_add(text, strchr("\\\"", *p) ? "\\" : "");
		text_add_bytes(text, p, 1);
	}
	text_add(text, "\"");
	text->failed |= printable.failed;
	text_done(&printable);
}

static void add_value(struct text *text, uint64_t value)
{
	text_add(text, " ");
	text_add_number(text, value, 10, 1);
	text_add(text, "\n");
}

static void add_single(struct text *text, const char *name, const char *help, uint64_t value)
{
	add_head(text, name, help);
	text_add(text, name);
	add_value(text, value);
}

static size_t count_result(const struct line_states *states, const char *result)
{
	size_t count = 0;

	for (size_t i = 0; i < states->count; i++)
		count += line_states_represents(states, i) &&
			 !strcmp(states->items[i].result, result);
	return count;
}

static void add_result(struct text *text, const struct line_states *states, const char *result)
{
	text_add(text, "vfio_early_devices{");
	add_label(text, "result", result);
	text_add(text, "}");
	add_value(text, count_result(states, result));
}

/* Is it the first state with its result? */
static bool is_new_result(const struct line_states *states, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (!strcmp(states->items[i].result, states->items[index].result))
			return false;
	return strcmp(states->items[index].result, "bound") != 0;
}

/* "bound" is always there, so that a rule for an alert always has a value. */
static void add_results(struct text *text, const struct line_states *states)
{
	add_head(text, "vfio_early_devices",
		 "Devices, and lines that select none, by their result in vfio-early status.");
	add_result(text, states, "bound");
	for (size_t i = 0; i < states->count; i++)
		if (is_new_result(states, i))
			add_result(text, states, states->items[i].result);
}

static void add_device(struct text *text, struct names *names, const struct line_state *state)
{
	char name[NAMES_SIZE];

	text_add(text, "vfio_early_device_bound{");
	add_label(text, "address", state->address);
	text_add(text, ",");
	add_label(text, "name", names_full(names, state->claim->function, name));
	text_add(text, "}");
	add_value(text, state->kind == STATE_BOUND);
}

static void add_devices(struct text *text, struct names *names, const struct line_states *states)
{
	add_head(text, "vfio_early_device_bound",
		 "1 if the listed device is bound to its driver and a guest can have it.");
	for (size_t i = 0; i < states->count; i++)
		if (states->items[i].claim && line_states_represents(states, i))
			add_device(text, names, &states->items[i]);
}

static void add_metrics(const struct status_view *view, struct names *names, struct text *text)
{
	size_t bound;

	add_single(text, "vfio_early_status",
		   "Exit status of vfio-early status: 0 if every listed device is bound.",
		   view->status);
	add_single(text, "vfio_early_devices_listed", "Devices that the config lists.",
		   line_states_count(view->states, &bound));
	add_single(text, "vfio_early_config_errors", "Errors in the config.",
		   view->machine->confdir.conf.error_total);
	add_results(text, view->states);
	add_devices(text, names, view->states);
}

/* root_create() renames a temporary file: the collector never reads a part of the metrics. */
static int write_file(const char *file, const struct text *text)
{
	const char *slash = strrchr(file, '/');
	_cleanup_(freep) char *directory = slash ? strndup(file, slash - file + 1) : strdup("./");
	_cleanup_(root_done) struct root root = ROOT_NONE;
	int error = directory ? root_open(&root, directory) : -ENOMEM;
	struct stat st;

	/* A device or a link that is replaced by a file is lost. */
	if (lstat(file, &st) == 0 && !S_ISREG(st.st_mode))
		error = -EEXIST;
	return error ? error
		     : root_create(&root, slash ? slash + 1 : file, text->data, text->length);
}

enum status status_print_metrics(const struct status_view *view, const char *file)
{
	_cleanup_(text_done) struct text text = { 0 };
	struct names *names = names_open(view->machine);
	int error = names ? 0 : -ENOMEM;

	if (names)
		add_metrics(view, names, &text);
	names_close(names);
	error = error ? error : text_error(&text);
	if (!error && file)
		error = write_file(file, &text);
	if (error)
		return fail(file ? file : "status", error);
	if (!file)
		fputs(text_string(&text), stdout);
	return view->status;
}
