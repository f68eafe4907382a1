/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every danger of taking a device from the host, and its remedy: tables of what looks for one. Each
 * looks at one claim, one line or the machine, and says nothing or one thing.
 */

#include "danger/danger.h"

#include "danger/context.h"
#include "danger/driver.h"
#include "danger/host-needs.h"
#include "danger/other-functions.h"
#include "danger/reset.h"
#include "danger/whole-machine.h"

/* The word for each kind, and whether it defeats what the line is for. */
static const struct {
	const char *name;
	bool grave;
} kinds[] = {
	[DANGER_BOOT_DISPLAY] = { "boot-display", true },
	[DANGER_IN_USE] = { "in-use", true },
	[DANGER_MAYBE_IN_USE] = { "maybe-in-use", false },
	[DANGER_KEYBOARD] = { "keyboard", true },
	[DANGER_GROUP] = { "group", true },
	[DANGER_VFS] = { "virtual-functions", true },
	[DANGER_VF] = { "virtual-function", true },
	[DANGER_RESCUE] = { "rescue", true },
	[DANGER_NO_GROUP] = { "no-group", true },
	[DANGER_CONTROLLER] = { "controller", true },
	[DANGER_DRIVER] = { "driver", true },
	[DANGER_BUILT_IN] = { "built-in", false },
	[DANGER_NO_RESET] = { "no-reset", false },
	[DANGER_ID_ALONE] = { "id-alone", false },
	[DANGER_IOMMU_OFF] = { "iommu-off", true },
	[DANGER_NO_INTERRUPT_REMAPPING] = { "no-interrupt-remapping", true },
	[DANGER_UNKNOWN_SWITCH] = { "unknown-switch", true },
	[DANGER_OTHER_RECIPE] = { "other-recipe", false },
};

const char *danger_kind_name(enum danger_kind kind)
{
	return kinds[kind].name;
}

bool danger_is_grave(const struct danger *danger)
{
	return kinds[danger->kind].grave && !danger->allowed;
}

const char *danger_word(const struct danger *danger)
{
	return danger_is_grave(danger) ? "danger" : danger->allowed ? "allowed" : "note";
}

static void add_address(const struct pci_function *function, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];

	text_add(text, pci_address_format(&function->address, address));
}

void danger_add_subject(const struct danger *danger, struct text *text)
{
	if (danger->claim)
		add_address(danger->claim->function, text);
	else if (danger->rule)
		place_add(&danger->rule->place, text);
	else
		text_add(text, "this machine");
}

static const struct {
	enum danger_kind kind;
	bool of_refused; /* also where the match refuses the function already */
	void (*find)(const struct danger_context *context, const struct claim *claim,
		     struct finding *finding);
} of_claims[] = {
	{ DANGER_BOOT_DISPLAY, true, host_needs_find_display },
	{ DANGER_IN_USE, true, host_needs_find_use },
	{ DANGER_MAYBE_IN_USE, true, host_needs_find_possible_use },
	{ DANGER_KEYBOARD, false, host_needs_find_keyboard },
	{ DANGER_GROUP, false, other_functions_find_group },
	{ DANGER_VFS, false, other_functions_find_virtual },
	{ DANGER_VF, false, other_functions_find_physical },
	{ DANGER_RESCUE, false, host_needs_find_rescue },
	{ DANGER_NO_GROUP, false, other_functions_find_no_group },
	{ DANGER_CONTROLLER, false, other_functions_find_controller },
	{ DANGER_DRIVER, false, driver_find_missing },
	{ DANGER_BUILT_IN, false, driver_find_built_in },
	{ DANGER_NO_RESET, false, reset_find_none },
};

/* Moves a finding, if there is one, to `ret`. */
static int take(struct finding *finding, enum danger_kind kind, const struct claim *claim,
		const struct rule *rule, struct dangers *ret)
{
	struct danger danger = { .kind = kind,
				 .refuses = finding->refuses,
				 .allowed = finding->allowed,
				 .claim = claim,
				 .rule = rule };

	if (!finding->text.length && !finding->text.failed)
		return 0;
	danger.text = text_steal(&finding->text);
	danger.remedy = text_steal(&finding->remedy);
	if (!danger.text || !danger.remedy || ARRAY_GROW(ret->items, ret->count)) {
		free(danger.text);
		free(danger.remedy);
		return -ENOMEM;
	}
	ret->items[ret->count++] = danger;
	return 0;
}

