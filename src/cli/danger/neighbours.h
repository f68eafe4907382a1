/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_NEIGHBOURS_H
#define VFIO_EARLY_NEIGHBOURS_H

#include "survey.h"

/* Group mates that stay with the host; virtual functions that it has; the one that makes it. */
void neighbours_find_group(const struct survey *survey, const struct claim *claim,
			   struct finding *finding);
void neighbours_find_virtual(const struct survey *survey, const struct claim *claim,
			     struct finding *finding);
void neighbours_find_physical(const struct survey *survey, const struct claim *claim,
			      struct finding *finding);

/* Has it no IOMMU group, on a machine that has some? */
void neighbours_find_no_group(const struct survey *survey, const struct claim *claim,
			      struct finding *finding);

/* Is it in a domain that the driver of another function makes, as Intel's VMD does? */
void neighbours_find_controller(const struct survey *survey, const struct claim *claim,
				struct finding *finding);

#endif
