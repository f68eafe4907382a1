/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early import: what other recipes list, as lines of the config; and which of their steps
 * are not needed any more. Nothing of theirs is changed.
 */

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "config/bind-line.h"
#include "config/draft.h"
#include "config/edit.h"
#include "danger/danger.h"
#include "finding-print.h"
#include "import/entries.h"
#include "import/leftovers.h"
#include "import/sources.h"
#include "machine/machine.h"
#include "machine/names.h"
#include "machine/resolver.h"
#include "machine/sysfs.h"

#define DROPIN CONFDIR_DROPINS "/imported.conf"

struct import {
	const struct request *request;
	struct machine machine;
	struct names *names;
	struct entries entries;
	const struct pci_function **taken; /* those that have a line now */
	size_t taken_count;
	size_t failed;	     /* entries that cannot be used */
	struct text left;    /* why entries were left out, a line each */
	struct text drivers; /* the modules of those that are taken */
	struct text text;    /* the lines */
};

static void import_done(struct import *import)
{
	free(import->taken);
	text_done(&import->text);
	text_done(&import->left);
	text_done(&import->drivers);
	entries_done(&import->entries);
	names_close(import->names);
	machine_done(&import->machine);
}

/* The machine without what was imported before: it is imported again. */
static enum status load(struct import *import)
{
	static const struct text nothing;
	enum status status = load_machine(import->request, &import->machine);
	int error;

	if (status == STATUS_WELL)
		status = require_devices(&import->machine);
	if (status != STATUS_WELL)
		return status;
	error = draft_match(&import->machine, DROPIN, &nothing);
	import->names = error ? NULL : names_open(&import->machine);
	return import->names ? STATUS_WELL : fail("import", error ? error : -ENOMEM);
}

static enum status find_entries(struct import *import)
{
	const struct request *request = import->request;
	int error = 0;

	if (!request->count)
		error = sources_find(&import->machine, &import->entries);
	for (int i = 0; i < request->count && !error; i++) {
		error = sources_read(&import->machine, request->arguments[i], &import->entries);
		if (error)
			return fail(request->arguments[i], error);
	}
	return error ? fail("import", error) : STATUS_WELL;
}

static bool is_taken(const struct import *import, const struct pci_function *function)
{
	for (size_t i = 0; i < import->taken_count; i++)
		if (import->taken[i] == function)
			return true;
	return false;
}

/* Returns why a function gets no line, or NULL. */
static const char *reason_against(const struct import *import, const struct pci_function *function)
{
	if (pci_is_bridge(function))
		return "a bridge stays with the host";
	if (is_taken(import, function))
		return "listed above";
	if (machine_claim_of(&import->machine, function))
		return "another line of the config lists it";
	return NULL;
}

static void add_comment(struct import *import, const struct entry *entry, const char *what)
{
	text_add(&import->text, "# ", entry->place, ": ", entry->words, what, "\n");
}

static void leave_out(struct import *import, const struct entry *entry, const char *what)
{
	add_comment(import, entry, what);
	text_add(&import->left, "left out: ", entry->place, ": ", entry->words, what, "\n");
}

static void add_drivers(struct import *import, const struct pci_function *function,
			struct resolver *resolver)
{
	char modalias[512];

	if (*function->driver)
		text_add(&import->drivers, import->drivers.length ? ", " : "", function->driver);
	if (resolver &&
	    sysfs_modalias(&import->machine.root, &function->address, modalias, sizeof(modalias)) &&
	    resolver_add_names(resolver, modalias, &import->drivers))
		return; /* the modules of a device without any are none */
}

static int take(struct import *import, const struct pci_function *function,
		struct resolver *resolver)
{
	if (ARRAY_GROW(import->taken, import->taken_count))
		return -ENOMEM;
	import->taken[import->taken_count++] = function;
	add_drivers(import, function, resolver);
	return 0;
}

/* Can one line take all functions of the card that the entry means, of which there are several? */
static bool is_whole_card(const struct import *import, const struct entry *entry)
{
	const struct pci_snapshot *snapshot = &import->machine.snapshot;
	size_t count = 0;

	for (size_t i = 0; i < snapshot->count && entry->card; i++) {
		if (!entry_meets(entry, snapshot, &snapshot->functions[i]))
			continue;
		if (reason_against(import, &snapshot->functions[i]))
			return false;
		count++;
	}
	return count > 1;
}

