/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_GUARDED_H
#define VFIO_EARLY_GUARDED_H

#include "machine.h"
#include "names.h"
#include "text.h"

/*
 * Adds the line that lists `function` by address, ID and path, so that a renumbered bus is
 * noticed, with its name as a comment. `words`: settings, each with a blank in front; "" for none.
 */
void guarded_add(const struct machine *machine, struct names *names,
		 const struct pci_function *function, const char *words,
		 struct text *line);

#endif
