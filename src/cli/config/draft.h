/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DRAFT_H
#define VFIO_EARLY_DRAFT_H

#include "machine/machine.h"
#include "text.h"
#include "util.h"

/*
 * Parses and matches the config again as if its file `path` (in the root, "etc/...")
 * contained `text`, and stores the result in `machine`. Writes nothing. Returns 0 or
 * -errno.
 */
int draft_match(struct machine *machine, const char *path, const struct text *text) _must_check_;

/*
 * Returns the content of the config file `path`, or an empty text if there is no such
 * file.
 */
const struct text *draft_text(const struct machine *machine, const char *path);

/* Returns the rule at that line of that file, or NULL. */
const struct rule *draft_rule(const struct machine *machine, const char *path, unsigned int line);

#endif
