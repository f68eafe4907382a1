/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as those see it who look for dangers. */

#include "survey.h"

#include "inuse/hostuse.h"
#include "inuse/keyboard.h"
#include "iommu.h"

int survey_make(const struct machine *machine, struct survey *ret)
{
	int error;

	*ret = (struct survey){ .machine = machine };
	ret->iommu_is_off = iommu_is_off(machine);
	ret->resolver =
		resolver_new(machine->directory, machine->kernel, &machine->cmdline);
	error = hostuse_find(machine, &ret->uses);
	return error ? error
		     : keyboard_find(machine, &ret->keyboards, &ret->other_keyboards);
}

void survey_done(struct survey *survey)
{
	resolver_free(survey->resolver);
	in_uses_done(&survey->uses);
	in_uses_done(&survey->keyboards);
}

bool survey_is_taken(const struct claim *claim)
{
	return claim->result == RESULT_NONE;
}

const struct claim *survey_claim(const struct survey *survey,
				 const struct pci_function *function)
{
	const struct claim *claim = machine_claim_of(survey->machine, function);

	return claim && survey_is_taken(claim) ? claim : NULL;
}

void finding_add_word(struct finding *finding, const char *word, const struct rule *rule)
{
	text_add(&finding->remedy, "write ", word, " on ");
	place_add(&rule->place, &finding->remedy);
}
