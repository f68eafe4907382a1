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

static void end(void *counter)
{
	(*(volatile unsigned int *)counter)++;
}

static void hang(void *counter)
{
	(void)counter;
	for (;;)
		poll(NULL, 0, -1);
}

static void go_on(void *counter)
{
	for (;;) {
		end(counter);
		poll(NULL, 0, STEP_MS / 10);
	}
}

static void die(void *counter)
{
	(void)counter;
	kill(getpid(), SIGKILL);
}

struct deadline_case {
	const char *name;
	void (*work)(void *counter);
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
	  BUDGET_MS, DEADLINE_MOVED, true },
	{ "work that dies has ended", die, PATIENCE_MS, PATIENCE_MS, DEADLINE_ENDED, false },
};

static void test_deadline(void **state)
{
	const struct deadline_case *row = *state;
	unsigned int *counter = shared_allocate(sizeof(*counter)), budget = row->budget_ms;
	enum deadline end_of_it;

	assert_non_null(counter);
	end_of_it = deadline_run(row->work, counter, counter, row->step_ms, &budget);
	/* Between the last look and its death the child may have counted, or not. */
	if (end_of_it == DEADLINE_GAVE_UP && row->end == DEADLINE_MOVED)
		end_of_it = DEADLINE_MOVED;
	assert_int_equal(end_of_it, row->end);
	assert_int_equal(budget == 0, row->uses_all);
	if (row->work != go_on) /* that may not have started when the budget is used up */
		assert_int_equal(*counter > 0, row->work == end);
	if (row->work == hang && row->step_ms)
		assert_int_equal(budget, BUDGET_MS - STEP_MS);
	shared_free(counter, sizeof(*counter));
}

/* The memory of a child that was given up is quiet: no later step of it is mistaken for one. */
static void test_a_child_that_was_given_up_is_dead(void **state)
{
	unsigned int *counter = shared_allocate(sizeof(*counter)), budget = 1, seen;

	(void)state;
	assert_non_null(counter);
	(void)!deadline_run(go_on, counter, counter, BUDGET_MS, &budget);
	seen = *counter;
	budget = PATIENCE_MS;
	assert_int_equal(deadline_run(die, counter, counter, PATIENCE_MS, &budget), DEADLINE_ENDED);
	assert_int_equal(*counter, seen);
	shared_free(counter, sizeof(*counter));
}

/* Counts to 50 at its own pace: more than the budget, with less than a look between two steps. */
static void count_slowly(void *counter)
{
	for (int i = 0; i < 50; i++) {
		end(counter);
		poll(NULL, 0, 10);
	}
}

static void test_steps_without_a_limit_go_on_without_a_budget(void **state)
{
	unsigned int *counter = shared_allocate(sizeof(*counter)), budget = 0;
	enum deadline result;

	(void)state;
	assert_non_null(counter);
	do /* a busy machine may let the child wait for longer than one look */
		result = deadline_run(count_slowly, counter, counter, 0, &budget);
	while (result != DEADLINE_ENDED);
	assert_true(*counter >= 50);
	shared_free(counter, sizeof(*counter));
}

static void test_without_descriptors_there_is_no_child(void **state)
{
	unsigned int counter = 0, budget = BUDGET_MS;
	int first = dup(STDIN_FILENO), last = first, next, error;

	(void)state;
	assert_true(first >= 0);
	while ((next = dup(first)) >= 0)
		last = next;
	error = deadline_run(end, &counter, &counter, STEP_MS, &budget);
	for (; last >= first; last--)
		close(last);
	assert_int_equal(error, DEADLINE_NO_CHILD);
	assert_int_equal(counter, 0);
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
		cmocka_unit_test(test_a_child_that_was_given_up_is_dead),
		cmocka_unit_test(test_steps_without_a_limit_go_on_without_a_budget),
		cmocka_unit_test(test_memory_of_the_heap),
	};
	int failed = RUN_TABLE(cases, test_deadline);

	return failed + cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
