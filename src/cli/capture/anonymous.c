/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serial numbers and MAC addresses, replaced by fakes. The same number gets the same fake in every
 * file, so that serial= of the config still selects its device, and a volume its disk.
 */

#include "capture/anonymous.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "pci.h"

#define EXTENDED 256	 /* where the extended configuration space starts */
#define SERIAL_DIGITS 16 /* of a PCI serial number */
#define SECRET_MIN 6	 /* a shorter serial number is also part of other words */
#define BYTES_MIN 6	 /* of a MAC address */
#define DIGITS_MAX 64
#define INTERFACE 3 /* the length of "enx" and the like, which a MAC address follows */

/* The number of a secret: of a new one if it is not known yet. */
static size_t number_of(struct anonymous *anonymous, const char *secret)
{
	char *copy;

	for (size_t i = 0; i < anonymous->count; i++)
		if (!strcasecmp(anonymous->secrets[i], secret))
			return i + 1;
	copy = strdup(secret);
	if (!copy || ARRAY_GROW(anonymous->secrets, anonymous->count)) {
		anonymous->failed = true;
		free(copy);
		return 0;
	}
	anonymous->secrets[anonymous->count++] = copy;
	return anonymous->count;
}

/* "00000000", for example, is no serial number, and part of many other texts. */
static bool is_one_character(const char *text)
{
	return text[strspn(text, (char[]){ *text, '\0' })] == '\0';
}

static void learn(struct anonymous *anonymous, const char *start, size_t length)
{
	char *secret;

	while (length && isspace((unsigned char)*start))
		start++, length--;
	while (length && isspace((unsigned char)start[length - 1]))
		length--;
	secret = strndup(start, length);
	if (!secret)
		anonymous->failed = true;
	else if (strlen(secret) >= SECRET_MIN && !is_one_character(secret))
		number_of(anonymous, secret);
	free(secret);
}

void anonymous_learn_value(struct anonymous *anonymous, const struct text *content)
{
	learn(anonymous, text_string(content), content->length);
}

void anonymous_learn_properties(struct anonymous *anonymous, const struct text *content)
{
	for (const char *line = text_string(content); line; line = line_next(line)) {
		const char *value = memchr(line, '=', strcspn(line, "\n"));
		const char *key = prefix_skip(line, "E:ID_");

		if (!key || !value)
			continue;
		if (memmem(key, value - key, "SERIAL", 6) || memmem(key, value - key, "WWN", 3))
			learn(anonymous, value + 1, strcspn(value + 1, "\n"));
	}
}

/* The longest learned text at `at`, that is a word of its own; NULL for none. */
static const char *find_learned(const struct anonymous *anonymous, const char *at, size_t *number)
{
	const char *found = NULL;

	for (size_t i = 0; i < anonymous->count; i++) {
		const char *secret = anonymous->secrets[i];
		size_t length = strlen(secret);

		if (strncasecmp(at, secret, length) != 0 || isalnum((unsigned char)at[length]) ||
		    (found && strlen(found) >= length))
			continue;
		found = secret;
		*number = i + 1;
	}
	return found;
}

/* Copies the digits of a row of bytes, "00:1b:21..." or "00-1b-21...": its length, or 0. */
static size_t read_row(const char *at, char *digits)
{
	size_t length = 0, count = 0;
	char between = at[0] && at[1] ? at[2] : '\0';

	if (between != ':' && between != '-')
		return 0;
	while (isxdigit((unsigned char)at[length]) && isxdigit((unsigned char)at[length + 1]) &&
	       count + 2 < DIGITS_MAX) {
		digits[count++] = tolower((unsigned char)at[length]);
		digits[count++] = tolower((unsigned char)at[length + 1]);
		length += 2;
		if (at[length] != between)
			break;
		length++;
	}
	digits[count] = '\0';
	return count >= 2 * BYTES_MIN && !isalnum((unsigned char)at[length]) ? length : 0;
}

