/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_BIND_LINE_H
#define VFIO_EARLY_BIND_LINE_H

#include "machine/machine.h"
#include "machine/names.h"
#include "text.h"

/*
 * Adds the line that lists `function`, with its name as a comment. `identity` is a condition that
 * says which device is meant wherever it is (serial=), or which place is meant (path=): the line
 * has this condition and the ID. NULL: the line has the address, the ID and the path, so that a
 * renumbered bus is noticed. `words`: settings, each with a blank before it, or "".
 */
void bind_line_add(const struct machine *machine, struct names *names,
		   const struct pci_function *function, const char *identity, const char *words,
		   struct text *line);

#endif
