/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that grows: for reports, messages and files that are read whole. */

#include "text.h"

#include <string.h>

char *text_reserve(struct text *text, size_t more)
{
	size_t size = text->size ? text->size : 64;
	char *data;

	if (more < text->size - text->length)
		return text->data + text->length;
	if (text->failed)
		return NULL;
	while (size - text->length <= more)
		size *= 2;
	data = realloc(text->data, size);
	if (!data) {
		text->failed = true;
		return NULL;
	}
	text->data = data;
	text->size = size;
	return data + text->length;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	char *end = text_reserve(text, length);

	if (!end)
		return;
	memcpy(end, bytes, length);
	end[length] = '\0';
	text->length += length;
}

void text_add_strings(struct text *text, ...)
{
	va_list strings;
	const char *string;

	va_start(strings, text);
	while ((string = va_arg(strings, const char *)))
		text_add_bytes(text, string, strlen(string));
	va_end(strings);
}

void text_add_number(struct text *text, uint64_t value, unsigned int base, int digits)
{
	char number[NUMBER_SIZE];

	text_add_bytes(text, number, number_format(number, value, base, digits) - number);
}

int text_error(const struct text *text)
{
	return text->failed ? -ENOMEM : 0;
}

const char *text_string(const struct text *text)
{
	return text->data ? text->data : "";
}

size_t text_mark_length(const char *text, size_t length)
{
	return length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
}

bool text_equal(const struct text *a, const struct text *b)
{
	return a->length == b->length && !memcmp(text_string(a), text_string(b), a->length);
}

char *text_steal(struct text *text)
{
	char *data = text->data;

	if (text->failed) {
		free(data);
		data = NULL;
	} else if (!data) {
		data = strdup("");
	}
	*text = (struct text){ 0 };
	return data;
}

void text_done(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}
