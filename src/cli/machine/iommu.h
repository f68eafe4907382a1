/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_IOMMU_H
#define VFIO_EARLY_IOMMU_H

#include <stdbool.h>

#include "machine/machine.h"

/* Returns whether the machine has devices but no IOMMU group. */
bool iommu_is_off(const struct machine *machine);

/* Fills in a finding that the IOMMU is off, if it is. */
void iommu_find_off(const struct machine *machine, struct finding *finding);

/*
 * Adds how to turn on the IOMMU of the machine's processor. `text` records a lack of
 * memory.
 */
void iommu_add_remedy(const struct machine *machine, struct text *text);

/*
 * Returns whether vfio refuses every guest because interrupts are not remapped. On x86,
 * the names of remapped interrupt chips in /proc/interrupts start with IR-
 * (drivers/iommu/intel/irq_remapping.c, drivers/iommu/amd/iommu.c). The result is false
 * if a module option tells vfio to allow unremapped interrupts.
 */
bool iommu_lacks_interrupt_remapping(const struct machine *machine);

#endif