/* Refused by a keep line, or for being a bridge: then nothing of it is in danger. */
static bool is_kept(const struct claim *claim)
{
	const bool display =
		claim->function->boot_display &&
		!(match_allows(claim->rule, claim->function) & ALLOW_BOOT_DISPLAY);

	return !danger_context_is_taken(claim) && !display;
}

static int find_of_claim(const struct danger_context *context, const struct claim *claim,
			 struct dangers *ret)
{
	int error = 0;

	if (is_kept(claim))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(of_claims) && !error; i++) {
		struct finding finding = { 0 };

		if (!danger_context_is_taken(claim) && !of_claims[i].of_refused)
			continue;
		of_claims[i].find(context, claim, &finding);
		error = take(&finding, of_claims[i].kind, claim, claim->rule, ret);
	}
	return error;
}

static const struct claim *first_claim_of(const struct match *match,
					  const struct rule *rule)
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
	char id[PCI_ID_SIZE];

	text_add(text, "bind ");
	add_address(function, text);
	text_add(text, " ", pci_id_format(&function->id, id));
}

static int find_of_line(const struct machine *machine, const struct rule *rule,
			struct dangers *ret)
{
	const struct claim *claim = first_claim_of(&machine->match, rule);
	struct finding finding = { 0 };

	if (!claim || rule->given & CONDITIONS_ONE || !rule->count)
		return 0;
	text_add(&finding.text,
		 "nothing on the line says where the device is: with one more of "
		 "its kind in the machine, the line would select nothing");
	text_add(&finding.remedy, rule->count == 1
					  ? "begin the line with: "
					  : "write a line for each device; the first: ");
	add_better_line(claim->function, &finding.remedy);
	return take(&finding, DANGER_ID_ALONE, NULL, rule, ret);
}

static const struct {
	enum danger_kind kind;
	void (*find)(const struct danger_context *context, struct finding *finding);
} of_machine[] = {
	{ DANGER_IOMMU_OFF, whole_machine_find_iommu_off },
	{ DANGER_NO_INTERRUPT_REMAPPING, whole_machine_find_no_remapping },
	{ DANGER_UNKNOWN_SWITCH, whole_machine_find_unknown_switch },
	{ DANGER_OTHER_RECIPE, whole_machine_find_other_recipe },
};

static int find_of_machine(const struct danger_context *context, struct dangers *ret)
{
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(of_machine) && !error; i++) {
		struct finding finding = { 0 };

		of_machine[i].find(context, &finding);
		error = take(&finding, of_machine[i].kind, NULL, NULL, ret);
	}
	return error;
}

static int find_all(const struct danger_context *context, struct dangers *ret)
{
	const struct match *match = &context->machine->match;
	int error = 0;

	for (size_t i = 0; i < match->claim_count && !error; i++) {
		const struct claim *claim = &match->claims[i];

		if (claim->result != RESULT_INVALID)
			error = find_of_claim(context, claim, ret);
	}
	for (size_t i = 0; i < match->conf->count && !error; i++)
		error = find_of_line(context->machine, &match->conf->rules[i], ret);
	return error ? error : find_of_machine(context, ret);
}

int dangers_find(const struct machine *machine, struct dangers *ret)
{
	struct danger_context context;
	int error;

	if (!machine->has_devices || !conf_has_bind(&machine->confdir.conf))
		return 0;
	error = danger_context_make(machine, &context);
	if (!error)
		error = find_all(&context, ret);
	danger_context_done(&context);
	return error;
}

const struct danger *dangers_refuse(const struct dangers *dangers,
				    const struct claim *claim)
{
	for (size_t i = 0; i < dangers->count; i++)
		if (dangers->items[i].claim == claim && dangers->items[i].refuses)
			return &dangers->items[i];
	return NULL;
}

const struct danger *dangers_unbound(const struct dangers *dangers,
				     const struct claim *claim)
{
	for (size_t i = 0; i < dangers->count; i++) {
		const struct danger *danger = &dangers->items[i];

		if (danger->kind == DANGER_IOMMU_OFF ||
		    ((danger->kind == DANGER_DRIVER || danger->kind == DANGER_NO_GROUP) &&
		     danger->claim == claim))
			return danger;
	}
	return NULL;
}

void dangers_done(struct dangers *dangers)
{
	for (size_t i = 0; i < dangers->count; i++) {
		free(dangers->items[i].text);
		free(dangers->items[i].remedy);
	}
	free(dangers->items);
	*dangers = (struct dangers){ 0 };
}
