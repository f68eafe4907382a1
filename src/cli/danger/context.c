/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as those see it who look for dangers. */

#include "danger/context.h"

#include <string.h>

#include "inuse/host-use.h"
#include "inuse/keyboard.h"
#include "machine/iommu.h"
#include "machine/sysfs.h"

/* A live kernel shows all there are; a copy of its sysfs may lack the attributes. */
static bool knows_resets(const struct machine *machine)
{
	char methods[128];

	for (size_t i = 0; i < machine->snapshot.count && !machine->root.live; i++) {
		sysfs_reset(&machine->root, &machine->snapshot.functions[i].address, methods,
			    sizeof(methods));
		if (strcmp(methods, SYSFS_RESET_NONE))
			return true;
	}
	return machine->root.live;
}

void danger_context_reset(const struct danger_context *context, const struct pci_function *function,
			  char *methods, size_t size)
{
	sysfs_reset(&context->machine->root, &function->address, methods, size);
	if (!context->resets && !strcmp(methods, SYSFS_RESET_NONE))
		string_copy(methods, size, SYSFS_RESET_UNKNOWN);
}

int danger_context_make(const struct machine *machine, bool modules, struct danger_context *ret)
{
	int error;

	*ret = (struct danger_context){ .machine = machine, .modules = modules };
	ret->iommu_is_off = iommu_is_off(machine);
	ret->resets = knows_resets(machine);
	if (modules)
		ret->resolver =
			resolver_new(machine->directory, machine->kernel, &machine->cmdline);
	error = host_use_find(machine, &ret->uses);
	return error ? error : keyboard_find(machine, &ret->keyboards, &ret->other_keyboards);
}

void danger_context_done(struct danger_context *context)
{
	resolver_free(context->resolver);
	in_uses_done(&context->uses);
	in_uses_done(&context->keyboards);
}

bool danger_context_is_taken(const struct claim *claim)
{
	return claim->result == RESULT_NONE;
}

const struct claim *danger_context_claim(const struct danger_context *context,
					 const struct pci_function *function)
{
	const struct claim *claim = machine_claim_of(context->machine, function);

	return claim && danger_context_is_taken(claim) ? claim : NULL;
}
