/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_INUSE_H
#define VFIO_EARLY_INUSE_H

#include <stdbool.h>
#include <stddef.h>

#include "machine.h"
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
};

/* All of them, each function once. Starts zeroed. */
struct in_uses {
	struct in_use *items;
	size_t count;
};

/*
 * Finds the functions under the machine's mounted file systems, swap, hibernation image and
 * default routes. 0 or -ENOMEM; in either case in_uses_done() frees what `ret` has.
 */
int in_uses_find(const struct machine *machine, struct in_uses *ret) _must_check_;
void in_uses_done(struct in_uses *uses);

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
 * The keep lines that protect them, in the config language, by path and ID, for an image of this
 * machine. Nothing if the machine is not the running one (another --root, a chroot, a container):
 * what a build machine uses says nothing about where the image will run. 0 or -ENOMEM.
 */
int in_uses_keep_lines(const struct machine *machine, struct text *text) _must_check_;

#endif
