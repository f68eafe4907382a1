/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work in a child, for as long as is good: the boot must go on even where the kernel hangs. */

#include "deadline.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* How often the child's progress is looked at. Its end is noticed at once. */
#define LOOK_MS 100

void *shared_allocate(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void shared_free(void *memory, size_t size)
{
	if (size)
		munmap(memory, size);
	else
		free(memory);
}

/*
 * Waits for the end of the pipe that only the child keeps open. Time is counted in looks, since
 * the clock of a machine that boots may jump.
 */
static int wait_for_end(int pipe, const volatile unsigned int *counter,
			unsigned int step_ms, unsigned int *budget_ms)
{
	struct pollfd end = { .fd = pipe };
	unsigned int seen = *counter, idle = 0;

	for (;;) {
		int ready = poll(&end, 1, LOOK_MS);

		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
		*budget_ms -= *budget_ms < LOOK_MS ? *budget_ms : LOOK_MS;
		idle = seen == *counter ? idle + LOOK_MS : 0;
		seen = *counter;
		if (!*budget_ms || idle >= step_ms)
			return -ETIMEDOUT;
	}
}

int deadline_run(void (*work)(void *context), void *context,
		 const volatile unsigned int *counter, unsigned int step_ms,
		 unsigned int *budget_ms)
{
	int ends[2], error;
	pid_t child;

	if (pipe(ends) < 0)
		return -errno;
	child = fork();
	if (child < 0) {
		error = -errno;
		close(ends[0]);
		close(ends[1]);
		return error;
	}
	if (child == 0) {
		close(ends[0]); /* the work may need the descriptor */
		work(context);
		_exit(0);
	}
	close(ends[1]);
	error = wait_for_end(ends[0], counter, step_ms, budget_ms);
	close(ends[0]);
	if (error)
		kill(child, SIGKILL);
	else
		waitpid(child, NULL, 0);
	return error;
}
