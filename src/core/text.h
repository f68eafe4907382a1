/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TEXT_H
#define VFIO_EARLY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

/*
 * A text that grows. Starts zeroed; `data` is NUL-terminated once something was added, and NULL
 * before. Adding fails quietly: the caller adds all it has and asks text_error() once.
 */
struct text {
	char *data;
	size_t length; /* bytes, without the NUL */
	size_t size;   /* bytes allocated */
	bool failed;   /* out of memory: something is missing */
};

/* Adds one string or several. */
#define text_add(text, ...) text_add_strings(text, __VA_ARGS__, (const char *)NULL)
void text_add_strings(struct text *text, ...) _sentinel_;
void text_add_bytes(struct text *text, const char *bytes, size_t length);

/* Adds a number with at least `digits` digits of `base`. */
void text_add_number(struct text *text, uint64_t value, unsigned int base, int digits);

/* Room for `more` further bytes and a NUL: where they go, or NULL without memory. */
char *text_reserve(struct text *text, size_t more);

/* 0, or -ENOMEM if any addition was lost. */
int text_error(const struct text *text) _must_check_;

/* The text as a C string: "" when nothing was added. Valid until the next change. */
const char *text_string(const struct text *text);

/* Returns the length of the UTF-8 byte order mark that `text` starts with, or 0. */
size_t text_mark_length(const char *text, size_t length);

bool text_equal(const struct text *a, const struct text *b);

/* Hands the string to the caller, who frees it; the text is empty then. NULL without memory. */
char *text_steal(struct text *text);

void text_done(struct text *text);

#endif
