/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds for the machine, whatever is listed. */

#include "platform.h"

#include "iommu.h"
#include "recipe/relic.h"

void platform_find_iommu_off(const struct survey *survey, struct finding *finding)
{
	if (!survey->iommu_is_off)
		return;
	text_add(&finding->text,
		 "the IOMMU is off, or there is none: vfio-pci refuses every "
		 "device");
	iommu_add_remedy(survey->machine, &finding->remedy);
}

void platform_find_no_remapping(const struct survey *survey, struct finding *finding)
{
	if (survey->iommu_is_off || !iommu_lets_interrupts_be_forged(survey->machine))
		return;
	text_add(&finding->text, "interrupts are not remapped: vfio refuses guests that "
				 "could forge them");
	text_add(
		&finding->remedy,
		"turn on x2APIC and interrupt remapping in the firmware's setup and take "
		"intremap=off off the kernel command line; or, if you trust the guests, add "
		"to the config: option vfio_iommu_type1 allow_unsafe_interrupts=1");
}

void platform_find_unknown_switch(const struct survey *survey, struct finding *finding)
{
	const char *wrong = survey->machine->cmdline.wrong;

	if (!wrong)
		return;
	text_add(
		&finding->text, "vfio_early=", wrong,
		" is on the kernel command line: not off, dry-run or a [NAME] of the config");
	text_add(&finding->remedy, "correct that word, or write a heading [", wrong, "]");
}

struct relics {
	struct text *first;
	size_t count;
};

static void take_relic(void *context, const char *relic)
{
	struct relics *relics = context;

	if (!relics->count++)
		text_add(relics->first, "another recipe is still there: ", relic);
}

/* Our lines come first all the same; but ids= takes devices that no line lists. */
void platform_find_other_recipe(const struct survey *survey, struct finding *finding)
{
	struct relics relics = { .first = &finding->text };

	if (relics_find(&survey->machine->root, "", take_relic, &relics))
		finding->text.failed = true;
	if (relics.count > 1) {
		text_add(&finding->text, ", and ");
		text_add_number(&finding->text, relics.count - 1, 10, 1);
		text_add(&finding->text, " more");
	}
	if (relics.count)
		text_add(&finding->remedy,
			 "\"vfio-early import\" names all that can be removed");
}
