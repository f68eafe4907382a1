/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DANGER_H
#define VFIO_EARLY_DANGER_H

#include <stdbool.h>

#include "danger/context.h"
#include "machine/finding.h"
#include "machine/machine.h"
#include "util.h"

/*
 * Adds everything that can go wrong with what the machine's lines select (machine->match), in the
 * order of the claims; what is about the machine comes last. Matches again, so that no line takes
 * what the host uses without permission: earlier pointers to claims are no longer valid. 0 or
 * -ENOMEM; in either case findings_done() frees what `ret` has.
 */
int dangers_find(struct machine *machine, struct findings *ret) _must_check_;

/* Adds what can go wrong with one claim. `ret` keeps a pointer to it. */
void dangers_find_of_claim(const struct danger_context *context, const struct claim *claim,
			   struct findings *ret);

/* Adds what is about the machine; `of_devices`: only what keeps every device from a guest. */
void dangers_find_of_machine(const struct danger_context *context, bool of_devices,
			     struct findings *ret);

/* What keeps `claim` from its driver though nothing refuses it: no IOMMU, no driver; or NULL. */
const struct finding *dangers_unbound(const struct findings *dangers, const struct claim *claim);

/* The first danger that makes the boot program refuse `claim`, or NULL. */
const struct finding *dangers_refuse(const struct findings *dangers, const struct claim *claim);

#endif
