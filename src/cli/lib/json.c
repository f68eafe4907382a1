/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON documents that --json prints: the only user of json-c. */

#include "lib/json.h"

#include <json-c/json_object.h>
#include <stdio.h>

#include "lib/printable.h"

/* Adds `value` to what is open. `made`: whether there was the memory for it; NULL is null. */
static void add(struct json *json, const char *key, struct json_object *value, bool made)
{
	struct json_object *parent = json->depth ? json->open[json->depth - 1] : NULL;
	int error = made && parent ? 0 : -ENOMEM;

	if (!error && json_object_is_type(parent, json_type_array))
		error = json_object_array_add(parent, value);
	else if (!error)
		error = json_object_object_add(parent, key, value);
	if (!error)
		return;
	json_object_put(value);
	json->failed = true;
}

void json_open(struct json *json, const char *key, char bracket)
{
	struct json_object *opened =
		bracket == '[' ? json_object_new_array() : json_object_new_object();

	if (json->depth)
		add(json, key, json_object_get(opened), opened);
	json->failed |= !opened || json->depth == JSON_DEPTH;
	if (json->depth < JSON_DEPTH)
		json->open[json->depth++] = opened;
	else
		json_object_put(opened);
}

void json_close(struct json *json)
{
	json_object_put(json->open[--json->depth]);
}

void json_rewind(struct json *json)
{
	while (json->depth > 1)
		json_close(json);
}

void json_string(struct json *json, const char *key, const char *value)
{
	struct json_object *string = NULL;
	struct text text = { 0 };

	for (const char *p = value ? value : ""; *p;) {
		size_t length = utf8_length(p);

		text_add_bytes(&text, length ? p : "\xef\xbf\xbd", length ? length : 3);
		p += length ? length : 1;
	}
	if (text.length)
		string = json_object_new_string(text_string(&text));
	add(json, key, string, !text_error(&text) && (string || !text.length));
	text_done(&text);
}

void json_number(struct json *json, const char *key, int64_t value)
{
	struct json_object *number = json_object_new_int64(value);

	add(json, key, number, number);
}

void json_boolean(struct json *json, const char *key, bool value)
{
	struct json_object *boolean = json_object_new_boolean(value);

	add(json, key, boolean, boolean);
}

/* json-c escapes the control characters below the blank; a terminal obeys others as well. */
static void print_character(const char *p, size_t length)
{
	if (*p == '\n' || printable_length(p))
		fwrite(p, 1, length, stdout);
	else
		printf("\\u%04x", (unsigned char)p[length - 1]);
}

int json_print(const struct json *json)
{
	const char *text = NULL;

	if (json->depth)
		text = json_object_to_json_string_ext(
			json->open[0], JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					       JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text || json->failed)
		return -ENOMEM;
	for (size_t length; *text; text += length) {
		length = utf8_length(text);
		print_character(text, length);
	}
	putchar('\n');
	return 0;
}

void json_done(struct json *json)
{
	while (json->depth)
		json_close(json);
}
