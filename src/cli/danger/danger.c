/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every danger of taking a device from the host, and its remedy: tables of what looks for one. Each
 * looks at one claim, one line or the machine, and says nothing or one thing.
 */

#include "danger/danger.h"

#include "condition.h"
#include "danger/context.h"
#include "danger/driver.h"
#include "danger/host-needs.h"
#include "danger/other-functions.h"
#include "danger/reset.h"
#include "danger/whole-machine.h"

static const struct {
	enum finding_kind kind;
	bool of_refused; /* also where the match refuses the function already */
	void (*find)(const struct danger_context *context, const struct claim *claim,
		     struct finding *finding);
} of_claims[] = {
	{ FINDING_BOOT_DISPLAY, true, host_needs_find_display },
	{ FINDING_IN_USE, true, host_needs_find_use },
	{ FINDING_MAYBE_IN_USE, true, host_needs_find_possible_use },
	{ FINDING_KEYBOARD, false, host_needs_find_keyboard },
	{ FINDING_GROUP, false, other_functions_find_group },
	{ FINDING_VFS, false, other_functions_find_virtual },
	{ FINDING_VF, false, other_functions_find_physical },
	{ FINDING_RESCUE, false, host_needs_find_rescue },
	{ FINDING_NO_GROUP, false, other_functions_find_no_group },
	{ FINDING_CONTROLLER, false, other_functions_find_controller },
	{ FINDING_DRIVER, false, driver_find_missing },
	{ FINDING_BUILT_IN, false, driver_find_built_in },
	{ FINDING_NO_RESET, false, reset_find_none },
};

/* Refused by a keep line, or for being a bridge: then nothing of it is in danger. */
static bool is_kept(const struct claim *claim)
{
	const bool display = claim->function->boot_display &&
			     !(match_allows(claim->rule, claim->function) & ALLOW_BOOT_DISPLAY);

	return !danger_context_is_taken(claim) && !display;
}

static void find_of_claim(const struct danger_context *context, const struct claim *claim,
			  struct findings *ret)
{
	if (is_kept(claim))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(of_claims); i++) {
		struct finding finding = finding_make(of_claims[i].kind);

		finding.claim = claim;
		finding.rule = claim->rule;
		if (danger_context_is_taken(claim) || of_claims[i].of_refused)
			of_claims[i].find(context, claim, &finding);
		findings_add(ret, &finding);
	}
}

static const struct claim *first_claim_of(const struct match *match, const struct rule *rule)
{
	for (size_t i = 0; i < match->claim_count; i++)
		if (claim_line(&match->claims[i], rule) &&
		    danger_context_is_taken(&match->claims[i]))
			return &match->claims[i];
	return NULL;
}

/* "bind 0000:01:00.0 10de:1c03" */
static void add_better_line(const struct pci_function *function, struct text *text)
{
	char address[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE];

	text_add(text, "bind ", pci_address_format(&function->address, address), " ",
		 pci_id_format(&function->id, id));
}

static void find_of_line(const struct machine *machine, const struct rule *rule,
			 struct findings *ret)
{
	const struct claim *claim = first_claim_of(&machine->match, rule);
	struct finding finding = finding_make(FINDING_ID_ALONE);

	if (!claim || rule->given & CONDITIONS_ONE || !rule->count)
		return;
	finding.rule = rule;
	text_add(&finding.text, "nothing on the line says where the device is: with one more of "
				"its kind in the machine, the line would select nothing");
	text_add(&finding.remedy, rule->count == 1 ? "begin the line with: "
						   : "write a line for each device; the first: ");
	add_better_line(claim->function, &finding.remedy);
	findings_add(ret, &finding);
}

/* A device that moved, for example, is no longer protected. */
static void find_of_keep(const struct machine *machine, const struct rule *rule,
			 struct findings *ret)
{
	const struct pci_snapshot *snapshot = &machine->snapshot;
	struct finding finding;

	if (rule->statement != STATEMENT_KEEP || !cmdline_activates(&machine->cmdline, rule))
		return;
	for (size_t i = 0; i < snapshot->count; i++)
		if (!condition_missed(rule, &snapshot->functions[i]))
			return;
	finding = finding_make(FINDING_KEEPS_NOTHING);
	finding.rule = rule;
	text_add(&finding.text, "no device matches: the line protects nothing");
	findings_add(ret, &finding);
}

static const struct {
	enum finding_kind kind;
	void (*find)(const struct danger_context *context, struct finding *finding);
} of_machine[] = {
	{ FINDING_IOMMU_OFF, whole_machine_find_iommu_off },
	{ FINDING_NO_INTERRUPT_REMAPPING, whole_machine_find_no_remapping },
	{ FINDING_UNKNOWN_SWITCH, whole_machine_find_unknown_switch },
	{ FINDING_OTHER_RECIPE, whole_machine_find_other_recipe },
};

static void find_of_machine(const struct danger_context *context, struct findings *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(of_machine); i++) {
		struct finding finding = finding_make(of_machine[i].kind);

		of_machine[i].find(context, &finding);
		findings_add(ret, &finding);
	}
}

static void find_all(const struct danger_context *context, struct findings *ret)
{
	const struct match *match = &context->machine->match;

	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];

		if (claim->result != RESULT_INVALID)
			find_of_claim(context, claim, ret);
	}
	for (size_t i = 0; i < match->conf->count; i++)
		find_of_line(context->machine, &match->conf->rules[i], ret);
	for (size_t i = 0; i < match->conf->count; i++)
		find_of_keep(context->machine, &match->conf->rules[i], ret);
	find_of_machine(context, ret);
}

int dangers_find(const struct machine *machine, struct findings *ret)
{
	struct danger_context context;
	int error;

	if (!machine->has_devices || !conf_has_bind(&machine->confdir.conf))
		return 0;
	error = danger_context_make(machine, &context);
	if (!error)
		find_all(&context, ret);
	danger_context_done(&context);
	return error ? error : findings_error(ret);
}

const struct finding *dangers_refuse(const struct findings *dangers, const struct claim *claim)
{
	for (size_t i = 0; i < dangers->count; i++)
		if (dangers->items[i].claim == claim && dangers->items[i].refuses)
			return &dangers->items[i];
	return NULL;
}

const struct finding *dangers_unbound(const struct findings *dangers, const struct claim *claim)
{
	for (size_t i = 0; i < dangers->count; i++) {
		const struct finding *danger = &dangers->items[i];

		if (danger->kind == FINDING_IOMMU_OFF ||
		    ((danger->kind == FINDING_DRIVER || danger->kind == FINDING_NO_GROUP) &&
		     danger->claim == claim))
			return danger;
	}
	return NULL;
}
