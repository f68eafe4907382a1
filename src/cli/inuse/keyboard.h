/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_KEYBOARD_H
#define VFIO_EARLY_KEYBOARD_H

#include "inuse/in-use.h"
#include "machine/machine.h"

/*
 * Adds each keyboard's name to the functions that it is attached to, usually a USB
 * controller. `*ret_elsewhere`: how many keyboards are attached to no PCI function (PS/2,
 * a serial line). Returns 0 or -ENOMEM.
 */
int keyboard_find(const struct machine *machine, struct in_uses *uses,
		  size_t *ret_elsewhere) _must_check_;

#endif
