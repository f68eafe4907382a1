/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_JSON_H
#define VFIO_EARLY_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * JSON on standard output, as it comes: objects and arrays that are opened and closed, and their
 * values. `key` is NULL inside an array. Starts zeroed.
 */
struct json {
	unsigned int depth;
	bool used; /* the innermost object or array has something in it */
};

void json_open(struct json *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);		  /* '}' or ']' */

/* NULL and "" become null: no value here is ever empty. */
void json_string(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, int64_t value);
void json_bool(struct json *json, const char *key, bool value);

#endif
