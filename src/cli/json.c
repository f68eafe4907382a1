/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON for what is no table: libsmartcols writes those, and nothing that lies deeper. */

#include "json.h"

#include <inttypes.h>
#include <stdio.h>

/* What is beyond ASCII need not be UTF-8, which JSON has to be: it is not told apart. */
static void print_quoted(const char *text)
{
	putchar('"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			printf("\\%c", *p);
		else if (*p < ' ' || *p == 0x7f)
			printf("\\u%04x", *p);
		else if (*p > 0x7f)
			printf("\\ufffd");
		else
			putchar(*p);
	}
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
