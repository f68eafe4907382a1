/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_CMDLINE_H
#define VFIO_EARLY_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"
#include "text.h"
#include "util.h"

#define CMDLINE_PROFILES_MAX 16

/* What is printed before and after `wrong`. */
#define CMDLINE_WRONG "vfio_early: unknown word on the kernel command line: "
#define CMDLINE_EXPECTED " (expected off, dry-run or a [NAME] of the config)"

/* The kernel command line, and what vfio_early= in it says. Starts zeroed. */
struct cmdline {
	char *text;
	char *words; /* what `profiles` points into */
	bool off, dry_run;
	const char *profiles[CMDLINE_PROFILES_MAX];
	size_t profile_count;
	const char *wrong; /* the first word of or like vfio_early= that has no meaning, or NULL */
};

/* Copies and parses `text`, the content of /proc/cmdline. 0 or -ENOMEM. */
int cmdline_parse(struct cmdline *cmdline, const char *text) _must_check_;
void cmdline_done(struct cmdline *cmdline);

/*
 * Sets `wrong` if vfio_early= has a name that no [NAME] of the config has: a mistyped "off" is such
 * a name, too.
 */
void cmdline_check(struct cmdline *cmdline, const struct conf *conf);

/* Does the rule count in this boot, with the profiles that vfio_early= names? */
bool cmdline_activates(const struct cmdline *cmdline, const struct rule *rule);

/*
 * Adds the parameters that the command line has for `module` (MODULE.NAME=VALUE; - and _ are the
 * same in MODULE), each with a blank in front. finit_module(2) knows nothing of them: modprobe
 * reads /proc/cmdline itself.
 */
void cmdline_module_options(const struct cmdline *cmdline, const char *module,
			    struct text *options);

/* Is `module` in modprobe.blacklist=? That too is modprobe's, and unknown to finit_module(2). */
bool cmdline_blacklists(const struct cmdline *cmdline, const char *module);

/* The same module name, - and _ taken as equal, over `length` characters of `a` and all of `b`. */
bool module_name_equal(const char *a, size_t length, const char *b);

#endif
