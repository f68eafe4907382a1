/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_NETWORK_H
#define VFIO_EARLY_NETWORK_H

#include "inuse/in-use.h"
#include "machine/machine.h"

/*
 * Adds the functions that the default routes of IPv4 and IPv6 use, also through bonds,
 * bridges (also of Open vSwitch), teams and VLANs. Returns 0 or -ENOMEM.
 */
int network_add_uses(const struct machine *machine, struct in_uses *uses) _must_check_;

/* Adds the interfaces that are up or belong to a bridge or bond. Returns 0 or -ENOMEM. */
int network_add_possible_uses(const struct machine *machine, struct in_uses *uses) _must_check_;

#endif
