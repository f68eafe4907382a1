/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings of others, made safe for a terminal and for a line of text. */

#include "lib/printable.h"

#include <string.h>

/* How many bytes the UTF-8 character at `p` has by its first one; 0 for none of more than one. */
static size_t utf8_length(const unsigned char *p)
{
	if (*p >= 0xc2 && *p <= 0xdf)
		return 2;
	if (*p >= 0xe0 && *p <= 0xef)
		return 3;
	return *p >= 0xf0 && *p <= 0xf4 ? 4 : 0;
}

size_t printable_length(const char *string)
{
	const unsigned char *p = (const unsigned char *)string;
	size_t length = utf8_length(p);

	if (*p < 0x80)
		return *p >= ' ' && *p != 0x7f;
	if (!length || (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) ||
	    (p[0] == 0xf0 && p[1] < 0x90))
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

void printable_add(struct text *text, const char *string)
{
	while (*string) {
		size_t length = printable_length(string);

		text_add_bytes(text, length ? string : "?", length ? length : 1);
		string += length ? length : 1;
	}
}

void printable_vprint(FILE *file, const char *format, va_list arguments)
{
	size_t length = strlen(format);
	bool newline = length && format[length - 1] == '\n';
	struct text text = { 0 };
	char *raw;
	int size = vasprintf(&raw, format, arguments);

	if (size < 0)
		return;
	raw[size - newline] = '\0';
	printable_add(&text, raw);
	fprintf(file, "%s%s", text_string(&text), newline ? "\n" : "");
	text_done(&text);
	free(raw);
}

void printable_print(FILE *file, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printable_vprint(file, format, arguments);
	va_end(arguments);
}
