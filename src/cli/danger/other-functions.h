/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_OTHER_FUNCTIONS_H
#define VFIO_EARLY_OTHER_FUNCTIONS_H

#include "danger/context.h"

/* Group mates that stay with the host; virtual functions that it has; the one that makes it. */
void other_functions_find_group(const struct danger_context *context, const struct claim *claim,
				struct finding *finding);
void other_functions_find_virtual(const struct danger_context *context, const struct claim *claim,
				  struct finding *finding);
void other_functions_find_physical(const struct danger_context *context, const struct claim *claim,
				   struct finding *finding);

/* Has it no IOMMU group, on a machine that has some? */
void other_functions_find_no_group(const struct danger_context *context, const struct claim *claim,
				   struct finding *finding);

/* Is it in a domain that the driver of another function makes, as Intel's VMD does? */
void other_functions_find_controller(const struct danger_context *context,
				     const struct claim *claim, struct finding *finding);

#endif
