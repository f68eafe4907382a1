/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_GUARD_H
#define VFIO_EARLY_GUARD_H

#include <stdbool.h>

#include "command.h"
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

/*
 * Asks the question if there is a person at a terminal to answer, and a danger that refuses
 * nothing.
 * Returns false if the answer is not yes; true also if nobody can be asked, or with --yes.
 */
bool guard_is_agreed(const struct dangers *dangers, const struct request *request,
		     const char *question);

#endif
