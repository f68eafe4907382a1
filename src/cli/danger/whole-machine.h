/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_WHOLE_MACHINE_H
#define VFIO_EARLY_WHOLE_MACHINE_H

#include "danger/context.h"

/* The IOMMU is off; interrupts are not remapped; steps of another recipe are still there. */
void whole_machine_find_iommu_off(const struct danger_context *context, struct finding *finding);
void whole_machine_find_no_remapping(const struct danger_context *context, struct finding *finding);
void whole_machine_find_other_recipe(const struct danger_context *context, struct finding *finding);

/* Does vfio_early= have a word that is no switch, and that no [NAME] has? */
void whole_machine_find_unknown_switch(const struct danger_context *context,
				       struct finding *finding);

#endif
