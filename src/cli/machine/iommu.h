/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_IOMMU_H
#define VFIO_EARLY_IOMMU_H

#include <stdbool.h>

#include "machine/machine.h"

/* Has the machine devices, and no IOMMU group at all? */
bool iommu_is_off(const struct machine *machine);

/* Fills in a finding that the IOMMU is off, if it is. */
void iommu_find_off(const struct machine *machine, struct finding *finding);

/* How to turn the IOMMU on, for the machine's processor; `text` fails without memory. */
void iommu_add_remedy(const struct machine *machine, struct text *text);

/*
 * Are interrupts not remapped, so that vfio refuses every guest, and was vfio not told to allow
 * it? On x86 the names of the interrupt chips in /proc/interrupts start with IR- where they are
 * remapped (drivers/iommu/intel/irq_remapping.c, drivers/iommu/amd/iommu.c of Linux).
 */
bool iommu_lets_interrupts_be_forged(const struct machine *machine);

#endif
