/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work in a child: it ends, it hangs, it goes on for ever, it dies, there can't be one. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cases.h"
#include "deadline.h"

#define STEP_MS 200
#define BUDGET_MS 600
#define PATIENCE_MS 120000 /* for work that ends by itself: a busy machine may start it late */

static void end(void *progress)
{
	((struct progress *)progress)->steps++;
}

static void hang(void *progress)
{
	(void)progress;
	for (;;)
		poll(NULL, 0, -1);
}

/* Does not look whether it is to stop. */
static void go_on(void *progress)
{
	for (;;) {
		end(progress);
		poll(NULL, 0, STEP_MS / 10);
	}
}

static void go_on_until_told(void *progress)
{
	while (!((struct progress *)progress)->stop) {
		end(progress);
		poll(NULL, 0, STEP_MS / 10);
	}
}

/* A step that takes long, and comes back in the last moment, when the child is told to stop. */
static void come_back_late(void *progress)
{
	while (!((struct progress *)progress)->stop)
		poll(NULL, 0, 1);
	for (int i = 0; i < 10; i++)
		end(progress);
}

static void die(void *progress)
{
	(void)progress;
	kill(getpid(), SIGKILL);
}

struct deadline_case {
	const char *name;
	void (*work)(void *progress);
	unsigned int step_ms;
	unsigned int budget_ms;
	enum deadline end;
	bool uses_all; /* of the budget */
};

/* Whatever the load of the machine: a row in which steps come in time has no limit for a step. */
static const struct deadline_case cases[] = {
	{ "work that ends", end, PATIENCE_MS, PATIENCE_MS, DEADLINE_ENDED, false },
	{ "work that hangs is given up after one step", hang, STEP_MS, BUDGET_MS, DEADLINE_GAVE_UP,
	  false },
	{ "work that hangs with no time left for a step", hang, 0, BUDGET_MS, DEADLINE_GAVE_UP,
	  false },
	{ "work that goes on is given up when the budget is used up", go_on, 10 * BUDGET_MS,
	  BUDGET_MS, DEADLINE_GAVE_UP, true },
	{ "work that stops when the budget is used up", go_on_until_told, 10 * BUDGET_MS, BUDGET_MS,
	  DEADLINE_ENDED, true },
	{ "work that dies has ended", die, PATIENCE_MS, PATIENCE_MS, DEADLINE_ENDED, false },
};

static void test_deadline(void **state)
{
	const struct deadline_case *row = *state;
	struct progress *progress = shared_allocate(sizeof(*progress));
	unsigned int budget = row->budget_ms;

	assert_non_null(progress);
	assert_int_equal(deadline_run(row->work, progress, progress, row->step_ms, &budget),
			 row->end);
	assert_int_equal(budget == 0, row->uses_all);
	if (row->work == hang || row->work == die)
		assert_int_equal(progress->steps, 0);
	if (row->work == end)
		assert_int_equal(progress->steps, 1);
	if (row->work == hang && row->step_ms) /* one look more, after it was told to stop */
		assert_true(budget < BUDGET_MS - STEP_MS);
	shared_free(progress, sizeof(*progress));
}

static void test_a_step_that_comes_back_late_loses_none(void **state)
{
	struct progress *progress = shared_allocate(sizeof(*progress));
	unsigned int budget = PATIENCE_MS;

	(void)state;
	assert_non_null(progress);
	assert_int_equal(deadline_run(come_back_late, progress, progress, STEP_MS, &budget),
			 DEADLINE_ENDED);
	assert_int_equal(progress->steps, 10);
	shared_free(progress, sizeof(*progress));
}

/* The memory of a child that was given up is quiet: no later step of it is mistaken for one. */
static void test_a_child_that_was_given_up_is_dead(void **state)
{
	struct progress *progress = shared_allocate(sizeof(*progress));
	unsigned int budget = 1, seen;

	(void)state;
	assert_non_null(progress);
	(void)!deadline_run(go_on, progress, progress, BUDGET_MS, &budget);
	seen = progress->steps;
	budget = PATIENCE_MS;
	assert_int_equal(deadline_run(die, progress, progress, PATIENCE_MS, &budget),
			 DEADLINE_ENDED);
	assert_int_equal(progress->steps, seen);
	assert_false(progress->stop); /* the next child starts afresh */
	shared_free(progress, sizeof(*progress));
}

/* Counts to 50 at its own pace: more than the budget, with less than a look between two steps. */
static void count_slowly(void *progress)
{
	for (int i = 0; i < 50; i++) {
		end(progress);
		poll(NULL, 0, 10);
	}
}

static void test_steps_without_a_limit_go_on_without_a_budget(void **state)
{
	struct progress *progress = shared_allocate(sizeof(*progress));
	unsigned int budget = 0;
	enum deadline result;

	(void)state;
	assert_non_null(progress);
	do /* a busy machine may let the child wait for longer than one look */
		result = deadline_run(count_slowly, progress, progress, 0, &budget);
	while (result != DEADLINE_ENDED);
	assert_true(progress->steps >= 50);
	shared_free(progress, sizeof(*progress));
}

static void test_without_descriptors_there_is_no_child(void **state)
{
	struct progress progress = { 0 };
	unsigned int budget = BUDGET_MS;
	int first = dup(STDIN_FILENO), last = first, next, error;

	(void)state;
	assert_true(first >= 0);
	while ((next = dup(first)) >= 0)
		last = next;
	error = deadline_run(end, &progress, &progress, STEP_MS, &budget);
	for (; last >= first; last--)
		close(last);
	assert_int_equal(error, DEADLINE_NO_CHILD);
	assert_int_equal(progress.steps, 0);
	assert_int_equal(budget, BUDGET_MS);
}

static void test_memory_of_the_heap(void **state)
{
	(void)state;
	shared_free(calloc(1, 1), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_descriptors_there_is_no_child),
		cmocka_unit_test(test_a_step_that_comes_back_late_loses_none),
		cmocka_unit_test(test_a_child_that_was_given_up_is_dead),
		cmocka_unit_test(test_steps_without_a_limit_go_on_without_a_budget),
		cmocka_unit_test(test_memory_of_the_heap),
	};
	int failed = RUN_TABLE(cases, test_deadline);

	return failed + cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
