/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LOG_H
#define VFIO_EARLY_LOG_H

#include "root.h"
#include "util.h"

/* Levels of the kernel log (include/linux/kern_levels.h). */
enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_INFO = 6 };

#define LOG_LINE_MAX 512 /* bytes; /dev/kmsg takes almost twice as many */

/*
 * Sends all further lines to the kernel log, /dev/kmsg of `root`, which must stay open. It takes
 * one record a write, "<level>" first (Documentation/ABI/testing/dev-kmsg). Without such a device
 * lines go to standard error, as before this call.
 */
void log_to_kernel(const struct root *root);

/*
 * One line of one string or several, "vfio-early: " in front. Cut at LOG_LINE_MAX; what is
 * no printable ASCII becomes "?", so that no input can write a second line or control a terminal.
 */
#define log_line(level, ...) log_strings(level, __VA_ARGS__, (const char *)NULL)
void log_strings(enum log_level level, ...) _sentinel_;

#endif
