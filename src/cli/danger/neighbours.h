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

#endif
