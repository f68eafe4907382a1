/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_MOVED_H
#define VFIO_EARLY_MOVED_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"
#include "text.h"

/*
 * Returns whether the line may mean `function`, which is at another place: it has all that the line
 * says of who the device is (ID, subsystem, class, serial number), and no line takes it.
 */
bool moved_may_be(const struct machine *machine, const struct rule *rule,
		  const struct pci_function *function);

/*
 * Returns the only function that the line may mean, or the only one of them that is at the line's
 * path: then only the bus number changed. NULL if there are none or several.
 */
const struct pci_function *moved_find(const struct machine *machine, const struct rule *rule);

/*
 * Adds the command that changes a line to where its device is now, for a line that selects nothing.
 * Adds nothing if moved_find() finds no device.
 */
void moved_add_command(const struct machine *machine, const struct rule *rule, struct text *text);

#endif
