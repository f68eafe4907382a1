/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SUGGESTION_H
#define VFIO_EARLY_SUGGESTION_H

#include "conf.h"
#include "pci.h"
#include "text.h"

/*
 * Adds what a line that selects nothing may mean, assuming one or two typing errors: for
 * example "10de:1c03 at 0000:01:00.0". Adds nothing if no function is similar.
 */
void suggestion_add(const struct rule *rule, const struct pci_snapshot *snapshot,
		    struct text *text);

#endif
