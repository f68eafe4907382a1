/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far a command is with several objects that take seconds each. */

#include "lib/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/printable.h"

#define LINE_MAX_WIDTH 512

struct progress progress_new(void)
{
	const char *type = getenv("TERM");

	return (struct progress){
		.on = true,
		.terminal = isatty(STDERR_FILENO) && type && strcmp(type, "dumb"),
	};
}

/* Returns how many bytes fit into one line of the terminal: a longer text cannot be rewritten. */
static int line_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
		return 79;
	return size.ws_col < LINE_MAX_WIDTH ? size.ws_col - 1 : LINE_MAX_WIDTH;
}

void progress_print(const struct progress *progress, const char *verb, size_t number, size_t count,
		    const char *object)
{
	struct text line = { 0 };

	if (!progress->on)
		return;
	text_add(&line, verb, " ");
	text_add_number(&line, number, 10, 1);
	text_add(&line, " of ");
	text_add_number(&line, count, 10, 1);
	text_add(&line, ": ");
	printable_add(&line, object);
	fflush(stdout);
	if (progress->terminal)
		fprintf(stderr, "\r%.*s\033[K", line_width(), text_string(&line));
	else
		fprintf(stderr, "%s\n", text_string(&line));
	text_done(&line);
}

void progress_clear(const struct progress *progress)
{
	if (progress->terminal)
		fputs("\r\033[K", stderr);
}
