/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DISPLAY_H
#define VFIO_EARLY_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "root.h"

struct memory_range {
	uint64_t first, last; /* both belong to it */
};

/* Where the firmware's framebuffers lie, read once. Starts zeroed. */
struct framebuffers {
	bool read;
	struct memory_range ranges[4];
	size_t count;
};

/*
 * Is the firmware's display on the function whose directory in sysfs is `directory`? It is if its
 * boot_vga is 1, or a framebuffer of /proc/iomem lies in one of its BARs. `framebuffers` is read
 * when it is first needed.
 */
bool display_is_boot(const struct root *root, const char *directory,
		     struct framebuffers *framebuffers);

#endif
