/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SUGGESTION_H
#define VFIO_EARLY_SUGGESTION_H

#include "conf.h"
#include "pci.h"
#include "text.h"

/*
 * What a line that selects nothing may have meant, one or two slips of the finger away: adds
 * "10de:1c03 at 0000:01:00.0", or nothing.
 */
void suggestion_add(const struct rule *rule, const struct pci_snapshot *snapshot,
		    struct text *text);

#endif
