/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LINE_STATES_H
#define VFIO_EARLY_LINE_STATES_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"
#include "status/boot-report.h"
#include "text.h"
#include "util.h"

/* How a listed function, or a line that selects none, stands now. */
enum line_state_kind {
	STATE_BOUND,	  /* the target driver has it */
	STATE_INACTIVE,	  /* below a [NAME] that this boot did not choose */
	STATE_NOT_VIABLE, /* bound, but a host driver has another function of its group */
	STATE_REBOUND,	  /* bound at boot; something else has it now */
	STATE_RESCUED,	  /* given back at boot: the root file system did not appear */
	STATE_RELEASED,	  /* bound at boot; nothing has it now */
	STATE_FENCED,	  /* the boot fenced it and could not bind it */
	STATE_FAILED,	  /* a host driver has it since the boot */
	STATE_MISSED,	  /* it was not there at boot, or not yet */
	STATE_PENDING,	  /* listed, but the boot knew nothing of it */
	STATE_UNLISTED,	  /* bound at boot; its line is gone since */
	STATE_LINE,	  /* the line selects nothing: its result and reason tell */
};

/* One function of one line, or one line without any. */
struct line_state {
	enum line_state_kind kind;
	const struct rule *rule;   /* of the config as it is now, NULL for STATE_UNLISTED */
	const struct claim *claim; /* NULL for a line, and for STATE_UNLISTED */
	const char *result;	   /* what became of it now: a word of the report, or of ours */
	enum result boot;	   /* what the boot's report says, RESULT_NONE for nothing */
	char address[PCI_ADDRESS_SIZE]; /* "" for a line */
	char driver[PCI_DRIVER_SIZE];	/* that has it now, "" for none */
	struct text why, next;		/* empty where there is nothing to explain, or to do */
};

/* All of them, in the order of the lines. Starts zeroed. */
struct line_states {
	struct line_state *items;
	size_t count;
};

/*
 * `usable`: the report says what this boot did with the lines (boot_findings_find()). 0 or
 * -ENOMEM; in either case line_states_done() frees what `ret` has.
 */
int line_states_find(const struct machine *machine, const struct boot_report *report, bool usable,
		     struct line_states *ret) _must_check_;
void line_states_done(struct line_states *states);

/* Returns the word of the boot's report, "" for nothing. */
const char *line_state_boot(const struct line_state *state);

/*
 * Returns how many devices the config lists, and how many of them are bound. A line that selects
 * nothing counts as a device that is missing; inactive lines and unlisted devices do not count.
 */
size_t line_states_count(const struct line_states *states, size_t *ret_bound);

/*
 * Returns whether the state at `index` stands for its device: several lines can list one, and then
 * the line counts that binds it.
 */
bool line_states_represents(const struct line_states *states, size_t index);

/* Keeps only the states for which `keep`, as long as the list, has true. */
void line_states_filter(struct line_states *states, const bool *keep);

/* Notes that `vfio-early bind`, and the next boot, will refuse the device because of `danger`. */
void line_state_refuse(struct line_state *state, const struct finding *danger);

/* Is it as the config wants it? Would a rebuild or a reboot make it so? */
bool line_state_is_well(const struct line_state *state);
bool line_state_is_due(const struct line_state *state);

#endif