/* Adds a line for the function, or its address and the reason why it gets none. */
static void add_line(struct import *import, const struct pci_function *function, const char *words,
		     const char *reason)
{
	char address[PCI_ADDRESS_SIZE];

	if (reason)
		text_add(&import->text, "# ", pci_address_format(&function->address, address), ": ",
			 reason);
	else
		bind_line_add(&import->machine, import->names, function, NULL, words,
			      &import->text);
	text_add(&import->text, "\n");
}

/* Adds a line for each function that an entry means, or one for a whole card. */
static int add_functions(struct import *import, const struct entry *entry,
			 struct resolver *resolver)
{
	const struct pci_snapshot *snapshot = &import->machine.snapshot;
	bool whole = is_whole_card(import, entry);
	size_t count = 0;
	int error = 0;

	for (size_t i = 0; i < snapshot->count && !error; i++) {
		const struct pci_function *function = &snapshot->functions[i];
		const char *reason;

		if (!entry_meets(entry, snapshot, function))
			continue;
		if (!count++)
			add_comment(import, entry, "");
		reason = reason_against(import, function);
		if (!whole || count == 1)
			add_line(import, function, whole ? " with=functions" : "", reason);
		if (!reason)
			error = take(import, function, resolver);
	}
	if (!count)
		leave_out(import, entry, ": no such device on this machine");
	return error;
}

static int add_entry(struct import *import, const struct entry *entry, struct resolver *resolver)
{
	struct text problem = { 0 };
	int error;

	if (!entry->problem)
		return add_functions(import, entry, resolver);
	text_add(&problem, ": ", entry->problem);
	leave_out(import, entry, text_string(&problem));
	error = text_error(&problem);
	text_done(&problem);
	import->failed += !entry->harmless;
	return error;
}

static enum status compose_lines(struct import *import)
{
	const struct machine *machine = &import->machine;
	struct resolver *resolver =
		resolver_new(machine->directory, machine->kernel, &machine->cmdline);
	int error = 0;

	text_add(&import->text, "# Imported from the configuration of other tools.\n");
	for (size_t i = 0; i < import->entries.count && !error; i++)
		error = add_entry(import, &import->entries.items[i], resolver);
	resolver_free(resolver);
	if (!error)
		error = text_error(&import->text);
	return error ? fail("import", error) : STATUS_WELL;
}

/* Prints what makes the boot program refuse an imported line as it stands. */
static void print_refusals(const struct findings *dangers)
{
	for (size_t i = 0; i < dangers->count; i++) {
		const struct finding *danger = &dangers->items[i];

		if (danger->refuses && !strcmp(danger->rule->place.file, "/" DROPIN))
			finding_print(stderr, danger, false);
	}
}

/* The lines are tried before anybody gets them: none that the parser refuses. */
static enum status try_lines(struct import *import)
{
	_cleanup_(findings_done) struct findings dangers = { 0 };
	size_t errors = import->machine.confdir.conf.error_total;
	int error = draft_match(&import->machine, DROPIN, &import->text);

	if (!error && import->machine.confdir.conf.error_total > errors)
		error = -EINVAL;
	if (!error)
		error = dangers_find(&import->machine, &dangers);
	if (error)
		return fail("import", error);
	print_refusals(&dangers);
	if (import->request->json)
		json_findings(import->request->json, "dangers", &dangers);
	return STATUS_WELL;
}

static int write_locked(struct edit *edit, const struct import *import)
{
	if (edit->before.st_ino && !text_equal(&edit->text, &import->text))
		return -EEXIST;
	return edit_commit(edit, &import->text);
}

static enum status write_dropin(const struct import *import)
{
	_cleanup_(edit_done) struct edit edit = EDIT_NONE;
	const struct root *root = &import->machine.root;
	int error = 0;

	if (mkdirat(root->fd, CONFDIR_DROPINS, 0755) < 0 && errno != EEXIST)
		error = -errno;
	if (!error)
		error = edit_open(&edit, root, DROPIN);
	if (!error)
		error = write_locked(&edit, import);
	if (error) {
		complain("/" DROPIN ": cannot be written: %s",
			 error == -EEXIST ? "it exists with another content. Edit it, or delete it."
					  : edit_explain(error));
		return STATUS_ENVIRONMENT;
	}
	if (!import->request->json)
		printf("/" DROPIN ": %zu device%s; next: vfio-early check\n", import->taken_count,
		       import->taken_count == 1 ? "" : "s");
	return STATUS_WELL;
}

struct leftover_view {
	struct json *json;
	bool others; /* were there others? */
};

/* Prints a leftover; before the first of them, when to delete it. */
static void print_leftover(void *context, const char *leftover)
{
	struct leftover_view *view = context;
	struct json *json = view->json;

	if (!view->others)
		fputs("after \"vfio-early apply\" and a successful reboot, delete these words, and "
		      "no others:\n",
		      stderr);
	view->others = true;
	fprintf(stderr, "%s\n", leftover);
	if (!json)
		return;
	json_open(json, NULL, '{');
	json_string(json, "text", leftover);
	json_close(json);
}

/* Adds the lines that the draft has now. */
static void add_json_lines(const struct import *import)
{
	const struct confdir *confdir = &import->machine.confdir;
	struct json *json = import->request->json;

	json_open(json, "lines", '[');
	for (size_t i = 0; i < confdir->conf.count; i++) {
		const struct place *place = &confdir->conf.rules[i].place;

		if (strcmp(place->file, "/" DROPIN))
			continue;
		json_open(json, NULL, '{');
		json_string(json, "file", place->file);
		json_statement(json, confdir, place);
		json_boolean(json, "written", import->request->write);
		json_close(json);
	}
	json_close(json);
}

static enum status print_leftovers(const struct import *import)
{
	struct leftover_view view = { import->request->json, false };
	int error;

	if (view.json)
		json_open(view.json, "leftovers", '[');
	error = leftovers_find(&import->machine.root, text_string(&import->drivers), print_leftover,
			       &view);
	if (view.json)
		json_close(view.json);
	return error ? fail("import", error) : STATUS_WELL;
}

/* Reports that the entries of guests are no leftovers. */
static void print_guests(const struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		if (entries->items[i].is_guests) {
			fputs("the guests' configuration stays as it is: delete nothing there\n",
			      stderr);
			return;
		}
}

static enum status print_import(struct import *import)
{
	enum status status = STATUS_WELL;

	if (import->request->write)
		status = write_dropin(import);
	else if (!import->request->json)
		fputs(text_string(&import->text), stdout);
	if (status != STATUS_WELL)
		return status;
	if (import->request->json)
		add_json_lines(import);
	fflush(stdout);
	fputs(text_string(&import->left), stderr);
	status = print_leftovers(import);
	if (status != STATUS_WELL)
		return status;
	print_guests(&import->entries);
	return import->failed || (import->left.length && !import->taken_count) ? STATUS_UNWANTED
									       : STATUS_WELL;
}

static enum status run(const struct request *request)
{
	_cleanup_(import_done) struct import import = { .request = request };
	enum status status = load(&import);

	machine_note_errors(&import.machine);
	if (status == STATUS_WELL)
		status = find_entries(&import);
	if (status != STATUS_WELL)
		return status;
	if (!import.entries.count) {
		complain("import: no other tool lists a device%s",
			 request->count ? " in these files" : " on this machine");
		return print_leftovers(&import);
	}
	status = compose_lines(&import);
	if (status == STATUS_WELL)
		status = try_lines(&import);
	return status == STATUS_WELL ? print_import(&import) : status;
}

const struct command command_import = {
	.name = "import",
	.arguments = "[FILE]...",
	.summary = "print config lines for the devices that other tools list",
	.details =
		"Reads modprobe.d (options vfio-pci ids=), the kernel command line (vfio-pci.ids=,\n"
		"rd.qubes.hide_pci=), /etc/driverctl.d, unRAID's vfio-pci.cfg, scripts in init-top\n"
		"(DEVS=, as TrueNAS has them), the mappings and guests of Proxmox VE, and the guests\n"
		"of libvirt; or FILE, in any of these formats or with one address a line. Prints a\n"
		"line for each device or card, with address, ID and path. Prints on standard error\n"
		"which words of the other recipe to delete after a successful reboot, and deletes\n"
		"none of them. --write: into /etc/vfio-early.conf.d/imported.conf.\n\n"
		"What is left out is reported on standard error. Devices that are not in this\n"
		"machine, those of another node of a Proxmox cluster, and mediated devices are no\n"
		"failures.\n\n"
		"Exit status: 0 the devices of this machine were imported, or there was nothing to\n"
		"import, 1 something was not understood, or only other machines' devices were\n"
		"found, 4 a file cannot be read or written.",
	.options = OPTION_ROOT | OPTION_WRITE | OPTION_JSON,
	.most = INT_MAX,
	.run = run,
};
