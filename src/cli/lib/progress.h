/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PROGRESS_H
#define VFIO_EARLY_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How far a command is, on standard error: in a terminal one line that is rewritten, otherwise a
 * line for each object. Starts zeroed, which prints nothing.
 */
struct progress {
	bool on;
	bool terminal;
};

/* Returns a progress that prints. */
struct progress progress_new(void);

/* Prints "building 2 of 3: /boot/initrd.img-6.1.0-28-amd64". */
void progress_print(const struct progress *progress, const char *verb, size_t number, size_t count,
		    const char *object);

/* Clears the line in a terminal. Anything else is printed after that. */
void progress_clear(const struct progress *progress);

#endif
