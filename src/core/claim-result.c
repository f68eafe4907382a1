/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result of each claim, and the reason in words. drivers_probe and a driver's bind attribute
 * can report success although nothing was bound: only the driver link shows it.
 */

#include "claim-result.h"

#include <string.h>

#include "device.h"

struct meaning {
	int error;
	const char *meaning;
};

static const struct meaning load_meanings[] = {
	{ ENOENT, "not in this image, or without a module it needs; rebuild it" },
	{ ENOEXEC, "made for another kernel, or compressed in a way it can't read" },
	{ EINVAL, "the module refuses its options, or its file is damaged" },
	{ EPERM, "module_blacklist= or lockdown forbids it" },
	{ ENOKEY, "not signed by a key of this kernel" },
	{ EKEYREJECTED, "unsigned, or badly signed" },
	{ ECANCELED, "modprobe.blacklist= names it" },
	{ EXDEV, "not loaded under --root" },
};

static const struct meaning bind_meanings[] = {
	{ EINVAL, "the driver's probe refuses it" },
	{ ENODEV, "the driver does not accept it" },
	{ EBUSY, "another driver has it, or it has virtual functions in use" },
};

static void explain(int outcome, const struct meaning *meanings, size_t count, struct text *text)
{
	if (outcome == OUTCOME_RUNNING) {
		text_add(text, "it hangs inside the kernel");
		return;
	}
	if (outcome == OUTCOME_NOT_TRIED) {
		text_add(text, "not tried: the time was up");
		return;
	}
	text_add(text, error_text(-outcome));
	for (size_t i = 0; i < count; i++)
		if (meanings[i].error == -outcome)
			text_add(text, " (", meanings[i].meaning, ")");
}

void load_outcome_explain(int outcome, struct text *text)
{
	explain(outcome, load_meanings, ARRAY_SIZE(load_meanings), text);
}

/* The first module of `driver` that was not loaded, and why; nothing if all were. */
static bool explain_modules(const char *driver, const struct loadplan *loadplan,
			    const int *outcomes, struct text *text)
{
	for (size_t i = 0; i < loadplan->count; i++) {
		char name[PCI_DRIVER_SIZE];

		if (strcmp(loadplan->modules[i].driver, driver) || !outcomes[i])
			continue;
		loadplan_module_name(loadplan->modules[i].path, name);
		text_add(text, "module ", name, ": ");
		load_outcome_explain(outcomes[i], text);
		return true;
	}
	return false;
}

static int found_name(void *context, const char *name)
{
	(void)context;
	(void)name;
	return 1;
}

/* vfio-pci's probe fails without a group: EINVAL, which `bind` reports only since Linux 5.14. */
static bool explain_missing_group(const struct root *root, const struct claim *claim, int outcome,
				  struct text *text)
{
	char path[DEVICE_PATH_SIZE];
	bool has_groups;

	if ((outcome != -EINVAL && outcome != -ENODEV) ||
	    root_has(root, device_path(&claim->function->address, "iommu_group", path)))
		return false;
	has_groups = root_each_name(root, "sys/kernel/iommu_groups", found_name, NULL) == 1;
	text_add(text, error_text(-outcome), " (no IOMMU group: ",
		 has_groups ? "the IOMMU does not cover this device" : "the IOMMU is off",
		 claim->rule->with == WITH_GROUP ? "; with=group added no device)" : ")");
	return true;
}

static void explain_bind(const struct root *root, const struct claim *claim, int outcome,
			 struct text *text)
{
	if (explain_missing_group(root, claim, outcome, text))
		return;
	if (outcome == 0) {
		text_add(text, "the kernel reported success and bound nothing");
		return;
	}
	text_add(text, outcome == OUTCOME_RUNNING ? "its probe: " : "");
	explain(outcome, bind_meanings, ARRAY_SIZE(bind_meanings), text);
}

/* Why the target driver does not have the function: the first step that went wrong. */
static void explain_unbound(const struct root *root, const struct claim *claim,
			    const struct loadplan *loadplan, const struct applied *applied,
			    const int *steps, struct text *text)
{
	if (steps[STEP_FENCE]) {
		text_add(text, "cannot write driver_override: ");
		explain(steps[STEP_FENCE], NULL, 0, text);
	} else if (steps[STEP_RELEASE] && steps[STEP_RELEASE] != OUTCOME_NOT_TRIED) {
		text_add(text, claim->function->driver, " does not release it: ");
		explain(steps[STEP_RELEASE], NULL, 0, text);
	} else if (steps[STEP_BIND] && steps[STEP_BIND] != -ENOENT &&
		   steps[STEP_BIND] != OUTCOME_NOT_TRIED) {
		explain_bind(root, claim, steps[STEP_BIND], text);
	} else if (explain_modules(claim->driver, loadplan, applied->modules, text)) {
		return;
	} else if (!loadplan->driver_count) {
		text_add(text,
			 "this image has no list of modules (/" LOADPLAN_FILE "); rebuild it");
	} else if (!loadplan_has_driver(loadplan, claim->driver)) {
		text_add(text, "this image has no module for the driver ", claim->driver,
			 "; rebuild it");
	} else {
		explain_bind(root, claim, steps[STEP_BIND], text);
	}
}

