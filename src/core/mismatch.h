/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_MISMATCH_H
#define VFIO_EARLY_MISMATCH_H

#include "conf.h"
#include "pci.h"
#include "result.h"
#include "text.h"

/* A line that nothing meets: adds what is there instead, and where the device went. */
enum result mismatch_nothing(const struct rule *rule, const struct pci_snapshot *snapshot,
			     struct text *text);

/* A line that wants another number than the `found` functions that meet it: adds which. */
enum result mismatch_count(const struct rule *rule, const struct pci_snapshot *snapshot,
			   size_t found, struct text *text);

#endif
