/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PRINTABLE_H
#define VFIO_EARLY_PRINTABLE_H

#include <stdarg.h>
#include <stdio.h>

#include "text.h"

/*
 * Adds what a file or a program says, for people: what is not UTF-8, or would control a terminal,
 * becomes "?".
 */
void printable_add(struct text *text, const char *string);

/*
 * One line, or a piece of one, that has words of others in it: what would control a terminal
 * becomes "?", and so does every newline but one at the end of the format. Without memory nothing
 * is printed.
 */
void printable_print(FILE *file, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void printable_vprint(FILE *file, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

/* Returns the bytes of the UTF-8 character at `string`, or 0 for a byte that is not UTF-8. */
size_t utf8_length(const char *string);

/* The same; 0 for a control character, too: below U+0020, and U+007F to U+009F. */
size_t printable_length(const char *string);

#endif
