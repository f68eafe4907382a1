/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings of others, made safe for a terminal and for a line of text. */

#include "lib/printable.h"

#include <string.h>

/* Returns the bytes that the first byte of a UTF-8 character promises, or 0 for another byte. */
static size_t promised_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Excludes what can be written shorter, the surrogates, and what is beyond U+10FFFF. */
static bool is_second(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second < 0xa0;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second < 0x90;
	}
	return true;
}

size_t utf8_length(const char *string)
{
	const unsigned char *p = (const unsigned char *)string;
	size_t length = promised_length(*p);

	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return length > 1 && !is_second(p[0], p[1]) ? 0 : length;
}

size_t printable_length(const char *string)
{
	const unsigned char *p = (const unsigned char *)string;
	bool control = *p < ' ' || *p == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);

	return control ? 0 : utf8_length(string);
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
