/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DRIVER_H
#define VFIO_EARLY_DRIVER_H

#include "danger/context.h"

/* The target driver is none of this kernel; the host's driver is built in. */
void driver_find_missing(const struct danger_context *context, const struct claim *claim,
			 struct finding *finding);
void driver_find_built_in(const struct danger_context *context, const struct claim *claim,
			  struct finding *finding);

#endif
