/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_CONTEXT_H
#define VFIO_EARLY_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "inuse/in-use.h"
#include "machine/finding.h"
#include "machine/machine.h"
#include "machine/resolver.h"
#include "util.h"

/* What is looked at in search of dangers. */
struct danger_context {
	const struct machine *machine;
	struct in_uses uses; /* of the host */
	struct in_uses keyboards;
	size_t other_keyboards; /* on no PCI function */
	bool iommu_is_off;
	bool modules;		   /* drivers are looked at, too */
	bool resets;		   /* the kernel's reset methods are known */
	struct resolver *resolver; /* NULL: the kernel's modules can't be read */
};

/*
 * `modules`: opens the kernel's modules, which takes longer than the rest. 0 or -ENOMEM; in either
 * case danger_context_done() frees what `ret` has.
 */
int danger_context_make(const struct machine *machine, bool modules,
			struct danger_context *ret) _must_check_;
void danger_context_done(struct danger_context *context);

/* Will the boot program take the claim's function, as far as the match can tell? */
bool danger_context_is_taken(const struct claim *claim);

/*
 * Stores the reset methods of `function` as sysfs_reset() does. They are unknown in the copy of a
 * machine that has none at all.
 */
void danger_context_reset(const struct danger_context *context, const struct pci_function *function,
			  char *methods, size_t size);

/* The claim that takes `function`, or NULL. */
const struct claim *danger_context_claim(const struct danger_context *context,
					 const struct pci_function *function);

#endif
