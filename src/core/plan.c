/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From claims to an ordered list of steps. */

#include "plan.h"

#include <string.h>

const char *step_kind_name(enum step_kind kind)
{
	static const char *const names[] = {
		[STEP_FENCE] = "fence",
		[STEP_RELEASE] = "release",
		[STEP_LOAD] = "load",
		[STEP_BIND] = "bind",
	};

	return names[kind];
}

static bool has_target(const struct claim *claim)
{
	return !strcmp(claim->function->driver, claim->driver);
}

static bool is_loaded_before(const struct plan *plan, const char *driver)
{
	for (size_t i = plan->count; i && plan->steps[i - 1].kind == STEP_LOAD; i--)
		if (!strcmp(plan->steps[i - 1].claim->driver, driver))
			return true;
	return false;
}

static bool needs_step(const struct plan *plan, enum step_kind kind, const struct claim *claim)
{
	switch (kind) {
	case STEP_FENCE:
		return true;
	case STEP_RELEASE:
		return claim->function->driver[0] && !has_target(claim);
	case STEP_LOAD:
		return !has_target(claim) && !is_loaded_before(plan, claim->driver);
	case STEP_BIND:
		return !has_target(claim);
	}
	return false;
}

static int add_steps(struct plan *plan, enum step_kind kind, const struct match *match)
{
	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];

		if (claim->result != RESULT_NONE || !needs_step(plan, kind, claim))
			continue;
		if (ARRAY_GROW(plan->steps, plan->count))
			return -ENOMEM;
		plan->steps[plan->count++] = (struct step){ kind, claim };
	}
	return 0;
}

int plan_make(const struct match *match, struct plan *ret)
{
	static const enum step_kind order[] = { STEP_FENCE, STEP_RELEASE, STEP_LOAD, STEP_BIND };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int error = add_steps(ret, order[i], match);

		if (error)
			return error;
	}
	return 0;
}

void plan_done(struct plan *plan)
{
	free(plan->steps);
	*plan = (struct plan){ 0 };
}
