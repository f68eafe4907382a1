/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_INTERRUPT_H
#define VFIO_EARLY_INTERRUPT_H

#include <sys/types.h>

#include "util.h"

/*
 * Starts a hold: SIGINT, SIGTERM and SIGHUP are recorded and passed on to the child
 * instead of ending this program, so that the caller can clean up. Holds can be nested.
 */
void interrupt_hold(void);

/* Ends a hold. After the last one, a recorded signal has its usual effect. */
void interrupt_release(void);

/* Returns the recorded signal, or 0. */
int interrupt_caught(void);

/*
 * Forks within a hold, so that no signal is lost between fork() and the moment when the
 * parent knows the child. The child gets the original signal handlers. The parent calls
 * interrupt_wait() next.
 */
pid_t interrupt_fork(void) _must_check_;

/*
 * Waits for the child in spite of signals. Returns the status of waitpid(2), or -errno.
 */
int interrupt_wait(pid_t child) _must_check_;

#endif
