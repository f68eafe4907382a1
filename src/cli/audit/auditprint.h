/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_AUDITPRINT_H
#define VFIO_EARLY_AUDITPRINT_H

#include "audit.h"
#include "command.h"
#include "util.h"

/*
 * A table of the images, and a line for each fault with what to do about it. 0 or -ENOMEM.
 */
int audits_print(const struct audits *audits, bool color) _must_check_;

/* The same as JSON. */
void audits_print_json(const struct audits *audits);

#endif
