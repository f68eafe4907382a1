/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sink for messages: the kernel log at boot, standard error otherwise. */

#include "log.h"

#include <fcntl.h>
#include <string.h>

#define KERNEL_LOG "dev/kmsg"

/*
 * The kernel drops all but ten lines in five seconds of one open file, and reports success
 * (devkmsg_write() in kernel/printk/printk.c of Linux). A new file begins to count again.
 */
#define LINES_OF_A_FILE 10

/* The program's only global. */
static struct {
	const struct root *root; /* whose kernel log is written; NULL: standard error */
	int file;		 /* the open kernel log; negative: standard error */
	unsigned int lines;	 /* that `file` still takes */
} sink = { .file = -1 };

void log_to_kernel(const struct root *root)
{
	closep(&sink.file);
	sink.root = root;
	sink.file = -1;
	sink.lines = 0;
}

/* Opens the kernel log if the next line needs that. No child logs, so that the count is right. */
static void sink_prepare(void)
{
	if (!sink.root)
		return;
	if (!sink.lines) {
		closep(&sink.file);
		sink.file = root_descriptor(sink.root, KERNEL_LOG, O_WRONLY | O_APPEND);
		sink.lines = sink.file >= 0 ? LINES_OF_A_FILE : 1;
	}
	sink.lines--;
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
	va_list strings;
	size_t length;
	char *start;

	sink_prepare();
	start = sink.file >= 0 ? line : line + strlen("<0>");
	memcpy(line, prefix, sizeof(prefix));
	line[1] += level;
	va_start(strings, level);
	string_joinv(line + strlen(prefix), sizeof(line) - sizeof(prefix), strings);
	va_end(strings);
	clean(start);
	length = strlen(start);
	start[length++] = '\n';
	/* A log that can't be written can't be reported either. */
	if (write(sink.file >= 0 ? sink.file : STDERR_FILENO, start, length) < 0)
		return;
}
