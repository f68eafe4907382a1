/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_JSON_H
#define VFIO_EARLY_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "util.h"

struct json_object; /* json-c's */

#define JSON_DEPTH 8 /* objects and arrays that can be open at a time */

/*
 * A JSON document: objects and arrays that are opened and closed, and their values. `key` is NULL
 * inside an array, and for the root. Starts zeroed; json_done() frees it.
 */
struct json {
	struct json_object *open[JSON_DEPTH]; /* the root, and what is open in it */
	unsigned int depth;
	bool failed; /* out of memory: something is missing */
};

void json_open(struct json *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *json);

/* Closes everything but the root. */
void json_rewind(struct json *json);

/*
 * Adds a value. If the object has the key, the value is replaced, and the key keeps its place.
 * NULL and "" become null: no value here is ever empty. A byte that is not UTF-8 becomes U+FFFD.
 */
void json_string(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, int64_t value);
void json_boolean(struct json *json, const char *key, bool value);

/* Prints the document on standard output; nothing if something is missing in it. 0 or -ENOMEM. */
int json_print(const struct json *json) _must_check_;
void json_done(struct json *json);

#endif
