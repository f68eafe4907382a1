/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays, numbers and strings: what the C library lacks, has in two versions, or has too large. */

#include "util.h"

#include <string.h>
#include <sys/syscall.h>

#ifdef __KLIBC__
int finit_module(int fd, const char *options, int flags);
#else
static int finit_module(int fd, const char *options, int flags)
{
	return syscall(SYS_finit_module, fd, options, flags);
}
#endif

int array_grow(void *items_pointer, size_t count, size_t size)
{
	size_t room = count ? 2 * count : 8;
	void *items;

	if (count && (count < 8 || (count & (count - 1))))
		return 0;
	if (room > SIZE_MAX / size)
		return -ENOMEM;
	/* Copied, since a pointer to any pointer is no pointer to void pointer. */
	memcpy(&items, items_pointer, sizeof(items));
	items = realloc(items, room * size);
	if (!items)
		return -ENOMEM;
	memcpy(items_pointer, &items, sizeof(items));
	return 0;
}

/* 16 for what is no digit. */
static unsigned int digit_value(unsigned char c)
{
	unsigned int digit = c - '0';

	if (digit > 9) {
		digit = (c | ('a' ^ 'A')) - 'a' + 10;
		if (digit - 10 > 5)
			digit = 16;
	}
	return digit;
}

const char *number_parse(const char *text, unsigned int base, uint64_t max, uint64_t *ret)
{
	const char *p = text;
	uint64_t value = 0;

	for (unsigned int digit; (digit = digit_value(*p)) < base; p++) {
		if (digit > max || value > (max - digit) / base)
			return NULL;
		value = value * base + digit;
	}
	if (p == text)
		return NULL;
	*ret = value;
	return p;
}

const char *hex_parse(const char *text, int digits, uint32_t *ret)
{
	uint32_t value = 0;

	while (digits--) {
		unsigned int digit = digit_value(*text++);

		if (digit > 15)
			return NULL;
		value = value << 4 | digit;
	}
	*ret = value;
	return text;
}

char *number_format(char *buffer, uint64_t value, unsigned int base, int digits)
{
	if (value >= base || digits > 1)
		buffer = number_format(buffer, value / base, base, digits - 1);
	*buffer++ = "0123456789abcdef"[value % base];
	*buffer = '\0';
	return buffer;
}

const char *prefix_skip(const char *text, const char *prefix)
{
	size_t i = 0;

	while (prefix[i] && text[i] == prefix[i])
		i++;
	return prefix[i] ? NULL : text + i;
}

const char *suffix_find(const char *text, const char *suffix)
{
	size_t length = strlen(text), end = strlen(suffix);

	return length >= end && !strcmp(text + length - end, suffix) ? text + length - end : NULL;
}

void string_copy(char *buffer, size_t size, const char *text)
{
	string_join(buffer, size, text, NULL);
}

const char *line_next(const char *line)
{
	while (*line)
		if (*line++ == '\n')
			return line;
	return NULL;
}

void line_copy(char *buffer, size_t size, const char *line)
{
	for (; *line && *line != '\n' && size > 1; size--)
		*buffer++ = *line++;
	*buffer = '\0';
}

bool string_joinv(char *buffer, size_t size, va_list strings)
{
	const char *string, *last = buffer + size - 1;

	while ((string = va_arg(strings, const char *))) {
		while (*string && buffer < last)
			*buffer++ = *string++;
		*buffer = '\0';
		if (*string)
			return false;
	}
	return true;
}

bool string_join(char *buffer, size_t size, ...)
{
	va_list strings;
	bool whole;

	va_start(strings, size);
	whole = string_joinv(buffer, size, strings);
	va_end(strings);
	return whole;
}

/* One string behind the other: an array of them would have room for the longest in each. */
#define ERRORS(_)                              \
	_(EPERM, "Operation not permitted")    \
	_(ENOENT, "No such file or directory") \
	_(EIO, "Input/output error")           \
	_(ENOEXEC, "Exec format error")        \
	_(ENOMEM, "Cannot allocate memory")    \
	_(EACCES, "Permission denied")         \
	_(EAGAIN, "Try again")                 \
	_(ENOTDIR, "Not a directory")          \
	_(ELOOP, "Too many symbolic links")    \
	_(EBUSY, "Device or resource busy")    \
	_(ENODEV, "No such device")            \
	_(EISDIR, "Is a directory")            \
	_(EINVAL, "Invalid argument")          \
	_(ENOSPC, "No space left on device")   \
	_(EROFS, "Read-only file system")
#define ERROR(error, text) error,
#define TEXT(error, text) text "\0"

const char *error_text(int error)
{
	static const uint8_t errors[] = { ERRORS(ERROR) };
	static const char texts[] = ERRORS(TEXT);
	static char unknown[sizeof("error ") + NUMBER_SIZE] = "error ";
	const char *text = texts;

	for (size_t i = 0; i < sizeof(errors); i++, text += strlen(text) + 1)
		if (errors[i] == error)
			return text;
	number_format(unknown + strlen("error "), error, 10, 1);
	return unknown;
}

int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written <= 0)
			return written ? -errno : -EIO;
		bytes += written;
		length -= written;
	}
	return 0;
}

int module_insert(int fd, const char *options, int flags)
{
	return finit_module(fd, options, flags) < 0 ? -errno : 0;
}
