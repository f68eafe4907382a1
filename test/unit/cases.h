/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TEST_CASES_H
#define VFIO_EARLY_TEST_CASES_H

/* cmocka, and tables of cases: each row is a test of its own, named by the behaviour it shows. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "util.h"

/* Runs `function` on each row of `table`. Rows start with their name. How many failed. */
#define RUN_TABLE(table, function) \
	run_table(#function, table, ARRAY_SIZE(table), sizeof((table)[0]), function)

static inline int run_table(const char *group, const void *rows, size_t count, size_t size,
			    CMUnitTestFunction function)
{
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	const char *row = rows;
	int failed;

	if (!tests)
		return 1;
	for (size_t i = 0; i < count; i++, row += size)
		tests[i] = (struct CMUnitTest){ *(const char *const *)row, function, NULL, NULL,
						(void *)row };
	failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	free(tests);
	return failed;
}

#endif
