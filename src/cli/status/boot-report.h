/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_BOOT_REPORT_H
#define VFIO_EARLY_BOOT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "confdir.h"
#include "report.h"
#include "text.h"
#include "util.h"

/* What the boot program left in /run: its report, and the config that it used. Starts zeroed. */
struct boot_report {
	bool found;	    /* there is a report of a version that is understood */
	bool lasts;	    /* what lies in /run survives a reboot, and so may be of another one */
	const char *kernel; /* of the report's first line; "" where it lacks one */
	enum report_mode mode;
	const char *note;
	const char *wrong; /* the word of vfio_early= that the boot did not know; or "" */
	long time;	   /* seconds since 1970, 0 for unknown */
	struct report_record *records; /* all but the first */
	size_t count;
	struct confdir confdir; /* the config that the boot used */
	struct text text;	/* what the strings above point into */
};

/*
 * Reads it. `directory`: the root's own, which the copies of the config lie below. 0 or -errno;
 * no report is no error. In either case boot_report_done() frees what `ret` has.
 */
int boot_report_read(const struct root *root, const char *directory,
		     struct boot_report *ret) _must_check_;
void boot_report_done(struct boot_report *report);

/* Returns the record of a claimed function, or NULL if the boot had none. */
const struct report_function *boot_report_function(const struct boot_report *report,
						   const struct pci_address *address);

/* The record of the line at `place`, or NULL. */
const struct report_line *boot_report_line(const struct boot_report *report, const char *place);

/* Was the function given back to the host, because the root file system did not appear? */
bool boot_report_rescued(const struct boot_report *report, const struct pci_address *address);

#endif
