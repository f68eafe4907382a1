/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DRAFT_H
#define VFIO_EARLY_DRAFT_H

#include "machine/machine.h"
#include "text.h"
#include "util.h"

/*
 * Makes `machine` what it would be if the config's file `path` (in the root, as "etc/...") had
 * `text` in it: parsed and matched anew, nothing written. 0 or -errno.
 */
int draft_match(struct machine *machine, const char *path,
		const struct text *text) _must_check_;

/* What the config's file `path` says; empty if it isn't there. */
const struct text *draft_text(const struct machine *machine, const char *path);

/* The rule that `machine` has at that line of that file, or NULL. */
const struct rule *draft_rule(const struct machine *machine, const char *path,
			      unsigned int line);

#endif
