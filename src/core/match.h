/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_MATCH_H
#define VFIO_EARLY_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "cmdline.h"
#include "conf.h"
#include "pci.h"
#include "result.h"
#include "text.h"
#include "util.h"

#define CLAIM_LINES_MAX 32 /* lines that may select one function; the next one is invalid */

/* A bind line that selects a function. */
struct claim_line {
	const struct rule *rule;
	char driver[PCI_DRIVER_SIZE]; /* the target driver; never "auto" */
	enum result result; /* RESULT_REFUSED or RESULT_INVALID; RESULT_NONE: the claim's */
	char *reason;	    /* for that result, or NULL */
};

/* A function that bind lines select, by their conditions or by with=. */
struct claim {
	const struct pci_function *function;
	struct claim_line *lines; /* in the order of the lines */
	size_t line_count;
	const struct rule *keep;      /* the first active keep line that a person wrote, or NULL */
	bool in_use;		      /* a generated keep line, or the function itself, says so */
	const struct rule *rule;      /* the line that decides: the first that may take it */
	char driver[PCI_DRIVER_SIZE]; /* the target driver */
	enum result result;	      /* RESULT_NONE until claims_judge(), if it is to be bound */
	char *reason;		      /* for that result, or NULL */
	char now[PCI_DRIVER_SIZE];    /* claims_judge(): the driver that has it, "" for none */
};

/* The result of one line. claims_judge() replaces RESULT_NONE by the worst of its claims. */
struct line_match {
	enum result result;
	char *reason; /* for that result, or NULL */
};

/* The rules of a config against the functions of a machine. Points into both. Starts zeroed. */
struct match {
	const struct conf *conf;
	struct line_match *lines; /* conf->count of them, one a rule */
	struct claim *claims;	  /* one a function, in the order of the lines */
	size_t claim_count;
	size_t bad_lines; /* that do not bind anything, with the reason */
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
int match_rules(const struct conf *conf, const struct cmdline *cmdline, const char *aliases,
		const struct pci_snapshot *snapshot, struct match *ret) _must_check_;
void match_done(struct match *match);

/* Returns the claim of `function`, or NULL. */
struct claim *match_claim(const struct match *match, const struct pci_function *function);

/* Returns what the line of `rule` has to do with `claim`: NULL if it does not select it. */
const struct claim_line *claim_line(const struct claim *claim, const struct rule *rule);

/*
 * Returns the result of a claim as one of its lines sees it, and the reason or NULL: a line that
 * may not take the function can be followed by another that takes it.
 */
enum result claim_line_result(const struct claim *claim, const struct claim_line *line,
			      const char **ret_reason);

/* Returns how many claims have this result. */
size_t match_count(const struct match *match, enum result result);

/* Returns what the match found about a line of its config. */
static inline struct line_match *match_line(const struct match *match, const struct rule *rule)
{
	return &match->lines[rule - match->conf->rules];
}

#endif
