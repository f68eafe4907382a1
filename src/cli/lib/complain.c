/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error messages of the host program. */

#include "lib/complain.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/printable.h"
#include "util.h"

/* The last complaint. A global: every function may complain, and the end of main() asks. */
static char *last;

static __attribute__((format(printf, 1, 0))) char *format_message(const char *format,
								  va_list arguments)
{
	char *message;

	return vasprintf(&message, format, arguments) < 0 ? NULL : message;
}

static void print_message(const char *message)
{
	if (message)
		printable_print(stderr, "vfio-early: %s\n", message);
}

void complain(const char *format, ...)
{
	va_list arguments;
	char *message;

	va_start(arguments, format);
	message = format_message(format, arguments);
	va_end(arguments);
	print_message(message);
	free(last);
	last = message;
}

void remark(const char *format, ...)
{
	_cleanup_(freep) char *message = NULL;
	va_list arguments;

	va_start(arguments, format);
	message = format_message(format, arguments);
	va_end(arguments);
	print_message(message);
}

const char *complain_last(void)
{
	return last;
}
