/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error messages of the host program. */

#include "lib/complain.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/printable.h"

void complain(const char *format, ...)
{
	va_list arguments;

	fputs("vfio-early: ", stderr);
	va_start(arguments, format);
	printable_vprint(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}
