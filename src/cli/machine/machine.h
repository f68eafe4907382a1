/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_MACHINE_H
#define VFIO_EARLY_MACHINE_H

#include "cmdline.h"
#include "confdir.h"
#include "machine/finding.h"
#include "match.h"
#include "pci.h"
#include "root.h"
#include "util.h"

/* The IOMMU groups of all functions, for a command that asks about each of them. */
struct group_index {
	int *numbers;			     /* one a function, in the order of the snapshot */
	const struct pci_function **members; /* by group, then by address */
};

/* A machine, this one or the one below --root, as any command wants to know it. Starts zeroed. */
struct machine {
	struct root root;
	const char *directory; /* --root */
	char *kernel;	       /* the version that is meant: --kernel, or the running one */
	struct cmdline cmdline;
	struct confdir confdir;
	struct text aliases; /* the lines of the kernel's modules.alias that are about vfio */
	struct pci_snapshot snapshot;
	bool has_devices; /* sysfs was there; without it the snapshot is empty */
	struct match match;
	struct group_index groups; /* empty until group_index_make() */
};

/*
 * Loads the machine in `directory` ("/" for this one). `kernel`: the kernel version that is meant;
 * NULL for the running one, or for the only one in another directory. Returns 0 or -errno: -EXDEV
 * if another `directory` contains this machine's own /sys. In either case machine_done() frees
 * `ret`. Keeps a pointer to `directory`.
 */
int machine_load(const char *directory, const char *kernel, struct machine *ret) _must_check_;

/* Scans and matches again, after a change of `confdir`. 0 or -errno. */
int machine_match(struct machine *machine) _must_check_;

/*
 * Matches again, after a change of `snapshot`, whose functions stay where they are. 0 or -ENOMEM.
 */
int machine_match_again(struct machine *machine) _must_check_;

void machine_done(struct machine *machine);

/*
 * Finds out which displays are the firmware's: matching asks only about those that a line selects.
 */
void machine_read_displays(struct machine *machine);

/* Returns the claim of `function`, or NULL. */
const struct claim *machine_claim_of(const struct machine *machine,
				     const struct pci_function *function);

/* The same for the function at `address`; NULL also if there is none. */
const struct claim *machine_claim_at(const struct machine *machine,
				     const struct pci_address *address);

/* Tells the config's errors on standard error, each "PREFIXfile:line:column: message". */
void machine_print_errors(const struct machine *machine, const char *prefix);

/*
 * Fills in a finding about a word of vfio_early= that is no switch and no [NAME]; nothing if `word`
 * is NULL or "".
 */
void machine_find_unknown_switch(const struct machine *machine, const char *word,
				 struct finding *finding);

/* Adds why a line without claims is not in force, or nothing. */
void machine_explain_line(const struct rule *rule, const struct line_match *line,
			  struct text *text);

/* One line if the config has errors, for a command that goes on with the rest of it. */
void machine_note_errors(const struct machine *machine);

/*
 * One line if it is an ordinary user who asks: the kernel shows root alone the configuration space
 * behind its first 64 bytes, and the addresses in /proc/iomem: a right line can look wrong.
 */
void machine_note_unseen(const struct machine *machine);

#endif
