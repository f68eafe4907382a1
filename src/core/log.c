/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sink for messages: the kernel log at boot, standard error otherwise. */

#include "log.h"

#include <string.h>

static struct {
	int fd;
	bool kernel;
} sink = { .fd = STDERR_FILENO };

void log_to(int fd, bool kernel)
{
	sink.fd = fd;
	sink.kernel = kernel;
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
	char *start = sink.kernel ? line : line + strlen("<0>");
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
	/* Nobody is left to be told if the log itself can't be written. */
	if (write(sink.fd, start, length) < 0)
		return;
}
