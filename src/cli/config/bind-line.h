/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_BIND_LINE_H
#define VFIO_EARLY_BIND_LINE_H

#include "machine/machine.h"
#include "machine/names.h"
#include "text.h"

/*
 * Adds the line that lists `function` by address, ID and path, with its name as a
 * comment. With all three conditions a renumbered bus is noticed. `words`: a serial number
 * and settings, each with a blank before it, or "".
 */
void bind_line_add(const struct machine *machine, struct names *names,
		   const struct pci_function *function, const char *words, struct text *line);

#endif