/* Is it "enx", "ibx", "slx", "wlx" or "wwx", as in systemd.net-naming-scheme(7)? */
static bool is_interface(const char *at)
{
	static const char *const kinds[] = { "enx", "ibx", "slx", "wlx", "wwx" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (prefix_skip(at, kinds[i]))
			return true;
	return false;
}

/* The same for the name of an interface: the digits have nothing between them. */
static size_t read_interface(const char *at, char *digits)
{
	const char *address = is_interface(at) ? at + INTERFACE : NULL;
	size_t length = 0;

	while (address && length < 2 * BYTES_MIN && isxdigit((unsigned char)address[length])) {
		digits[length] = tolower((unsigned char)address[length]);
		length++;
	}
	digits[length] = '\0';
	return length == 2 * BYTES_MIN && !isalnum((unsigned char)address[length])
		       ? INTERFACE + length
		       : 0;
}

/* Writes the number with as many digits; that of a MAC address is marked as given by a person. */
static void make_digits(size_t number, char *digits)
{
	size_t length = strlen(digits);
	char buffer[DIGITS_MAX + NUMBER_SIZE];
	char *end = number_format(buffer, number, 16, length);

	memcpy(digits, end - length, length);
	if (length == 2 * BYTES_MIN)
		digits[1] = '2';
}

/* Adds the row at `at`, of `length` bytes, with other digits in their places. */
static void add_digits(struct text *text, const char *at, size_t length, const char *digits)
{
	if (is_interface(at)) {
		text_add_bytes(text, at, INTERFACE);
		text_add(text, digits);
		return;
	}
	for (size_t i = 0; i < length; i++)
		text_add_bytes(text, isxdigit((unsigned char)at[i]) ? digits++ : at + i, 1);
}

/* Replaces what is at `at`, if it is secret: how many bytes of it, or 0. */
static size_t replace_at(struct anonymous *anonymous, const char *at, struct text *text)
{
	char digits[DIGITS_MAX + 1];
	size_t number, length;
	const char *learned = find_learned(anonymous, at, &number);

	if (learned) {
		text_add(text, "serial-");
		text_add_number(text, number, 10, 1);
		return strlen(learned);
	}
	length = read_interface(at, digits);
	if (!length)
		length = read_row(at, digits);
	if (!length || is_one_character(digits)) /* of "lo", and of all interfaces */
		return 0;
	make_digits(number_of(anonymous, digits), digits);
	add_digits(text, at, length, digits);
	return length;
}

void anonymous_replace(struct anonymous *anonymous, struct text *content)
{
	struct text text = { 0 };
	bool word = false; /* the byte before belongs to a word */

	for (size_t i = 0; i < content->length;) {
		const char *at = content->data + i;
		size_t length = word ? 0 : replace_at(anonymous, at, &text);

		if (!length)
			text_add_bytes(&text, at, 1);
		word = isalnum((unsigned char)*at);
		i += length ? length : 1;
	}
	text.failed |= content->failed || anonymous->failed;
	text_done(content);
	*content = text;
}

void anonymous_replace_serial(struct anonymous *anonymous, struct text *space)
{
	uint8_t *extended = (uint8_t *)space->data + EXTENDED;
	size_t length = space->length > EXTENDED ? space->length - EXTENDED : 0;
	uint64_t serial = length ? pci_extended_serial(extended, length) : 0, number;
	char digits[NUMBER_SIZE];
	uint8_t *at = serial ? memmem(extended, length, &serial, sizeof(serial)) : NULL;

	if (!at) /* none, or a machine of another byte order */
		return;
	number_format(digits, serial, 16, SERIAL_DIGITS);
	number = number_of(anonymous, digits);
	memcpy(at, &number, sizeof(number));
	space->failed |= anonymous->failed;
}

void anonymous_done(struct anonymous *anonymous)
{
	for (size_t i = 0; i < anonymous->count; i++)
		free(anonymous->secrets[i]);
	free(anonymous->secrets);
	*anonymous = (struct anonymous){ 0 };
}
