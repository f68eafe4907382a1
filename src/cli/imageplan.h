/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_IMAGEPLAN_H
#define VFIO_EARLY_IMAGEPLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "loadplan.h"
#include "machine.h"
#include "resolve.h"
#include "util.h"

#define IMAGE_DIRECTORY \
	"usr/lib/vfio-early" /* in an image: all that is ours, scripts aside */
#define IMAGE_PROGRAM IMAGE_DIRECTORY "/vfio-early-boot"
#define IMAGE_INIT IMAGE_DIRECTORY "/vfio-early-init"
#define IMAGE_RESCUE IMAGE_DIRECTORY "/vfio-early-rescue"
#define IMAGE_START_INIT IMAGE_DIRECTORY "/start-init"

/* A target driver that a kernel doesn't have. */
struct lack {
	char *driver;
	const struct place *place; /* of the line that wants it */
};

/* What an image for the machine's kernel has to load. Starts zeroed. */
struct imageplan {
	struct loadplan loadplan;
	struct lack *lacks;
	size_t lack_count;
};

/*
 * Points into `machine`. 0 or -errno; in either case imageplan_done() frees what `ret`
 * has.
 */
int imageplan_make(const struct machine *machine, struct resolver *resolver,
		   struct imageplan *ret) _must_check_;
void imageplan_done(struct imageplan *plan);

/* Does the config say "start init"? The last such line counts. */
bool imageplan_starts_init(const struct conf *conf);

#endif
