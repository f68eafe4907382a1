/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_IMAGE_PLAN_H
#define VFIO_EARLY_IMAGE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "loadplan.h"
#include "machine/machine.h"
#include "machine/resolver.h"
#include "util.h"

#define IMAGE_DIRECTORY \
	"usr/lib/vfio-early" /* in an image: all that is ours, scripts aside */
#define IMAGE_PROGRAM IMAGE_DIRECTORY "/vfio-early-boot"
#define IMAGE_INIT IMAGE_DIRECTORY "/vfio-early-init"
#define IMAGE_START_INIT IMAGE_DIRECTORY "/start-init"

/* A target driver that a kernel doesn't have. */
struct lack {
	char *driver;
	const struct place *place; /* of the line that wants it */
};

/* What an image for the machine's kernel has to load. Starts zeroed. */
struct image_plan {
	struct loadplan loadplan;
	struct lack *lacks;
	size_t lack_count;
};

/*
 * Points into `machine`. 0 or -errno; in either case image_plan_done() frees what `ret`
 * has.
 */
int image_plan_make(const struct machine *machine, struct resolver *resolver,
		    struct image_plan *ret) _must_check_;
void image_plan_done(struct image_plan *plan);

/* Does the config say "start init"? The last such line counts. */
bool image_plan_starts_init(const struct conf *conf);

#endif
