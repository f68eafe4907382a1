/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DEADLINE_H
#define VFIO_EARLY_DEADLINE_H

#include <stddef.h>

#include "util.h"

/* Zeroed memory that a child shares with its parent, or NULL. */
void *shared_allocate(size_t size);
/* `size` 0: memory of the heap. */
void shared_free(void *memory, size_t size);

/*
 * Runs `work(context)` in a child process: a write to sysfs or a module's init can wait inside the
 * kernel for as long as it likes, and no signal ends that. `*counter`, in shared memory, is what
 * the child counts its steps with. Waits until the child ends, or until one step took `step_ms` or
 * all of it `*budget_ms` milliseconds; `*budget_ms` is lowered by the time that went by.
 *
 * 0 when the child ended; -ETIMEDOUT when it was given up (and killed, should it ever come back
 * from the kernel); -errno if there was no child.
 */
int deadline_run(void (*work)(void *context), void *context,
		 const volatile unsigned int *counter, unsigned int step_ms,
		 unsigned int *budget_ms) _must_check_;

#endif
