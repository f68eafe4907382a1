/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PRINTABLE_H
#define VFIO_EARLY_PRINTABLE_H

#include <stdarg.h>
#include <stdio.h>

#include "text.h"

/* Adds untrusted text for people: invalid UTF-8 and control characters become "?". */
void printable_add(struct text *text, const char *string);

/*
 * Prints a line, or a part of one, that contains untrusted text. Control characters
 * become "?", and so does every newline except the one at the end of the format. Prints
 * nothing if memory is short.
 */
void printable_print(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
void printable_vprint(FILE *file, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

/* Returns the length in bytes of the UTF-8 character at `string`, or 0 if it is not UTF-8. */
size_t utf8_length(const char *string);

/* The same, but 0 also for a control character: below U+0020, and U+007F to U+009F. */
size_t printable_length(const char *string);

#endif
