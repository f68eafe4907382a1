/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LOG_H
#define VFIO_EARLY_LOG_H

#include <stdbool.h>

#include "util.h"

/* Levels of the kernel log (include/linux/kern_levels.h). */
enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_INFO = 6 };

#define LOG_LINE_MAX 512 /* bytes; /dev/kmsg takes almost twice as many */

/*
 * Where lines go from now on: `fd` stays the caller's. `kernel`: it is /dev/kmsg, which takes
 * one record a write, "<level>" first (Documentation/ABI/testing/dev-kmsg). Else plain lines.
 */
void log_to(int fd, bool kernel);

/*
 * One line of one string or several, "vfio-early: " in front. Cut at LOG_LINE_MAX; what is
 * no printable ASCII becomes "?", so that no input can write a second line or control a terminal.
 */
#define log_line(level, ...) log_strings(level, __VA_ARGS__, (const char *)NULL)
void log_strings(enum log_level level, ...) _sentinel_;

#endif
