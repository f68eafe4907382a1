/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as those see it who look for dangers. */

#include "danger/context.h"

#include "inuse/host-use.h"
#include "inuse/keyboard.h"
#include "machine/iommu.h"

int danger_context_make(const struct machine *machine, bool modules, struct danger_context *ret)
{
	int error;

	*ret = (struct danger_context){ .machine = machine, .modules = modules };
	ret->iommu_is_off = iommu_is_off(machine);
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
