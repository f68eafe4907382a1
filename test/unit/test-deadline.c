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
	int error;
	bool uses_all; /* of the budget */
};

static const struct deadline_case cases[] = {
	{ "work that ends", end, 0, false },
	{ "work that hangs is given up after one step", hang, -ETIMEDOUT, false },
	{ "work that goes on is given up when the budget is used up", go_on, -ETIMEDOUT,
	  true },
	{ "work that dies has ended", die, 0, false },
};

static void test_deadline(void **state)
{
	const struct deadline_case *row = *state;
	unsigned int *counter = shared_allocate(sizeof(*counter)), budget = BUDGET_MS;

	assert_non_null(counter);
	assert_int_equal(deadline_run(row->work, counter, counter, STEP_MS, &budget),
			 row->error);
	assert_int_equal(budget == 0, row->uses_all);
	assert_int_equal(*counter > 0, row->work == end || row->work == go_on);
	if (row->work == hang)
		assert_int_equal(budget, BUDGET_MS - STEP_MS);
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
	assert_int_equal(error, -EMFILE);
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
		cmocka_unit_test(test_memory_of_the_heap),
	};
	int failed = RUN_TABLE(cases, test_deadline);

	return failed + cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
