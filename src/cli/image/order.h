/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ORDER_H
#define VFIO_EARLY_ORDER_H

#include "machine/finding.h"
#include "root.h"

/* How an image's /init runs what it has to run. */
enum layout {
	LAYOUT_OTHER,		/* unknown */
	LAYOUT_INITRAMFS_TOOLS, /* scripts, in the order of a generated file */
	LAYOUT_DRACUT,		/* hooks, sourced by a shell */
	LAYOUT_SYSTEMD,		/* dracut with systemd: units */
};

enum layout order_layout(const struct root *tree);

/* "dracut" */
const char *order_layout_name(enum layout layout);

/*
 * Checks that the boot program is the first program that the image runs. `init`: the
 * config says "start init". Adds problems to `findings`.
 */
void order_check(const struct root *tree, bool init, struct findings *findings);

#endif
