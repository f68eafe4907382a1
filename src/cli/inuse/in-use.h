/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_IN_USE_H
#define VFIO_EARLY_IN_USE_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"
#include "pci.h"
#include "text.h"
#include "util.h"

#define IN_USE_ESP "EFI system partition" /* one that the host writes, mounted or not */

/* A function that the host uses. */
struct in_use {
	const struct pci_function *function; /* of the machine's snapshot */
	struct text what; /* the uses: "/ (nvme0n1p2), swap (dm-1)"; no control characters */
	size_t count;	  /* of uses in `what` */
	bool certain;	  /* false: the host may use it */
	bool vital;	  /* the host does not start without it: /, /boot, /usr, the ESP, swap */
};

/* Each function once, in their order. Starts zeroed; in_uses_done() frees it. */
struct in_uses {
	struct in_use *items;
	size_t count;
	bool all; /* names all things of a function, not only the first six */
};

void in_uses_done(struct in_uses *uses);

/*
 * Returns whether the host does not start without the use `what`: "/boot" or "/boot
 * (sda2)".
 */
bool in_use_is_vital(const char *what);

/* Moves the uses of functions that `uses` does not have from `others`. Returns 0 or -ENOMEM. */
int in_uses_take_others(struct in_uses *uses, struct in_uses *others) _must_check_;

/* Returns the use of `function`, or NULL. */
const struct in_use *in_uses_get(const struct in_uses *uses, const struct pci_function *function);

/*
 * Calls `each` for every function in `link`, the target of a symbolic link in sysfs:
 * .../pci0000:00/0000:00:1c.0/0000:02:00.0/... until it returns something else than 0, which is
 * returned. Bridges are left out.
 */
int link_each_function(const struct machine *machine, const char *link,
		       int (*each)(void *context, const struct pci_function *function),
		       void *context) _must_check_;

/* Adds the use `what` to every function in `link`. Returns 0 or -ENOMEM. */
int in_uses_add(struct in_uses *uses, const struct machine *machine, const char *link,
		const char *what, bool certain) _must_check_;

/*
 * Calls `add` for each name in a directory of the machine until `add` fails. A missing
 * directory has no names. Returns 0 or -errno.
 */
int in_uses_add_each(const struct machine *machine, const char *directory,
		     int (*add)(const struct machine *machine, const char *name,
				struct in_uses *uses),
		     struct in_uses *uses) _must_check_;

#endif
