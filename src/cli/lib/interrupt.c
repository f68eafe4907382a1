/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that ask us to end while there is something to be taken back first. */

#include "lib/interrupt.h"

#include <signal.h>
#include <sys/wait.h>

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

/* What a signal handler can't be handed: it has no parameter for its caller's data. */
static struct {
	unsigned int holds;
	struct sigaction old[ARRAY_SIZE(signals)];
	volatile sig_atomic_t caught;
	volatile sig_atomic_t child; /* 0 for none */
} state;

static void note(int number)
{
	int saved = errno;

	state.caught = number;
	if (state.child)
		kill(state.child, number);
	errno = saved;
}

void interrupt_hold(void)
{
	struct sigaction action = { .sa_handler = note };

	if (state.holds++)
		return;
	state.caught = 0;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaction(signals[i], NULL, &state.old[i]);
		if (state.old[i].sa_handler != SIG_IGN) /* nohup */
			sigaction(signals[i], &action, NULL);
	}
}

void interrupt_release(void)
{
	if (--state.holds)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &state.old[i], NULL);
	if (state.caught)
		raise(state.caught);
}

int interrupt_caught(void)
{
	return state.caught;
}

static void block(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, old);
}

pid_t interrupt_fork(void)
{
	sigset_t old;
	pid_t child;

	block(&old);
	child = fork();
	if (child == 0)
		for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
			sigaction(signals[i], &state.old[i], NULL);
	if (child > 0)
		state.child = child;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return child < 0 ? -errno : child;
}

int interrupt_wait(pid_t child)
{
	int status;
	pid_t got;

	do
		got = waitpid(child, &status, 0);
	while (got < 0 && errno == EINTR);
	state.child = 0;
	return got < 0 ? -errno : status;
}
