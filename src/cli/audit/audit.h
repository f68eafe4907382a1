/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_AUDIT_H
#define VFIO_EARLY_AUDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "command.h"
#include "fault.h"
#include "root.h"
#include "util.h"

/* What was found in one image. */
struct audit {
	char *path;
	char *kernel;	    /* "" where it can't be told */
	const char *layout; /* of first_layout_name(); "" for unknown */
	struct faults faults;
};

/* Those that were looked at. Starts zeroed. */
struct audits {
	struct audit *items;
	size_t count;
	bool wanted; /* the config asks for something */
};

/*
 * Looks into the images at request->arguments, or into all that `root` has. STATUS_WELL,
 * or a status after an error was told; audits_done() frees what `ret` has.
 */
enum status audits_make(const struct request *request, const struct root *root,
			struct audits *ret) _must_check_;
void audits_done(struct audits *audits);

/* The worst of them, as an exit status. */
enum status audits_judge(const struct audits *audits);

/* "current", "outdated", "wrong" or "unreadable" */
const char *audit_result(const struct audit *audit);

#endif
