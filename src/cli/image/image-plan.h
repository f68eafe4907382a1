/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_IMAGE_PLAN_H
#define VFIO_EARLY_IMAGE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "loadplan.h"
#include "machine/machine.h"
#include "machine/resolver.h"
#include "util.h"

#define IMAGE_DIRECTORY "usr/lib/vfio-early" /* in an image: all files except the scripts */
#define IMAGE_PROGRAM IMAGE_DIRECTORY "/vfio-early-boot"
#define IMAGE_INIT IMAGE_DIRECTORY "/vfio-early-init"
#define IMAGE_START_INIT IMAGE_DIRECTORY "/start-init"

/* A target driver that the kernel does not have. */
struct missing_driver {
	char *driver;
	const struct place *place; /* of the line that wants it */
};

/* What an image for the machine's kernel must load. Starts zeroed. */
struct image_plan {
	struct loadplan loadplan;
	struct missing_driver *missing;
	size_t missing_count;
};

/*
 * Makes the plan, which points into `machine`. Returns 0 or -errno. In either case
 * image_plan_done() frees `ret`.
 */
int image_plan_make(const struct machine *machine, struct resolver *resolver,
		    struct image_plan *ret) _must_check_;
void image_plan_done(struct image_plan *plan);

#endif
