/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What became of everything, in words. drivers_probe and a driver's bind attribute can claim
 * success where nothing was bound: only the driver link tells.
 */

#include "verdict.h"

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

static void explain(int outcome, const struct meaning *meanings, size_t count,
		    struct text *text)
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

void verdict_explain_load(int outcome, struct text *text)
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
		verdict_explain_load(outcomes[i], text);
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
static bool explain_missing_group(const struct root *root, const struct claim *claim,
				  int outcome, struct text *text)
{
	char path[DEVICE_PATH_SIZE];
	bool has_groups;

	if ((outcome != -EINVAL && outcome != -ENODEV) ||
	    root_has(root, device_path(&claim->function->address, "iommu_group", path)))
		return false;
	has_groups =
		root_each_name(root, "sys/kernel/iommu_groups", found_name, NULL) == 1;
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
			    const struct loadplan *loadplan,
			    const struct applied *applied, const struct outcome *outcome,
			    struct text *text)
{
	const int *steps = outcome->steps;

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
		text_add(text, "this image has no list of modules (/" LOADPLAN_FILE
			       "); rebuild it");
	} else if (!loadplan_has_driver(loadplan, claim->driver)) {
		text_add(text, "this image has no module for the driver ", claim->driver,
			 "; rebuild it");
	} else {
		explain_bind(root, claim, steps[STEP_BIND], text);
	}
}

static int judge_claim(const struct root *root, const struct claim *claim,
		       const struct loadplan *loadplan, const struct applied *applied,
		       const struct outcome *outcome, struct verdict *verdict)
{
	struct text reason = { 0 };

	device_driver(root, &claim->function->address, verdict->driver);
	verdict->result = RESULT_FAILED;
	if (!outcome->steps[STEP_FENCE]) {
		bool ours = !strcmp(verdict->driver, claim->driver);

		/* One that is being probed has the link already. */
		if (ours && outcome->steps[STEP_BIND] != OUTCOME_RUNNING) {
			verdict->result = RESULT_BOUND;
			return 0;
		}
		if (ours || !*verdict->driver)
			verdict->result = RESULT_FENCED;
	}
	explain_unbound(root, claim, loadplan, applied, outcome, &reason);
	verdict->reason = verdict->own_reason = text_steal(&reason);
	return verdict->reason ? 0 : -ENOMEM;
}

static int judge_claims(const struct root *root, const struct loadplan *loadplan,
			const struct applied *applied, struct verdicts *verdicts)
{
	const struct match *match = verdicts->match;
	int error = 0;

	for (size_t i = 0; i < match->claim_count && !error; i++) {
		const struct claim *claim = &match->claims[i];
		struct verdict *verdict = &verdicts->claims[i];

		string_copy(verdict->driver, sizeof(verdict->driver),
			    claim->function->driver);
		if (claim->result != RESULT_NONE) {
			verdict->result = claim->result;
			verdict->reason = claim->reason;
		} else if (claim->repeats) {
			*verdict = verdicts->claims[claim->repeats - match->claims];
			verdict->own_reason = NULL;
		} else if (applied) {
			error = judge_claim(root, claim, loadplan, applied,
					    &applied->outcomes[i], verdict);
		} else {
			verdict->result = RESULT_PLANNED;
		}
	}
	return error;
}

/* A line ends as the worst of its claims. */
static void judge_lines(struct verdicts *verdicts)
{
	const struct match *match = verdicts->match;

	for (size_t i = 0; i < match->conf->count; i++)
		verdicts->lines[i] = match->lines[i].result;
	for (size_t i = 0; i < match->claim_count; i++) {
		size_t line = match->claims[i].rule - match->conf->rules;

		if (match->lines[line].result == RESULT_NONE &&
		    verdicts->claims[i].result > verdicts->lines[line])
			verdicts->lines[line] = verdicts->claims[i].result;
	}
}

int verdicts_make(const struct root *root, const struct match *match,
		  const struct loadplan *loadplan, const struct applied *applied,
		  struct verdicts *ret)
{
	int error;

	ret->match = match;
	ret->claims = calloc(match->claim_count + 1, sizeof(*ret->claims));
	ret->lines =
		ret->claims ? calloc(match->conf->count + 1, sizeof(*ret->lines)) : NULL;
	if (!ret->lines)
		return -ENOMEM;
	error = judge_claims(root, loadplan, applied, ret);
	judge_lines(ret);
	return error;
}

bool verdict_speaks(const struct verdicts *verdicts, size_t claim)
{
	const struct claim *claims = verdicts->match->claims;

	if (claims[claim].result == RESULT_INVALID || claims[claim].repeats)
		return false;
	if (claims[claim].result == RESULT_NONE)
		return true;
	for (size_t i = 0; i < verdicts->match->claim_count; i++)
		if (claims[i].function == claims[claim].function &&
		    (claims[i].result == RESULT_NONE ||
		     (i < claim && claims[i].result != RESULT_INVALID)))
			return false;
	return true;
}

size_t verdicts_count(const struct verdicts *verdicts, enum result result)
{
	size_t count = 0;

	for (size_t i = 0; i < verdicts->match->claim_count; i++)
		count += verdicts->claims[i].result == result &&
			 verdict_speaks(verdicts, i);
	return count;
}

/* "bound to vfio-pci" */
static void add_ending(struct text *text, const struct claim *claim,
		       const struct verdict *verdict)
{
	switch (verdict->result) {
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
		if (*verdict->driver)
			text_add(text, "failed, ", verdict->driver, " has it");
		else
			text_add(text, "failed, not even fenced");
		break;
	default:
		text_add(text, result_name(verdict->result));
	}
}

void verdict_sentence(const struct claim *claim, const struct verdict *verdict,
		      struct text *text)
{
	const char *was = claim->function->driver;
	char address[PCI_ADDRESS_SIZE];

	text_add(text, pci_address_format(&claim->function->address, address), ": ");
	if (*was && strcmp(was, claim->driver) &&
	    (verdict->result == RESULT_BOUND || verdict->result == RESULT_PLANNED))
		text_add(text, "taken from ", was, ", ");
	add_ending(text, claim, verdict);
	if (verdict->reason)
		text_add(text, ": ", verdict->reason);
	text_add(text, " (");
	place_add(&claim->rule->place, text);
	text_add(text, ")");
}

void verdicts_done(struct verdicts *verdicts)
{
	for (size_t i = 0; verdicts->claims && i < verdicts->match->claim_count; i++)
		free(verdicts->claims[i].own_reason);
	free(verdicts->claims);
	free(verdicts->lines);
	*verdicts = (struct verdicts){ 0 };
}
