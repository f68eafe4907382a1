/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words in which results are told. */

#include "result.h"

#include <string.h>

#include "util.h"

static const char names[][12] = {
	[RESULT_NONE] = "none",		  [RESULT_ACTIVE] = "active",
	[RESULT_INACTIVE] = "inactive",	  [RESULT_PLANNED] = "planned",
	[RESULT_BOUND] = "bound",	  [RESULT_ABSENT] = "absent",
	[RESULT_AMBIGUOUS] = "ambiguous", [RESULT_MISMATCH] = "mismatch",
	[RESULT_REFUSED] = "refused",	  [RESULT_INVALID] = "invalid",
	[RESULT_FENCED] = "fenced",	  [RESULT_FAILED] = "failed",
};

const char *result_name(enum result result)
{
	return names[result];
}

enum result result_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return i;
	return RESULT_NONE;
}
