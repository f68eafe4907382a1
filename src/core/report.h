/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_REPORT_H
#define VFIO_EARLY_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "apply.h"
#include "confdir.h"
#include "loadplan.h"
#include "text.h"
#include "util.h"
#include "verdict.h"

#define REPORT_DIRECTORY "run/vfio-early/"
#define REPORT_FILE REPORT_DIRECTORY "report"
#define REPORT_MAX (16 * 1024 * 1024) /* bytes of it that are read */
#define REPORT_VERSION 1

/* Where /init leaves the report, with "start init": /run is not there yet, and comes over it. */
#define REPORT_LEFT "usr/lib/vfio-early/report"

/*
 * The report is text, one record a line, each a word and KEY=VALUE fields:
 *
 *   report version=1 program=VERSION kernel=RELEASE time=SECONDS mode=MODE [errors=N]
 *          [note=TEXT]
 *   profile name=NAME
 *   config file=/PATH bytes=N
 *   error at=/PATH:LINE:COLUMN result=invalid reason=TEXT
 *   line at=/PATH:LINE result=RESULT [reason=TEXT]
 *   function address=ADDRESS line=/PATH:LINE id=ID class=CLASS was=DRIVER target=DRIVER
 *            driver=DRIVER [rescue=release] result=RESULT [reason=TEXT]
 *   module driver=DRIVER path=/PATH result=loaded|failed|skipped [reason=TEXT]
 *   rescue address=ADDRESS result=released|failed      (added by --rescue=release)
 *
 * MODE is normal, dry-run or off; an absent driver is "-". A value with a blank or a quote in it
 * stands in double quotes, with \" \\ and \xHH inside.
 */

/* What the boot program knows at its end. Pointers may be NULL where it did not get that far. */
struct report {
	const char *kernel; /* uname -r */
	long time;	    /* seconds since 1970 */
	const char *mode;
	const char *note; /* why it stopped before its end, or NULL */
	const struct cmdline *cmdline;
	const struct confdir *confdir;
	const struct loadplan *loadplan;
	const struct applied *applied;
	const struct verdicts *verdicts;
};

void report_format(const struct report *report, struct text *text);

/*
 * Moves the report that was written before /run was mounted to its place, with the config of
 * `confdir`. 0, -ENOENT if there is none, or -errno.
 */
int report_move(const struct root *root, const struct confdir *confdir) _must_check_;

/* Writes REPORT_FILE, and copies of the config's files below REPORT_DIRECTORY. 0 or -errno. */
int report_write(const struct root *root, const struct report *report) _must_check_;

/* One field of a record that was read. */
struct report_field {
	const char *key, *value;
};

#define REPORT_FIELDS_MAX 16

struct report_record {
	const char *word;
	struct report_field fields[REPORT_FIELDS_MAX];
	size_t count;
};

/*
 * The next record at `*cursor`, which is changed and moved on; `ret` points into it. False at
 * the end. Lines that are no records are passed over.
 */
bool report_next(char **cursor, struct report_record *ret);

/* The value of a field, or "" without one. */
const char *report_value(const struct report_record *record, const char *key);

/* Adds " KEY=VALUE", quoted if need be. */
void report_add_field(struct text *text, const char *key, const char *value);

#endif
