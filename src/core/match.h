/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_MATCH_H
#define VFIO_EARLY_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "cmdline.h"
#include "conf.h"
#include "pci.h"
#include "result.h"
#include "util.h"

/* A function that a bind line selects, by its conditions or by with=. */
struct claim {
	const struct rule *rule;
	const struct pci_function *function;
	char driver[PCI_DRIVER_SIZE]; /* the target driver; never "auto" */
	enum result
		result; /* RESULT_REFUSED, RESULT_INVALID, or RESULT_NONE: to be bound */
	char *reason;	/* for that result, or NULL */
	const struct claim
		*repeats; /* an earlier claim of the same function and driver, or NULL */
};

/* What became of one line: `result` is RESULT_NONE where its claims decide. */
struct line_match {
	enum result result;
	char *reason; /* for that result, or NULL */
};

/* The rules of a config against the functions of a machine. Points into both. Starts zeroed. */
struct match {
	const struct conf *conf;
	struct line_match *lines; /* conf->count of them, one a rule */
	struct claim *claims;
	size_t claim_count;
};

/* Do all active bind lines name an address? Then only those functions need to be looked at. */
bool match_names_addresses(const struct conf *conf, const struct cmdline *cmdline);

/*
 * Did each active bind line find the functions it states? If not, the whole machine is of
 * interest.
 */
bool match_found_all(const struct match *match);

/* Does any active bind line leave the driver to modules.alias (driver=auto)? */
bool match_wants_aliases(const struct conf *conf, const struct cmdline *cmdline);

/*
 * What the line permits for the function (enum allow): nothing if with= added it, because a
 * permission is for what the line names.
 */
unsigned int match_allows(const struct rule *rule, const struct pci_function *function);

/*
 * Matches. `aliases`: the lines of modules.alias that start with ALIAS_PREFIX. 0 or -ENOMEM; in
 * either case match_done() frees what `ret` has.
 */
int match_rules(const struct conf *conf, const struct cmdline *cmdline,
		const char *aliases, const struct pci_snapshot *snapshot,
		struct match *ret) _must_check_;
void match_done(struct match *match);

#endif
