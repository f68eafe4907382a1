/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_HOST_NEEDS_H
#define VFIO_EARLY_HOST_NEEDS_H

#include "danger/context.h"

/* What the host would lose with the function of a claim. */
void host_needs_find_display(const struct danger_context *context, const struct claim *claim,
			     struct finding *finding);
void host_needs_find_use(const struct danger_context *context, const struct claim *claim,
			 struct finding *finding);
void host_needs_find_possible_use(const struct danger_context *context, const struct claim *claim,
				  struct finding *finding);
void host_needs_find_keyboard(const struct danger_context *context, const struct claim *claim,
			      struct finding *finding);

/* Does the line have rescue=release, for a device or on a host where that cannot work? */
void host_needs_find_rescue(const struct danger_context *context, const struct claim *claim,
			    struct finding *finding);

#endif