static int judge_claim(const struct root *root, const struct loadplan *loadplan,
		       const struct applied *applied, const int *steps, struct claim *claim)
{
	struct text reason = { 0 };

	device_driver(root, &claim->function->address, claim->now);
	claim->result = RESULT_FAILED;
	if (!steps[STEP_FENCE]) {
		bool ours = !strcmp(claim->now, claim->driver);

		/* One that is being probed has the link already. */
		if (ours && steps[STEP_BIND] != OUTCOME_RUNNING) {
			claim->result = RESULT_BOUND;
			return 0;
		}
		if (ours || !*claim->now)
			claim->result = RESULT_FENCED;
	}
	explain_unbound(root, claim, loadplan, applied, steps, &reason);
	claim->reason = text_steal(&reason);
	return claim->reason ? 0 : -ENOMEM;
}

/* Adds why a line may not take a function, if another line decides the result of that. */
static int add_refusal(const struct claim *claim, const struct claim_line *line,
		       struct line_match *match)
{
	char address[PCI_ADDRESS_SIZE];
	struct text text = { 0 };

	if (line->result != RESULT_REFUSED)
		return 0;
	if (match->reason)
		text_add(&text, match->reason, "; ");
	text_add(&text, pci_address_format(&claim->function->address, address),
		 " is refused: ", line->reason);
	free(match->reason);
	match->reason = text_steal(&text);
	return match->reason ? 0 : -ENOMEM;
}

/* A line is as the worst of its claims. */
static int judge_lines(const struct match *match, const struct claim *claim)
{
	int error = 0;

	for (size_t i = 0; i < claim->line_count && !error; i++) {
		const struct claim_line *line = &claim->lines[i];
		struct line_match *of = match_line(match, line->rule);
		const char *reason;
		enum result result = claim_line_result(claim, line, &reason);

		of->result = result > of->result ? result : of->result;
		error = add_refusal(claim, line, of);
	}
	return error;
}

int claims_judge(const struct root *root, const struct loadplan *loadplan,
		 const struct applied *applied, struct match *match)
{
	int error = 0;

	for (size_t i = 0; i < match->claim_count && !error; i++) {
		struct claim *claim = &match->claims[i];

		string_copy(claim->now, sizeof(claim->now), claim->function->driver);
		if (claim->result == RESULT_NONE && !applied)
			claim->result = RESULT_PLANNED;
		else if (claim->result == RESULT_NONE)
			error = judge_claim(root, loadplan, applied, applied->outcomes[i].steps,
					    claim);
		if (!error)
			error = judge_lines(match, claim);
	}
	return error;
}

/* "bound to vfio-pci" */
static void add_ending(struct text *text, const struct claim *claim)
{
	switch (claim->result) {
	case RESULT_BOUND:
		text_add(text, "bound to ", claim->driver);
		break;
	case RESULT_PLANNED:
		text_add(text, "would be bound to ", claim->driver);
		break;
	case RESULT_FENCED:
		text_add(text, "fenced, but not bound to ", claim->driver);
		break;
	case RESULT_FAILED:
		if (*claim->now)
			text_add(text, "failed, ", claim->now, " has it");
		else
			text_add(text, "failed, not even fenced");
		break;
	default:
		text_add(text, result_name(claim->result));
	}
}

void claim_sentence(const struct claim *claim, struct text *text)
{
	const char *was = claim->function->driver;
	char address[PCI_ADDRESS_SIZE];

	text_add(text, pci_address_format(&claim->function->address, address), ": ");
	if (*was && strcmp(was, claim->driver) &&
	    (claim->result == RESULT_BOUND || claim->result == RESULT_PLANNED))
		text_add(text, "taken from ", was, ", ");
	add_ending(text, claim);
	if (claim->reason)
		text_add(text, ": ", claim->reason);
	text_add(text, " (");
	place_add(&claim->rule->place, text);
	text_add(text, ")");
}
