/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LEFTOVERS_H
#define VFIO_EARLY_LEFTOVERS_H

#include "root.h"
#include "util.h"

/*
 * Is called for each leftover step of another recipe, with its place, the words to delete and the
 * reason why they are no longer needed, in printable form: "in /etc/modules:5, delete:
 * vfio_virqfd (a part of vfio since Linux 6.2)".
 */
typedef void leftover_reporter(void *context, const char *leftover);

/*
 * Finds all leftovers and calls `report` for each. `drivers`: the modules of the listed devices,
 * separated by ", ". Blacklisting those modules is a leftover, too. Returns 0 or -ENOMEM.
 */
int leftovers_find(const struct root *root, const char *drivers, leftover_reporter *report,
		   void *context) _must_check_;

#endif
