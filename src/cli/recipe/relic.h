/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_RELIC_H
#define VFIO_EARLY_RELIC_H

#include "lines.h"
#include "root.h"
#include "util.h"

/* A step of an old recipe that is written down somewhere, and why it isn't needed any more. */
typedef void relic_teller(void *context, const struct line *line, const char *why);

/*
 * Finds them all: `tell` gets each. `drivers`: the modules of the devices that are listed now,
 * ", " between them: blacklisting those is a step as well. 0 or -ENOMEM.
 */
int relics_find(const struct root *root, const char *drivers, relic_teller *tell,
		void *context) _must_check_;

#endif
