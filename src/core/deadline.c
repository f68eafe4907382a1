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
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void shared_free(void *memory, size_t size)
{
	if (size)
		munmap(memory, size);
	else
		free(memory);
}

/* Waits for the end of the pipe that only the child keeps open. False if `ms` pass before. */
static bool has_ended(int pipe, int ms)
{
	struct pollfd end = { .fd = pipe };

	return poll(&end, 1, ms) > 0;
}

/* Time is counted in looks, because the clock of a machine that boots may jump. */
static enum deadline wait_for_end(int pipe, pid_t child, struct progress *progress,
				  unsigned int step_ms, unsigned int *budget_ms)
{
	unsigned int seen = progress->steps, idle = 0;

	while (!has_ended(pipe, LOOK_MS)) {
		bool late;

		*budget_ms -= *budget_ms < LOOK_MS ? *budget_ms : LOOK_MS;
		idle = seen == progress->steps ? idle + LOOK_MS : 0;
		seen = progress->steps;
		late = step_ms ? !*budget_ms || idle >= step_ms : idle;
		/* A child that goes on in the last moment may go on. */
		if (!late || !progress->stop) {
			progress->stop = late;
			continue;
		}
		kill(child, SIGKILL);
		/* A child that runs dies at once; one that hangs does not change anything. */
		if (has_ended(pipe, LOOK_MS))
			waitpid(child, NULL, 0);
		return DEADLINE_GAVE_UP;
	}
	waitpid(child, NULL, 0);
	return DEADLINE_ENDED;
}

enum deadline deadline_run(void (*work)(void *context), void *context, struct progress *progress,
			   unsigned int step_ms, unsigned int *budget_ms)
{
	enum deadline result;
	int ends[2];
	pid_t child;

	progress->stop = false;
	if (pipe(ends) < 0)
		return DEADLINE_NO_CHILD;
	child = fork();
	if (child < 0) {
		close(ends[0]);
		close(ends[1]);
		return DEADLINE_NO_CHILD;
	}
	if (child == 0) {
		/* The number of open files is limited, and the work opens some. */
		close(ends[0]);
		work(context);
		_exit(0);
	}
	close(ends[1]);
	result = wait_for_end(ends[0], child, progress, step_ms, budget_ms);
	close(ends[0]);
	return result;
}
