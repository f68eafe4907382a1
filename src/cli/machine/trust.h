/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TRUST_H
#define VFIO_EARLY_TRUST_H

#include "confdir.h"

/*
 * Returns NULL if only root can change the config file at `path` in the root; otherwise
 * the problem and its remedy, which the caller frees. Returns NULL for a missing file,
 * and in a tree that does not belong to root.
 */
char *trust_problem(const struct root *root, const char *path);

/*
 * Drops the rules of every config file that users other than root can change, because the
 * rules decide what root's programs do, and records an error for each file. Does the same
 * for the drop-in directory. Returns 0 or -ENOMEM.
 */
int trust_confdir(const struct root *root, struct confdir *confdir) _must_check_;

/*
 * Copies the config to the same paths in `dest`. An untrusted file is replaced by one
 * that says so in a line that the boot program reports as invalid. Returns 0 or the first
 * -errno.
 */
int trust_copy(const struct root *root, const struct confdir *confdir,
	       const struct root *dest) _must_check_;

#endif
