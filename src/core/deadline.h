/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DEADLINE_H
#define VFIO_EARLY_DEADLINE_H

#include <stddef.h>

#include "util.h"

/* Zeroed memory that a child shares with its parent, or NULL. */
void *shared_allocate(size_t size);
/* `size` 0: memory of the heap. */
void shared_free(void *memory, size_t size);

/* In memory that a child shares with its parent. Starts zeroed. */
struct progress {
	volatile unsigned int steps; /* the child counts its steps here, before each one */
	volatile bool stop;	     /* the time is up: the child ends before its next step */
};

/* What happened to the child of deadline_run(). */
enum deadline {
	DEADLINE_ENDED,	   /* it ended, or something else killed it */
	DEADLINE_GAVE_UP,  /* it was killed, and dies if it ever comes back from the kernel */
	DEADLINE_NO_CHILD, /* there was no child: `work` did not run */
};

/*
 * Runs `work(context)` in a child process: a write to sysfs or a module's init can wait inside the
 * kernel for ever, and no signal ends that. Waits until the child ends, or until one step took
 * `step_ms` or all of it `*budget_ms` milliseconds; `*budget_ms` is lowered by the time that
 * passed. With `step_ms` 0 the child has as much time as it needs, provided that it counts a step
 * between two looks. A child whose time is up is asked to stop, and killed one look later: if it
 * obeys, no step is cut off. After this returns, the child begins no further step.
 */
enum deadline deadline_run(void (*work)(void *context), void *context, struct progress *progress,
			   unsigned int step_ms, unsigned int *budget_ms) _must_check_;

#endif
