/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_UTIL_H
#define VFIO_EARLY_UTIL_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _must_check_ __attribute__((warn_unused_result))
#define _sentinel_ __attribute__((sentinel))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Makes room in `items`, a heap array of `count` items, for one more. The array is reallocated
 * when `count` is 0 or a power of two from 8 on, so that no capacity has to be kept. 0, or
 * -ENOMEM with the array as it was.
 */
#define ARRAY_GROW(items, count) array_grow(&(items), count, sizeof(*(items)))
int array_grow(void *items_pointer, size_t count, size_t size) _must_check_;

/*
 * number := one or more digits of `base` (10 or 16, either case, no prefix, no sign)
 *
 * The first character behind the number, or NULL if there is no digit or the value is
 * above `max`. The one number parser of the program: strtoul() of klibc and of glibc differ on
 * overflow and on "0x".
 */
const char *number_parse(const char *text, unsigned int base, uint64_t max, uint64_t *ret);

/* The same for exactly `digits` hexadecimal digits, 8 at most; more may follow. */
const char *hex_parse(const char *text, int digits, uint32_t *ret);

/*
 * Writes `value` with at least `digits` digits of `base` and a NUL: the end, where the NUL is.
 * The program does without printf(), which alone would be a tenth of the boot program.
 */
#define NUMBER_SIZE 21
char *number_format(char *buffer, uint64_t value, unsigned int base, int digits);

/* Is it ASCII that can be shown? Above it, too, lie bytes that control a terminal. */
static inline bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* The rest of `text` behind `prefix`, or NULL if it starts otherwise. */
const char *prefix_skip(const char *text, const char *prefix);

/* Where `text` has `suffix` at its end, or NULL if it ends otherwise. */
const char *suffix_find(const char *text, const char *suffix);

/* Copies `text`, cut if need be, to `size` bytes at `buffer`, the final NUL included. */
void string_copy(char *buffer, size_t size, const char *text);

/* The start of the line behind the one at `line`, which a text ends with or "\n"; or NULL. */
const char *line_next(const char *line);

/* Copies the rest of a line, without its "\n", as string_copy() does. */
void line_copy(char *buffer, size_t size, const char *line);

/*
 * Joins strings, the last of them followed by NULL, in `buffer`, which has `size` bytes: false if
 * they had to be cut.
 */
bool string_join(char *buffer, size_t size, ...) _sentinel_;
bool string_joinv(char *buffer, size_t size, va_list strings);

/* What an errno means, as strerror() says it, for those that happen here; else "error N". */
const char *error_text(int error);

/* Writes all the bytes to a descriptor. 0 or -errno. */
int write_all(int fd, const char *bytes, size_t length) _must_check_;

/*
 * Loads a module from a descriptor (finit_module(2)). 0 or -errno. Neither klibc nor glibc
 * declares the call.
 */
int module_insert(int fd, const char *options, int flags) _must_check_;

static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif
