/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine: config, functions and what each line selects, loaded once for any command. */

#include "machine/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "device.h"
#include "display.h"
#include "lib/complain.h"
#include "lib/printable.h"
#include "loadplan.h"
#include "machine/boot-loader.h"
#include "machine/hints.h"
#include "machine/trust.h"

static int read_cmdline(struct machine *machine)
{
	struct text text = { 0 };
	int error = root_read_proc(&machine->root, "proc/cmdline", 64 * 1024, &text);

	if (error != -ENOMEM)
		error = cmdline_parse(&machine->cmdline, text_string(&text));
	text_done(&text);
	return error;
}

/* The only kernel that has modules in the tree at `root`, or NULL. The caller frees it. */
static char *only_kernel(const struct root *root)
{
	char **names = NULL, *kernel = NULL;
	size_t count = 0;

	if (root_names(root, "lib/modules", &names, &count))
		return NULL;
	if (count == 1)
		kernel = strdup(names[0]);
	names_free(names, count);
	return kernel;
}

/* Another machine's modules are not those of the kernel that runs here. */
static char *kernel_version(const char *wanted, const struct root *root)
{
	char *kernel = wanted ? strdup(wanted) : NULL;
	struct utsname name;

	if (!wanted && !root->live)
		kernel = only_kernel(root);
	if (kernel || wanted || uname(&name) < 0)
		return kernel;
	return strdup(name.release);
}

/* Commands ask any function for its driver and its header, not only those that a line selects. */
static int read_all(struct machine *machine)
{
	struct pci_snapshot *snapshot = &machine->snapshot;
	int error = 0;

	for (size_t i = 0; i < snapshot->count && !error; i++) {
		device_read_driver(&machine->root, snapshot, i);
		if (pci_may_be_bridge(&snapshot->functions[i]))
			error = device_read_details(&machine->root, snapshot, i, PCI_HEADER);
	}
	return error;
}

static void snapshot_done(struct machine *machine)
{
	free(machine->groups.numbers);
	free(machine->groups.members);
	machine->groups = (struct group_index){ 0 };
	pci_snapshot_done(&machine->snapshot);
}

int machine_match(struct machine *machine)
{
	const struct conf *conf = &machine->confdir.conf;
	int error;

	match_done(&machine->match);
	snapshot_done(machine);
	error = device_scan(&machine->root, conf, &machine->cmdline, &machine->snapshot);
	machine->has_devices = !error;
	if (error && error != -ENOENT)
		return error;
	error = read_all(machine);
	return error ? error : machine_match_again(machine);
}

int machine_match_again(struct machine *machine)
{
	match_done(&machine->match);
	return match_rules(&machine->confdir.conf, &machine->cmdline,
			   text_string(&machine->aliases), &machine->snapshot, &machine->match);
}

static int load(struct machine *machine)
{
	int error = read_cmdline(machine);

	if (!error)
		error = confdir_read(&machine->root, &machine->confdir);
	if (!error)
		error = trust_confdir(&machine->root, &machine->confdir);
	if (!error)
		error = hints_add(&machine->confdir);
	cmdline_check(&machine->cmdline, &machine->confdir.conf);
	if (!error)
		error = loadplan_read_aliases(&machine->root, machine->kernel, &machine->aliases);
	return error ? error : machine_match(machine);
}

int machine_load(const char *directory, const char *kernel, struct machine *ret)
{
	int error;

	ret->root = ROOT_NONE;
	ret->directory = directory;
	error = root_open(&ret->root, directory);
	if (error)
		return error;
	ret->kernel = kernel_version(kernel, &ret->root);
	return ret->kernel ? load(ret) : -ENOMEM;
}

void machine_read_displays(struct machine *machine)
{
	struct framebuffers framebuffers = { 0 };
	char path[DEVICE_PATH_SIZE];

	for (size_t i = 0; i < machine->snapshot.count; i++) {
		struct pci_function *function = &machine->snapshot.functions[i];

		if (!pci_is_display(function) || function->known & PCI_DISPLAY)
			continue;
		function->known |= PCI_DISPLAY;
		function->boot_display = display_is_boot(
			&machine->root, device_path(&function->address, "", path), &framebuffers);
	}
}

const struct claim *machine_claim_of(const struct machine *machine,
				     const struct pci_function *function)
{
	return match_claim(&machine->match, function);
}

const struct claim *machine_claim_at(const struct machine *machine,
				     const struct pci_address *address)
{
	const struct pci_function *function = pci_find(&machine->snapshot, address);

	return function ? machine_claim_of(machine, function) : NULL;
}

void machine_print_errors(const struct machine *machine, const char *prefix)
{
	const struct conf *conf = &machine->confdir.conf;

	for (size_t i = 0; i < conf->error_count; i++) {
		const struct conf_error *error = &conf->errors[i];
		struct text place = { 0 };

		place_add(&error->place, &place);
		printable_print(stderr, "%s%s: %s\n", prefix, text_string(&place), error->message);
		text_done(&place);
	}
	if (conf->error_total > conf->error_count)
		fprintf(stderr, "%s%zu further errors are not listed\n", prefix,
			conf->error_total - conf->error_count);
}

void machine_find_unknown_switch(const struct machine *machine, const char *word,
				 struct finding *finding)
{
	if (!word || !*word)
		return;
	text_add(&finding->text, CMDLINE_WRONG, word, CMDLINE_EXPECTED);
	text_add(&finding->remedy, "write a heading for that word, or ");
	boot_loader_add_edit(&machine->root, "correct it on", &finding->remedy);
}

void machine_explain_line(const struct rule *rule, const struct line_match *line, struct text *text)
{
	if (line->reason)
		text_add(text, line->reason);
	else if (line->result == RESULT_INACTIVE)
		text_add(text, "active only with vfio_early=", rule->profile,
			 " on the kernel command line");
}

void machine_note_errors(const struct machine *machine)
{
	if (machine->confdir.conf.error_total)
		remark("the config has errors; \"vfio-early check\" lists them");
}

void machine_note_unseen(const struct machine *machine)
{
	if (machine->root.live && geteuid())
		remark("only root can read serial numbers and find a display by its "
		       "framebuffer. Run it as root to be sure.");
}

void machine_done(struct machine *machine)
{
	match_done(&machine->match);
	snapshot_done(machine);
	text_done(&machine->aliases);
	confdir_done(&machine->confdir);
	cmdline_done(&machine->cmdline);
	free(machine->kernel);
	root_done(&machine->root);
	*machine = (struct machine){ .root = ROOT_NONE };
}
