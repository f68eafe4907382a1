/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_APPLY_H
#define VFIO_EARLY_APPLY_H

#include <stddef.h>

#include "cmdline.h"
#include "loadplan.h"
#include "match.h"
#include "plan.h"
#include "root.h"
#include "util.h"

#define APPLY_DEADLINE_MS 10000

/* The outcome of a step, or of loading a module: 0, -errno, or one of these. */
enum {
	OUTCOME_NOT_TRIED = 1, /* nothing called for it, or what comes before it failed */
	OUTCOME_RUNNING = 2,   /* never came back: it hangs inside the kernel */
};

struct claim_outcomes {
	int steps[STEP_BIND + 1];     /* by enum step_kind */
	char driver[PCI_DRIVER_SIZE]; /* the target driver's real name; "": the claim's */
};

/* What happened. Starts zeroed. */
struct applied {
	struct claim_outcomes *outcomes; /* one a claim of the match */
	int *modules;			 /* outcomes, one a module of the load plan */
	void *shared;
	size_t shared_size; /* 0: no memory to share was to be had, and `shared` is the heap's */
};

/*
 * Executes the steps, in a child and within `deadline_ms`. A step that hangs may use up half of
 * the time that is left; then the steps after it get their turn, since one device must not cost
 * the other devices their fence. If a module registers its driver under another name, the claim's
 * driver becomes that name. 0 or -ENOMEM; in either case applied_done() frees what `ret` has.
 */
int apply_plan(const struct root *root, const struct plan *plan, struct match *match,
	       const struct loadplan *loadplan, const struct cmdline *cmdline,
	       unsigned int deadline_ms, struct applied *ret) _must_check_;
void applied_done(struct applied *applied);

#endif
