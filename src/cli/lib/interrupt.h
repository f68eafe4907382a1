/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_INTERRUPT_H
#define VFIO_EARLY_INTERRUPT_H

#include <sys/types.h>

#include "util.h"

/*
 * From now on a signal that asks us to end (SIGINT, SIGTERM, SIGHUP) is noted, and passed
 * on to the child, instead of ending us: what was begun can be taken back. Holds may lie
 * in each other.
 */
void interrupt_hold(void);

/*
 * Ends a hold. Behind the last one, the signal that came in between does what it usually
 * does.
 */
void interrupt_release(void);

/* The signal that was noted, 0 for none. */
int interrupt_caught(void);

/*
 * fork(), within a hold: no signal gets lost between the birth of the child and its being
 * known. The child has all signals as they were. The parent calls interrupt_wait() next.
 */
pid_t interrupt_fork(void) _must_check_;

/*
 * Waits for the child, whatever signals come: its status as waitpid(2) has it, or -errno.
 */
int interrupt_wait(pid_t child) _must_check_;

#endif
