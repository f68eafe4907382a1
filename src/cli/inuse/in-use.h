/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_IN_USE_H
#define VFIO_EARLY_IN_USE_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"
#include "pci.h"
#include "text.h"
#include "util.h"

/* A function that the host needs. */
struct in_use {
	const struct pci_function *function; /* of the machine's snapshot */
	struct text
		what; /* what for: "/ (nvme0n1p2), swap (dm-1)"; no control characters */
	size_t count; /* of things in `what` */
	bool certain; /* false: it may be that the host needs it */
	bool vital; /* the host does not start without it: /, /boot, /usr, the ESP, swap */
};

/* Several, each function once. Starts zeroed; in_uses_done() frees what it has. */
struct in_uses {
	struct in_use *items;
	size_t count;
};

void in_uses_done(struct in_uses *uses);

/*
 * Returns whether the host does not start without `what`: "/boot", or "/boot (sda2)" as in
 * `struct in_use`.
 */
bool in_use_is_vital(const char *what);

/* The use of `function`, or NULL. */
const struct in_use *in_uses_get(const struct in_uses *uses,
				 const struct pci_function *function);

/*
 * Adds `what` to every function on the way of `link`, where a symbolic link of sysfs leads:
 * .../pci0000:00/0000:00:1c.0/0000:02:00.0/... Bridges are left out. 0 or -ENOMEM.
 */
int in_uses_add(struct in_uses *uses, const struct machine *machine, const char *link,
		const char *what, bool certain) _must_check_;

/*
 * Calls `add` for each name in a directory of the machine, until it fails; without the directory,
 * for none. 0 or -errno.
 */
int in_uses_add_each(const struct machine *machine, const char *directory,
		     int (*add)(const struct machine *machine, const char *name,
				struct in_uses *uses),
		     struct in_uses *uses) _must_check_;

#endif
