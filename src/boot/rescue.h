/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_RESCUE_H
#define VFIO_EARLY_RESCUE_H

#include <stdbool.h>

#include "root.h"

/*
 * Logs which storage devices this boot keeps from the host, by its report. `release`: gives those
 * whose line has rescue=release back to the host instead, each at most once. Returns whether a
 * device was given back.
 */
bool rescue(const struct root *root, bool release);

#endif
