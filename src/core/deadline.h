/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DEADLINE_H
#define VFIO_EARLY_DEADLINE_H

#include <stddef.h>

#include "util.h"

/* Zeroed memory that a child shares with its parent, or NULL. */
void *shared_allocate(size_t size);
/* `size` 0: memory of the heap. */
void shared_free(void *memory, size_t size);

/* How the child of deadline_run() ended. */
enum deadline {
	DEADLINE_ENDED, /* it ended, or was killed by something else */
	DEADLINE_GAVE_UP, /* it hangs, and is killed if it ever comes back from the kernel */
	DEADLINE_MOVED, /* the same, but it went on to another step in the last moment */
	DEADLINE_NO_CHILD, /* there was no child: `work` did not run */
};

/*
 * Runs `work(context)` in a child process: a write to sysfs or a module's init can wait inside the
 * kernel for ever, and no signal ends that. `*counter`, in shared memory, is what the child counts
 * its steps with. Waits until the child ends, or until one step took `step_ms` or all of it
 * `*budget_ms` milliseconds; `*budget_ms` is lowered by the time that passed. With `step_ms` 0 the
 * child has as much time as it needs, provided that it counts a step between two looks.
 *
 * After it returns, the child writes to the shared memory no more, unless it hangs and comes back.
 */
enum deadline deadline_run(void (*work)(void *context), void *context,
			   const volatile unsigned int *counter, unsigned int step_ms,
			   unsigned int *budget_ms) _must_check_;

#endif
