/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_NEEDS_H
#define VFIO_EARLY_NEEDS_H

#include "survey.h"

/* What the host would lose with the function of a claim. */
void needs_find_display(const struct survey *survey, const struct claim *claim,
			struct finding *finding);
void needs_find_use(const struct survey *survey, const struct claim *claim,
		    struct finding *finding);
void needs_find_possible_use(const struct survey *survey, const struct claim *claim,
			     struct finding *finding);
void needs_find_keyboard(const struct survey *survey, const struct claim *claim,
			 struct finding *finding);

/* Does the line have rescue=release, on a host where that cannot work? */
void needs_find_rescue(const struct survey *survey, const struct claim *claim,
		       struct finding *finding);

#endif
