/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_REPORT_H
#define VFIO_EARLY_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "apply.h"
#include "claim-result.h"
#include "confdir.h"
#include "loadplan.h"
#include "text.h"
#include "util.h"

#define REPORT_DIRECTORY "run/vfio-early/"
#define REPORT_FILE REPORT_DIRECTORY "report"
#define REPORT_MAX (16 * 1024 * 1024) /* bytes of it that are read */
#define REPORT_VERSION 1
#define REPORT_MAX (16 * 1024 * 1024) /* bytes that a program reads of it */

/* Where /init leaves the report, with "start init": /run is not there yet, and comes over it. */
#define REPORT_LEFT "usr/lib/vfio-early/report"

/*
 * The report is text, one record a line, each a word and KEY=VALUE fields:
 *
 *   report version=1 program=VERSION kernel=RELEASE time=SECONDS mode=MODE [errors=N]
 *          [wrong=WORD] [note=TEXT]
 *   profile name=NAME
 *   config file=/PATH bytes=N
 *   error at=/PATH:LINE:COLUMN result=invalid reason=TEXT
 *   line at=/PATH:LINE result=RESULT [reason=TEXT]
 *   function address=ADDRESS line=/PATH:LINE id=ID class=CLASS was=DRIVER target=DRIVER
 *            driver=DRIVER [rescue=release] result=RESULT [reason=TEXT]
 *   module driver=DRIVER path=/PATH result=loaded|failed|skipped [reason=TEXT]
 *   rescue address=ADDRESS result=released|failed      (added by --rescue=release)
 *
 * There is one function record for each claim, whose line is the one that decides. The reason of a
 * line is its own, or says which functions it may not take although another line decides them.
 * MODE is normal, dry-run or off; an absent driver is "-". A value with a blank or a quote in it
 * stands in double quotes, with \" \\ and \xHH inside.
 */

enum report_mode { MODE_UNKNOWN, MODE_NORMAL, MODE_DRY_RUN, MODE_OFF };

/* Returns the word, as "dry-run"; "" for MODE_UNKNOWN. */
const char *report_mode_name(enum report_mode mode);

/* What the boot program knows at its end. Pointers may be NULL where it did not get that far. */
struct report {
	const char *kernel; /* uname -r */
	long time;	    /* seconds since 1970 */
	enum report_mode mode;
	const char *note; /* why it stopped before its end, or NULL */
	const struct cmdline *cmdline;
	const struct confdir *confdir;
	const struct loadplan *loadplan;
	const struct applied *applied;
	const struct match *match; /* after claims_judge() */
};

void report_format(const struct report *report, struct text *text);

/*
 * Moves the report that was written before /run was mounted to its place, with the config of
 * `confdir`. 0, -ENOENT if there is none, or -errno.
 */
int report_move(const struct root *root, const struct confdir *confdir) _must_check_;

/* Writes REPORT_FILE, and copies of the config's files below REPORT_DIRECTORY. 0 or -errno. */
int report_write(const struct root *root, const struct report *report) _must_check_;

/*
 * The records that programs read. A word that is missing is "", a number 0, a result RESULT_NONE.
 */
struct report_head {
	unsigned int version;
	const char *kernel;
	long time; /* seconds since 1970 */
	enum report_mode mode;
	const char *note;
	const char *wrong; /* the word of vfio_early= that the boot did not know */
};

struct report_line {
	const char *place; /* "/etc/vfio-early.conf:3" */
	enum result result;
	const char *reason;
};

struct report_function {
	struct pci_address address;
	const char *line; /* the place of the line that decided */
	uint32_t class;
	const char *target;
	bool rescue; /* the line has rescue=release */
	enum result result;
	const char *reason;
};

struct report_rescue {
	struct pci_address address;
	bool released;
};

enum report_kind { REPORT_HEAD, REPORT_LINE, REPORT_FUNCTION, REPORT_RESCUE };

struct report_record {
	enum report_kind kind;
	union {
		struct report_head head;
		struct report_line line;
		struct report_function function;
		struct report_rescue rescue;
	};
};

/*
 * Reads the next record of these kinds at `*cursor`, which is changed and moved on; `ret` points
 * into it. False at the end. Other records, and damaged ones, are passed over.
 */
bool report_next(char **cursor, struct report_record *ret);

/* Adds " KEY=VALUE", quoted if need be. */
void report_add_field(struct text *text, const char *key, const char *value);

#endif
