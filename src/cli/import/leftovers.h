/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LEFTOVERS_H
#define VFIO_EARLY_LEFTOVERS_H

#include "root.h"
#include "util.h"

/*
 * Is called for each leftover step of another recipe, with its place, its words and the
 * reason why it is no longer needed, in printable form: "/etc/modules:5: vfio_virqfd (a
 * part of vfio since Linux 6.2)".
 */
typedef void leftover_taker(void *context, const char *leftover);

/*
 * Finds them all: `tell` gets each. `drivers`: the modules of the devices that are listed
 * now, ", " between them: blacklisting those is a step as well. 0 or -ENOMEM.
 */
int leftovers_find(const struct root *root, const char *drivers, leftover_taker *tell,
		   void *context) _must_check_;

#endif
