/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_RESET_H
#define VFIO_EARLY_RESET_H

#include "danger/context.h"

/* Neither the function nor its bus can be reset for the next guest. */
void reset_find_none(const struct danger_context *context, const struct claim *claim,
		     struct finding *finding);

#endif
