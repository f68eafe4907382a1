/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_VERDICT_H
#define VFIO_EARLY_VERDICT_H

#include <stddef.h>

#include "apply.h"
#include "loadplan.h"
#include "match.h"
#include "root.h"
#include "text.h"

/* What became of one claim, and the driver that has its function now. */
struct verdict {
	enum result result;
	const char *reason; /* NULL where there is nothing to explain */
	char *own_reason;   /* what `reason` points to, unless it is the match's */
	char driver[PCI_DRIVER_SIZE]; /* "" for none */
};

/*
 * One for each claim of a match, and for each line (rule) the worst result of its claims, or
 * the match's own. Starts zeroed.
 */
struct verdicts {
	const struct match *match;
	struct verdict *claims;
	enum result *lines;
};

/*
 * Reads each claimed function's driver back, for that alone says whether it is bound, and tells
 * why not from what `applied` has. `applied` NULL: a dry run. 0 or -ENOMEM; in either case
 * verdicts_done() frees what `ret` has.
 */
int verdicts_make(const struct root *root, const struct match *match,
		  const struct loadplan *loadplan, const struct applied *applied,
		  struct verdicts *ret) _must_check_;
void verdicts_done(struct verdicts *verdicts);

/* How many functions ended like this; each counts once. */
size_t verdicts_count(const struct verdicts *verdicts, enum result result);

/* Is this claim the one that speaks for its function? Another may repeat it, or be refused. */
bool verdict_speaks(const struct verdicts *verdicts, size_t claim);

/* "0000:01:00.0: bound to vfio-pci (/etc/vfio-early.conf:3)" */
void verdict_sentence(const struct claim *claim, const struct verdict *verdict,
		      struct text *text);

/* What the errno of loading a module, or a step, means: "CAUSE" or "CAUSE (MEANING)". */
void verdict_explain_load(int outcome, struct text *text);

#endif
