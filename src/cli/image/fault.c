/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be wrong with an image, and what helps. */

#include "image/fault.h"

#include "lib/printable.h"

#define REBUILD "vfio-early apply"

static const struct {
	const char *name, *remedy;
	bool due;
} kinds[] = {
	[FAULT_UNREADABLE] = { "unreadable",
			       "build it anew with " REBUILD
			       ", or look why it can't be read",
			       false },
	[FAULT_MISSING] = { "missing", REBUILD, true },
	[FAULT_LEFTOVER] = { "leftover", REBUILD, true },
	[FAULT_PROGRAM] = { "program", REBUILD, true },
	[FAULT_CONFIG] = { "config", REBUILD, true },
	[FAULT_PLAN] = { "plan", REBUILD, true },
	[FAULT_MODULES] = { "modules", REBUILD, true },
	[FAULT_INIT] = { "init", REBUILD, true },
	[FAULT_SCRIPT] = { "script", REBUILD, true },
	[FAULT_ORDER] = { "order",
			  "make the other one come later, or write \"start init\" "
			  "in the config, which comes before everything",
			  false },
	[FAULT_DRIVER] = { "driver",
			   "name another driver= on that line, or install a kernel that has it",
			   false },
	[FAULT_KERNEL] = { "kernel",
			   "remove the image, or install its kernel and its modules again",
			   false },
	[FAULT_INSTALLED] = { "installed", "install vfio-early again", false },
};

struct fault *fault_add_strings(struct faults *faults, enum fault_kind kind, ...)
{
	struct fault *fault;
	va_list strings;

	if (ARRAY_GROW(faults->items, faults->count)) {
		faults->failed = true;
		return NULL;
	}
	fault = &faults->items[faults->count++];
	*fault = (struct fault){ .kind = kind, .remedy = kinds[kind].remedy };
	va_start(strings, kind);
	for (const char *s; (s = va_arg(strings, const char *));)
		printable_add(&fault->text, s);
	va_end(strings);
	return fault;
}

const char *fault_kind_name(enum fault_kind kind)
{
	return kinds[kind].name;
}

bool fault_is_due(const struct fault *fault)
{
	return kinds[fault->kind].due;
}

int faults_error(const struct faults *faults)
{
	int error = faults->failed ? -ENOMEM : 0;

	for (size_t i = 0; i < faults->count && !error; i++)
		error = text_error(&faults->items[i].text);
	return error;
}

void faults_done(struct faults *faults)
{
	for (size_t i = 0; i < faults->count; i++)
		text_done(&faults->items[i].text);
	free(faults->items);
	*faults = (struct faults){ 0 };
}
