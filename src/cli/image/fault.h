/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_FAULT_H
#define VFIO_EARLY_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"
#include "util.h"

/* What is wrong with an image. */
enum fault_kind {
	FAULT_UNREADABLE, /* it can't be looked into */
	FAULT_MISSING,	  /* nothing of ours is in it */
	FAULT_LEFTOVER,	  /* something of ours is, and the config is empty */
	FAULT_PROGRAM,	  /* the boot program */
	FAULT_CONFIG,	  /* the config's files */
	FAULT_PLAN,	  /* the list of modules */
	FAULT_MODULES,	  /* the modules themselves */
	FAULT_INIT,	  /* "start init" */
	FAULT_SCRIPT,	  /* what starts the boot program */
	FAULT_ORDER,	  /* something else comes first */
	FAULT_DRIVER,	  /* its kernel has no such driver */
	FAULT_KERNEL,	  /* its kernel isn't installed */
	FAULT_INSTALLED,  /* the host lacks what images are made of */
};

struct fault {
	enum fault_kind kind;
	struct text text; /* what, as a fragment of a sentence */
	const char *remedy;
};

/* Those of one image. Starts zeroed. */
struct faults {
	struct fault *items;
	size_t count;
	bool failed; /* out of memory: something is missing */
};

/* Adds one; further text may be added to what is returned, NULL without memory. */
#define fault_add(faults, kind, ...) \
	fault_add_strings(faults, kind, __VA_ARGS__, (const char *)NULL)
struct fault *fault_add_strings(struct faults *faults, enum fault_kind kind,
				...) _sentinel_;

/* "order", as in JSON. */
const char *fault_kind_name(enum fault_kind kind);

/* Does building the image anew help? */
bool fault_is_due(const struct fault *fault);

/* 0, or -ENOMEM if any was lost. */
int faults_error(const struct faults *faults) _must_check_;
void faults_done(struct faults *faults);

#endif
