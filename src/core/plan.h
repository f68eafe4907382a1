/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PLAN_H
#define VFIO_EARLY_PLAN_H

#include <stddef.h>

#include "match.h"
#include "util.h"

/*
 * What is done, in this order for all functions together: fencing needs no module and cannot
 * fail for want of one, so it comes first, and from then on no other driver can match.
 */
enum step_kind {
	STEP_FENCE,   /* driver_override = the target driver */
	STEP_RELEASE, /* take it from the driver that has it */
	STEP_LOAD,    /* the modules of a target driver; loading them binds what is fenced */
	STEP_BIND,    /* what is still without a driver, by drivers/NAME/bind */
};

struct step {
	enum step_kind kind;
	const struct claim *claim; /* STEP_LOAD: the first claim that wants this driver */
};

/* The steps for the claims of a match, which it points into. Starts zeroed. */
struct plan {
	struct step *steps;
	size_t count;
};

/* 0 or -ENOMEM. */
int plan_make(const struct match *match, struct plan *ret) _must_check_;
void plan_done(struct plan *plan);

/* "fence", for messages. */
const char *step_kind_name(enum step_kind kind);

#endif
