/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_GROUP_H
#define VFIO_EARLY_GROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"
#include "pci.h"
#include "text.h"
#include "util.h"

/*
 * The functions of an IOMMU group, in the order of their addresses. A group can also have platform
 * devices (iommu_group_add_device() in drivers/iommu/iommu.c of Linux). Starts zeroed.
 */
struct group_members {
	const struct pci_function **items; /* of the machine's snapshot */
	size_t count;
	struct text others; /* "NAME (DRIVER), ...": members with a driver that no PCI bus has */
};

/*
 * Returns whether the driver that `member` has now keeps its group from a guest, by the kernel's
 * rule. Before Linux 5.19, bridges (by their header type) and pci-stub do not
 * (vfio_dev_driver_allowed() in drivers/vfio/vfio.c). Since then, drivers that leave DMA to others
 * (driver_managed_dma) do not: pcieport, pci-stub and VFIO's own.
 */
bool group_is_blocked_by(const struct machine *machine, const struct pci_function *member);

/*
 * Makes the index of the machine's groups: then each of the functions below costs no system call.
 * 0 or -ENOMEM. machine_match() and machine_done() free it.
 */
int group_index_make(struct machine *machine) _must_check_;

/* Returns the IOMMU group of `function`, a member of the machine's snapshot, or -1. */
int group_number(const struct machine *machine, const struct pci_function *function);

/*
 * Finds the functions of an IOMMU group; none if `group` is negative. 0 or -ENOMEM; in either case
 * group_members_done() frees what `ret` has.
 */
int group_find_members(const struct machine *machine, int group,
		       struct group_members *ret) _must_check_;

/*
 * Finds the other functions that keep the group of `function` from a guest. What is behind a
 * function that a line takes is left out: the drives of a VMD controller vanish when its driver
 * does. 0 or -ENOMEM; in either case group_members_done() frees what `ret` has.
 */
int group_find_blockers(const struct machine *machine, const struct pci_function *function,
			struct group_members *ret) _must_check_;
void group_members_done(struct group_members *members);

/*
 * Adds what to do about the members of `blockers` that no line takes; nothing if there are none.
 * with=group on `rule` adds neither bridges nor the chipset.
 */
void group_add_remedy(const struct machine *machine, const struct group_members *blockers,
		      const struct rule *rule, struct text *text);

#endif
