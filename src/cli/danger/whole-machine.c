/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds for the machine, whatever is listed. */

#include "danger/whole-machine.h"

#include "import/leftovers.h"
#include "machine/boot-loader.h"
#include "machine/iommu.h"

void whole_machine_find_iommu_off(const struct danger_context *context, struct finding *finding)
{
	iommu_find_off(context->machine, finding);
}

void whole_machine_find_no_remapping(const struct danger_context *context, struct finding *finding)
{
	if (context->iommu_is_off || !iommu_lacks_interrupt_remapping(context->machine))
		return;
	text_add(&finding->text, "interrupts are not remapped: vfio refuses guests that "
				 "could forge them");
	text_add(&finding->remedy,
		 "turn on x2APIC and interrupt remapping in the firmware's setup, and ");
	boot_loader_add_edit(&context->machine->root, "remove intremap=off from", &finding->remedy);
	text_add(&finding->remedy, "; or, if you trust the guests, add to the config: option "
				   "vfio_iommu_type1 allow_unsafe_interrupts=1");
}

void whole_machine_find_unknown_switch(const struct danger_context *context,
				       struct finding *finding)
{
	machine_find_unknown_switch(context->machine, context->machine->cmdline.wrong, finding);
}

struct leftover_count {
	struct text *first;
	size_t count;
};

static void count_leftover(void *context, const char *leftover)
{
	struct leftover_count *leftovers = context;

	if (!leftovers->count++)
		text_add(leftovers->first, "another recipe is still there: ", leftover);
}

/* Our lines come first all the same; but ids= takes devices that no line lists. */
void whole_machine_find_other_recipe(const struct danger_context *context, struct finding *finding)
{
	struct leftover_count leftovers = { .first = &finding->text };

	if (leftovers_find(&context->machine->root, "", count_leftover, &leftovers))
		finding->text.failed = true;
	if (leftovers.count > 1) {
		text_add(&finding->text, ", and ");
		text_add_number(&finding->text, leftovers.count - 1, 10, 1);
		text_add(&finding->text, " more");
	}
}
