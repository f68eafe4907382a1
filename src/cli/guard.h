/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_GUARD_H
#define VFIO_EARLY_GUARD_H

#include <stdbool.h>

#include "danger/danger.h"
#include "machine.h"

/*
 * Must any function that `rule` (NULL: any rule) selects stay with the host? Complains of each
 * that must, and says which --allow would `action` ("list", "bind") it all the same.
 */
bool guard_refuses(const struct machine *machine, const struct dangers *dangers,
		   const struct rule *rule, const char *action);

/* Tells the dangers that refuse nothing, of `rule` (NULL: any rule) and of the machine. */
void guard_warn(const struct dangers *dangers, const struct rule *rule);

#endif
