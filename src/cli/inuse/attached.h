/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ATTACHED_H
#define VFIO_EARLY_ATTACHED_H

#include "inuse/in-use.h"
#include "machine/machine.h"

/*
 * Adds what is attached to each function, by which people recognize it: network interfaces, disks
 * with model and size, USB devices, and monitors. Whether the host uses them is another question.
 * Returns 0 or -ENOMEM; in either case in_uses_done() frees `ret`.
 */
int attached_find(const struct machine *machine, struct in_uses *ret) _must_check_;

#endif
