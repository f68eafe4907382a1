/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of modules: a list that was read, written and read again is the same. */

#include "fuzz.h"

#include "loadplan.h"

static void compare(const struct loadplan *a, const struct loadplan *b)
{
	size_t count = 0;

	/* Modules below a heading that comes twice are written once, below the first. */
	CLAIM(b->count <= a->count && b->driver_count == a->driver_count);
	for (size_t i = 0; i < b->driver_count; i++)
		CLAIM(!strcmp(a->drivers[i], b->drivers[i]));
	for (size_t i = 0; i < b->count; i++, count++)
		CLAIM(loadplan_has_module(a, b->modules[i].driver, b->modules[i].path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size), name[PCI_DRIVER_SIZE];
	struct loadplan plan = { 0 }, again = { 0 };
	struct text written = { 0 };

	CLAIM(loadplan_parse(&plan, text) == 0);
	for (size_t i = 0; i < plan.count; i++) {
		CLAIM(plan.modules[i].path[0] == '/');
		CLAIM(loadplan_has_driver(&plan, plan.modules[i].driver));
		loadplan_module_name(plan.modules[i].path, name);
		CLAIM(strlen(name) < sizeof(name) && !strchr(name, '-'));
	}
	loadplan_format(&plan, "6.1.0", &written);
	CLAIM(loadplan_parse(&again, text_string(&written)) == 0);
	CLAIM(!again.bad_line);
	compare(&plan, &again);
	text_done(&written);
	loadplan_done(&plan);
	loadplan_done(&again);
	free(text);
	return 0;
}
