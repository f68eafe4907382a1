/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LEFTOVERS_H
#define VFIO_EARLY_LEFTOVERS_H

#include "root.h"
#include "util.h"

/*
 * Gets a step of an old recipe: where and how it is written down, and why it isn't needed any more,
 * fit to be printed: "/etc/modules:5: vfio_virqfd (a part of vfio since Linux 6.2)".
 */
typedef void leftover_reporter(void *context, const char *leftover);

/*
 * Finds them all: `report` gets each. `drivers`: the modules of the devices that are listed now,
 * ", " between them: blacklisting those is a step as well. 0 or -ENOMEM.
 */
int leftovers_find(const struct root *root, const char *drivers,
		   leftover_reporter *report, void *context) _must_check_;

#endif
