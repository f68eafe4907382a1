/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_BIND_LINE_H
#define VFIO_EARLY_BIND_LINE_H

#include "machine/machine.h"
#include "machine/names.h"
#include "text.h"

/*
 * Adds the line that lists `function` by address, ID and path, so that a renumbered bus is
 * noticed, with its name as a comment. `words`: a serial number and settings, each with a blank
 * in front; "" for none.
 */
void bind_line_add(const struct machine *machine, struct names *names,
		   const struct pci_function *function, const char *words,
		   struct text *line);

#endif
