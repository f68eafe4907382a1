/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_AUDIT_H
#define VFIO_EARLY_AUDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/progress.h"
#include "machine/finding.h"
#include "root.h"
#include "util.h"

/* What was found in one image. */
struct audit {
	char *path;
	char *kernel;	    /* "" if it is not known */
	const char *layout; /* of order_layout_name(); "" for unknown */
	struct findings findings;
};

/* Starts zeroed. */
struct audits {
	struct audit *items;
	size_t count;
	bool wanted; /* the config asks for something */
};

/* From good to bad. */
enum audit_result {
	AUDIT_CURRENT,
	AUDIT_WRONG,	/* another image would not be better */
	AUDIT_OUTDATED, /* it has to be built again */
	AUDIT_UNREADABLE,
};

/*
 * Inspects the images at `paths`, which ends with NULL, or all images of the root `directory` if
 * `paths` is empty. Returns 0 or -errno: -ENOENT if the root has no image, -EINTR after a signal.
 * In either case audits_done() frees `ret`. Prints the progress.
 */
int audits_make(const char *directory, char *const *paths, const struct progress *progress,
		struct audits *ret) _must_check_;
void audits_done(struct audits *audits);

enum audit_result audit_result(const struct audit *audit);

/* The worst of all. */
enum audit_result audits_result(const struct audits *audits);

/* "current", "wrong", "outdated" or "unreadable" */
const char *audit_result_name(enum audit_result result);

#endif
