/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_HINTS_H
#define VFIO_EARLY_HINTS_H

#include "confdir.h"
#include "util.h"

/*
 * Adds to the config's errors what their authors probably meant: the parser is part of the boot
 * program, which has no room for that. Returns 0 or -ENOMEM.
 */
int hints_add(struct confdir *confdir) _must_check_;

#endif
