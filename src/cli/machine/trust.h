/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TRUST_H
#define VFIO_EARLY_TRUST_H

#include "confdir.h"

/*
 * Who else than root can change a file of the config, by `path` in the root: NULL for nobody,
 * else what is wrong and what would help, allocated; the caller frees it. In a tree that is not
 * root's own, and for what is not there, nobody.
 */
char *trust_problem(const struct root *root, const char *path);

/*
 * Takes the rules of each file of the config that somebody else than root can change out of it, for
 * they decide what root's programs do, and adds an error; the same for the directory of its
 * drop-ins. 0 or -ENOMEM.
 */
int trust_confdir(const struct root *root, struct confdir *confdir) _must_check_;

/*
 * Copies the config to the same paths in `dest`. In the place of a file that is not trusted lies
 * one that says so, with a line that the boot program calls invalid. 0 or the first -errno.
 */
int trust_copy(const struct root *root, const struct confdir *confdir,
	       const struct root *dest) _must_check_;

#endif
