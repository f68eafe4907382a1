/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_CLAIM_RESULT_H
#define VFIO_EARLY_CLAIM_RESULT_H

#include "apply.h"
#include "loadplan.h"
#include "match.h"
#include "root.h"
#include "text.h"

/*
 * Sets the result of each claim that is to be bound, and of each line. Only the driver link says
 * whether the function is bound; the outcomes in `applied` say why it is not. `applied` is NULL for
 * a dry run. Returns 0 or -ENOMEM.
 */
int claims_judge(const struct root *root, const struct loadplan *loadplan,
		 const struct applied *applied, struct match *match) _must_check_;

/* Adds "0000:01:00.0: bound to vfio-pci (/etc/vfio-early.conf:3)". */
void claim_sentence(const struct claim *claim, struct text *text);

/* Adds what the outcome of loading a module means: "CAUSE" or "CAUSE (MEANING)". */
void load_outcome_explain(int outcome, struct text *text);

#endif
