/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sink for messages: the kernel log at boot, standard error otherwise. */

#include "log.h"

#include <fcntl.h>
#include <string.h>

#define KERNEL_LOG "dev/kmsg"

/* The root whose kernel log is written; NULL: standard error. The program's only global. */
static const struct root *sink;

void log_to_kernel(const struct root *root)
{
	sink = root;
}

static void clean(char *text)
{
	for (; *text; text++)
		if (!is_printable(*text))
			*text = '?';
}

void log_strings(enum log_level level, ...)
{
	static const char prefix[] = "<0>vfio-early: ";
	char line[LOG_LINE_MAX + 1]; /* the one more is for the newline */
	/*
	 * Opened for each line: the kernel drops all but ten lines in five seconds of one open
	 * file, and reports success (devkmsg_write() in kernel/printk/printk.c of Linux).
	 */
	_cleanup_(closep) int kernel =
		sink ? root_descriptor(sink, KERNEL_LOG, O_WRONLY | O_APPEND) : -1;
	char *start = kernel >= 0 ? line : line + strlen("<0>");
	va_list strings;
	size_t length;

	memcpy(line, prefix, sizeof(prefix));
	line[1] += level;
	va_start(strings, level);
	string_joinv(line + strlen(prefix), sizeof(line) - sizeof(prefix), strings);
	va_end(strings);
	clean(start);
	length = strlen(start);
	start[length++] = '\n';
	/* A log that can't be written can't be reported either. */
	if (write(kernel >= 0 ? kernel : STDERR_FILENO, start, length) < 0)
		return;
}
