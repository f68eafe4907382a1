/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PLATFORM_H
#define VFIO_EARLY_PLATFORM_H

#include "survey.h"

/* The IOMMU is off; interrupts are not remapped; steps of another recipe are still there. */
void platform_find_iommu_off(const struct survey *survey, struct finding *finding);
void platform_find_no_remapping(const struct survey *survey, struct finding *finding);
void platform_find_other_recipe(const struct survey *survey, struct finding *finding);

/* Does vfio_early= have a word that is no switch, and that no [NAME] has? */
void platform_find_unknown_switch(const struct survey *survey, struct finding *finding);

#endif
