/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_GUARD_H
#define VFIO_EARLY_GUARD_H

#include <stdbool.h>

#include "command.h"
#include "danger/danger.h"
#include "machine/machine.h"

/* What is about to be done with a device: a line for the next boot, or binding now. */
enum guard_action { GUARD_LIST, GUARD_BIND };

/*
 * Must any function that `rule` (NULL: any rule) selects stay with the host? Complains of each
 * that must, and says with which --allow the action is possible anyway.
 */
bool guard_refuses(const struct machine *machine, const struct dangers *dangers,
		   const struct rule *rule, enum guard_action action);

/* Tells the dangers that refuse nothing, of `rule` (NULL: any rule) and of the machine. */
void guard_warn(const struct dangers *dangers, const struct rule *rule);

/* Is there a person at a terminal to ask? */
bool guard_can_ask(void);

/* Asks the question on standard error. Returns whether the answer is yes. */
bool guard_ask(const char *question);

/*
 * Asks the question if a danger that refuses nothing calls for it. Returns false if the answer is
 * not yes; true also if nobody can be asked, or with --yes.
 */
bool guard_is_agreed(const struct dangers *dangers, const struct request *request,
		     const char *question);

#endif
