/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SURVEY_H
#define VFIO_EARLY_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "danger/context.h"
#include "machine/finding.h"
#include "machine/machine.h"
#include "util.h"

/*
 * What can go wrong with any function of a machine, as if a line took it with the rest of its card
 * that is in the same IOMMU group. The rules are the same as for the lines of the config. Starts
 * zeroed; survey_done() frees it.
 */
struct survey {
	struct machine machine; /* the machine, with further claims; the rest is shared with it */
	struct danger_context context;
	struct claim *claims; /* those of the machine, then the supposed ones */
	struct rule *rules;   /* of the supposed claims */
	size_t listed;	      /* how many claims the machine has */
};

/*
 * `machine` must have its index of groups, its displays read, and outlive the survey. Matches it
 * again, so that no line takes what the host uses without permission: earlier pointers to claims
 * are no longer valid. `modules`: also finds out about drivers, which takes longer. 0 or -ENOMEM.
 */
int survey_make(struct machine *machine, bool modules, struct survey *ret) _must_check_;
void survey_done(struct survey *survey);

/*
 * Returns whether a guest that gets `function` gets `other`, too: both are on one card and in one
 * IOMMU group. Bridges and virtual functions never go with another function.
 */
bool survey_goes_with(const struct survey *survey, const struct pci_function *function,
		      const struct pci_function *other);

/*
 * Adds what can go wrong with `function`. The claims and the rules of the findings last until the
 * survey is asked about a function that survey_goes_with() does not connect with this one. 0 or
 * -ENOMEM.
 */
int survey_find(struct survey *survey, const struct pci_function *function,
		struct findings *ret) _must_check_;

#endif
