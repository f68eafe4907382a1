/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `add` says of the lines that it has written. */

#include <stdio.h>

#include "addition.h"
#include "finding-print.h"
#include "lib/printable.h"
#include "machine/group.h"
#include "machine/sysfs.h"

/* "WORDS: 0000:01:00.1 [10de:10f1] NVIDIA GP106 High Definition Audio (snd_hda_intel)" */
static void print_device(const struct addition *add, const char *words,
			 const struct pci_function *function)
{
	struct text text = { 0 };

	names_describe(add->names, function, &text);
	printable_print(stdout, "%s: %s (%s)\n", words, text_string(&text),
			*function->driver ? function->driver : "no driver");
	text_done(&text);
}

/* Prints what with= adds: one line may take all functions of a chip. */
static void print_companions(const struct addition *add, const struct target *target)
{
	const struct match *match = &add->machine.match;

	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];

		if (claim_line(claim, target->rule) && claim->result == RESULT_NONE &&
		    pci_address_compare(&claim->function->address, &target->line.address))
			print_device(add, "also takes", claim->function);
	}
}

/* Prints what else is in the group, and not listed. */
static void print_mates(const struct addition *add, const struct target *target)
{
	_cleanup_(group_members_done) struct group_members members = { 0 };
	const struct machine *machine = &add->machine;
	int group = sysfs_group(&machine->root, &target->line.address);

	if (group_find_members(machine, group, &members))
		return;
	for (size_t i = 0; i < members.count; i++) {
		const struct pci_function *mate = members.items[i];
		bool counts = !pci_is_bridge(mate) &&
			      (!pci_is_chipset(mate) || group_is_blocked_by(machine, mate));

		if (counts && !machine_claim_of(machine, mate))
			print_device(add, "in the same IOMMU group, and not listed", mate);
	}
}

/* Says that a line below a [NAME] lists the device, too, but not in every boot. */
static void print_profile(const struct addition *add, const struct target *target)
{
	const struct claim *claim = machine_claim_at(&add->machine, &target->line.address);

	for (size_t i = 0; claim && i < claim->line_count; i++) {
		const struct rule *rule = claim->lines[i].rule;
		struct text place = { 0 };

		if (!rule->profile)
			continue;
		place_add(&rule->place, &place);
		printable_print(stdout, "also listed: %s, but only with vfio_early=%s\n",
				text_string(&place), rule->profile);
		text_done(&place);
	}
}

static void print_listed(const struct addition *add, const struct target *target)
{
	const struct rule *rule = device_line_rule(&add->machine, &target->line.address);
	char address[PCI_ADDRESS_SIZE], statement[CONF_STATEMENT_SIZE];

	confdir_statement(&add->machine.confdir, &rule->place, statement);
	printable_print(stdout, "%s is listed already: %s:%u: %s\n",
			pci_address_format(&target->line.address, address), rule->place.file,
			rule->place.line, statement);
}

/* Prints the line, and what it was before if it is not new. */
static void print_target(const struct addition *add, const struct target *target)
{
	bool dry_run = add->request.dry_run, is_new = !*target->line.before;
	char statement[CONF_STATEMENT_SIZE];

	if (target->line.is_listed) {
		print_listed(add, target);
		return;
	}
	confdir_statement(&add->machine.confdir, &target->rule->place, statement);
	printf("%s/%s:%u: %s\n",
	       !dry_run ? ""
	       : is_new ? "would add "
			: "would change ",
	       target->line.file, target->line.number,
	       is_new ? text_string(&target->line.text) : statement);
	if (!is_new)
		printf("    before: %s\n", target->line.before);
	print_profile(add, target);
	print_companions(add, target);
	print_mates(add, target);
}

static void json_target(const struct addition *add, const struct target *target)
{
	const struct rule *rule = target->rule
					  ? target->rule
					  : device_line_rule(&add->machine, &target->line.address);
	struct json *json = add->request.json;
	char address[PCI_ADDRESS_SIZE];

	json_open(json, NULL, '{');
	json_string(json, "address", pci_address_format(&target->line.address, address));
	json_string(json, "file", rule->place.file);
	json_statement(json, &add->machine.confdir, &rule->place);
	json_string(json, "before", target->rule ? target->line.before : NULL);
	json_boolean(json, "written", target->rule && !add->request.dry_run);
	json_close(json);
}

static void add_json(const struct addition *add)
{
	struct json *json = add->request.json;

	json_open(json, "lines", '[');
	for (size_t i = 0; i < add->count; i++)
		json_target(add, &add->targets[i]);
	json_close(json);
	json_findings_of(json, "dangers", &add->dangers, add->rules, add->rule_count);
}

void addition_print(const struct addition *add, bool told)
{
	if (add->request.json) {
		add_json(add);
		return;
	}
	for (size_t i = 0; i < add->count; i++)
		print_target(add, &add->targets[i]);
	fflush(stdout); /* the warnings come after the line in a pipe, too */
	if (!told && add->rule_count)
		findings_warn(&add->dangers, add->rules, add->rule_count);
}

/* Prints the commands that follow, without what is done already. */
void addition_print_next(const struct addition *add, const struct pci_address *taken, size_t count)
{
	struct text addresses = { 0 };

	add_addresses(taken, count, &addresses);
	if (add->request.now)
		printf("next: %s\n", ADVICE_APPLY_LATER);
	else
		printable_print(stdout,
				"next: " ADVICE_APPLY
				"; or at once, without a reboot: vfio-early bind%s%s%s\n",
				text_string(&addresses), ROOT_OPTION(add->request.root));
	text_done(&addresses);
}

/* Prints the command that does the same without questions. */
void addition_print_command(const struct addition *add)
{
	static const char *const with[] = { "", " --with functions", " --with group" };
	const struct request *request = &add->request;
	const struct target *target = &add->targets[0];
	char address[PCI_ADDRESS_SIZE];

	printable_print(stdout, "the same without questions: vfio-early add %s%s%s%s",
			pci_address_format(&target->line.address, address),
			target->rule ? with[target->rule->with] : "", ROOT_OPTION(request->root));
	if (request->driver)
		printf(" --driver %s", request->driver);
	for (const char *const *allow = request->allow; *allow; allow++)
		printf(" --allow %s", *allow);
	printf("%s%s%s\n", request->now ? " --now" : "", request->apply ? " --apply" : "",
	       request->now || request->apply ? " --yes" : "");
	fflush(stdout);
}
