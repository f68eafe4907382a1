/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PROFILES_H
#define VFIO_EARLY_PROFILES_H

#include <stddef.h>

#include "machine/finding.h"
#include "machine/machine.h"
#include "util.h"

/* The machine in a boot that chooses this profile alone. */
struct profile {
	const char *name;
	struct machine machine; /* has a scan and a match of its own; shares the rest */
};

/* The profiles of the config that this boot did not choose. Starts zeroed. */
struct profiles {
	struct profile *items;
	size_t count;
};

/*
 * Matches the lines below each [NAME] that `machine` does not choose, and adds their dangers, with
 * the name of the profile. Looks at as many profiles as the kernel command line can name. 0 or
 * -errno; in either case profiles_done() frees what `ret` has, which points into `machine`.
 */
int profiles_find(const struct machine *machine, struct profiles *ret,
		  struct findings *dangers) _must_check_;
void profiles_done(struct profiles *profiles);

/* Returns the machine on which the profile of `rule` is chosen; NULL if it is this boot's. */
const struct machine *profiles_machine(const struct profiles *profiles, const struct rule *rule);

#endif
