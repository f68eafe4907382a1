/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON for what is no table: libsmartcols writes those, and nothing that lies deeper. */

#include "lib/json.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/printable.h"

/* Prints the character at `p`. Returns its bytes. A byte that is not UTF-8 becomes U+FFFD. */
static size_t print_character(const char *p)
{
	unsigned char first = *p;
	size_t length = printable_length(p);

	if (first == '"' || first == '\\')
		printf("\\%c", first);
	else if (length)
		fwrite(p, 1, length, stdout);
	else if (first < 0x80)
		printf("\\u%04x", first);
	else
		printf("\\ufffd");
	return length ? length : 1;
}

static void print_quoted(const char *text)
{
	putchar('"');
	while (*text)
		text += print_character(text);
	putchar('"');
}

/* What stands in front of any value: the comma, a new line, its key. */
static void start_value(struct json *json, const char *key)
{
	if (json->depth)
		printf("%s\n%*s", json->used ? "," : "", json->depth * 3, "");
	json->used = true;
	if (!key)
		return;
	print_quoted(key);
	printf(": ");
}

void json_open(struct json *json, const char *key, char bracket)
{
	start_value(json, key);
	putchar(bracket);
	json->depth++;
	json->used = false;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (json->used)
		printf("\n%*s", json->depth * 3, "");
	putchar(bracket);
	json->used = true;
	if (!json->depth)
		putchar('\n');
}

void json_string(struct json *json, const char *key, const char *value)
{
	start_value(json, key);
	if (value && *value)
		print_quoted(value);
	else
		printf("null");
}

void json_number(struct json *json, const char *key, int64_t value)
{
	start_value(json, key);
	printf("%" PRId64, value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	start_value(json, key);
	printf(value ? "true" : "false");
}
