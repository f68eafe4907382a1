/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, strings and arrays: the same under either C library. */

#include <string.h>

#include "cases.h"

struct number_case {
	const char *name, *text;
	unsigned int base;
	uint64_t max, value;
	const char *rest; /* NULL: refused */
};

static const struct number_case numbers[] = {
	{ "decimal", "42", 10, 100, 42, "" },
	{ "stops at the first other character", "42x", 10, 100, 42, "x" },
	{ "hexadecimal in either case", "aBcD", 16, 0xffff, 0xabcd, "" },
	{ "a hexadecimal digit ends a decimal number", "1a", 10, 100, 1, "a" },
	{ "no digit", "", 10, 100, 0, NULL },
	{ "no sign", "-1", 10, 100, 0, NULL },
	{ "no leading blank", " 1", 10, 100, 0, NULL },
	{ "no prefix: 0x is 0 and a rest", "0x10", 16, 100, 0, "x10" },
	{ "leading zeros", "0000000000000000000000007", 10, 7, 7, "" },
	{ "the maximum", "100", 10, 100, 100, "" },
	{ "above the maximum", "101", 10, 100, 0, NULL },
	{ "a maximum below the base", "2", 10, 1, 0, NULL },
	{ "64 bits", "ffffffffffffffff", 16, UINT64_MAX, UINT64_MAX, "" },
	{ "64 bits in decimal", "18446744073709551615", 10, UINT64_MAX, UINT64_MAX, "" },
	{ "one above 64 bits", "18446744073709551616", 10, UINT64_MAX, 0, NULL },
	{ "far above 64 bits", "fffffffffffffffffffff", 16, UINT64_MAX, 0, NULL },
};

static void test_number_parse(void **state)
{
	const struct number_case *row = *state;
	uint64_t value = 12345;
	const char *rest = number_parse(row->text, row->base, row->max, &value);

	if (!row->rest) {
		assert_null(rest);
		assert_int_equal(value, 12345);
		return;
	}
	assert_non_null(rest);
	assert_string_equal(rest, row->rest);
	assert_int_equal(value, row->value);
}

struct format_case {
	const char *name;
	uint64_t value;
	unsigned int base;
	int digits;
	const char *text;
};

static const struct format_case formats[] = {
	{ "zero", 0, 10, 1, "0" },
	{ "padded", 0x1c, 16, 4, "001c" },
	{ "wider than asked for", 0x12345, 16, 4, "12345" },
	{ "the widest", UINT64_MAX, 10, 1, "18446744073709551615" },
	{ "lower case", 0xABCDEF, 16, 6, "abcdef" },
};

static void test_number_format(void **state)
{
	const struct format_case *row = *state;
	char buffer[NUMBER_SIZE];
	char *end = number_format(buffer, row->value, row->base, row->digits);

	assert_string_equal(buffer, row->text);
	assert_ptr_equal(end, buffer + strlen(buffer));
}

static void test_hex_parse_takes_exactly_the_digits(void **state)
{
	static const char text[] = "12aBg";
	uint32_t value = 0;

	(void)state;
	assert_ptr_equal(hex_parse(text, 4, &value), text + 4);
	assert_int_equal(value, 0x12ab);
	assert_ptr_equal(hex_parse(text, 2, &value), text + 2);
	assert_int_equal(value, 0x12);
	assert_null(hex_parse(text, 5, &value));
	assert_null(hex_parse("1", 2, &value));
	assert_null(hex_parse("", 1, &value));
	assert_int_equal(value, 0x12);
}

static void test_array_grow_keeps_every_item(void **state)
{
	_cleanup_(freep) unsigned int *items = NULL;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(ARRAY_GROW(items, i), 0);
		items[i] = i;
	}
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
}

static void test_array_grow_refuses_what_overflows(void **state)
{
	char *items = NULL;

	(void)state;
	assert_int_equal(array_grow(&items, (size_t)1 << 62, 8), -ENOMEM);
	assert_null(items);
}

static void test_prefix_skip(void **state)
{
	static const char text[] = "driver=auto";

	(void)state;
	assert_ptr_equal(prefix_skip(text, "driver="), text + 7);
	assert_ptr_equal(prefix_skip(text, ""), text);
	assert_null(prefix_skip(text, "drive="));
	assert_null(prefix_skip("dri", "driver="));
}

static void test_string_copy_cuts(void **state)
{
	char buffer[5];

	(void)state;
	string_copy(buffer, sizeof(buffer), "vfio-pci");
	assert_string_equal(buffer, "vfio");
	string_copy(buffer, sizeof(buffer), "abcd");
	assert_string_equal(buffer, "abcd");
	string_copy(buffer, 1, "abcd");
	assert_string_equal(buffer, "");
}

static void test_string_join_says_whether_it_is_whole(void **state)
{
	char buffer[8];

	(void)state;
	assert_true(string_join(buffer, sizeof(buffer), "abc", "", "defg", NULL));
	assert_string_equal(buffer, "abcdefg");
	assert_false(string_join(buffer, sizeof(buffer), "abc", "defgh", NULL));
	assert_string_equal(buffer, "abcdefg");
	assert_false(string_join(buffer, sizeof(buffer), "abcdefg", "h", "i", NULL));
	assert_string_equal(buffer, "abcdefg");
}

static void test_lines(void **state)
{
	static const char text[] = "one\ntwo\n\nlast";
	const char *line = text;
	char copy[4];

	(void)state;
	line_copy(copy, sizeof(copy), line);
	assert_string_equal(copy, "one");
	line = line_next(line);
	line_copy(copy, 3, line);
	assert_string_equal(copy, "tw");
	line = line_next(line);
	line_copy(copy, sizeof(copy), line);
	assert_string_equal(copy, "");
	line = line_next(line);
	line_copy(copy, sizeof(copy), line);
	assert_string_equal(copy, "las");
	assert_null(line_next(line));
}

/* The texts are ours, and yet the same as strerror()'s where a person may know them from. */
static void test_error_text(void **state)
{
	static const int errors[] = { EPERM, ENOENT, EIO,    ENOEXEC, ENOMEM, EACCES,
				      EBUSY, ENODEV, EISDIR, EINVAL,  ENOSPC, EROFS };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		assert_true(!prefix_skip(error_text(errors[i]), "error "));
	assert_string_equal(error_text(ENOENT), "No such file or directory");
	assert_string_equal(error_text(EBUSY), "Device or resource busy");
	assert_string_equal(error_text(EINVAL), "Invalid argument");
	assert_string_equal(error_text(9999), "error 9999");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex_parse_takes_exactly_the_digits),
		cmocka_unit_test(test_array_grow_keeps_every_item),
		cmocka_unit_test(test_array_grow_refuses_what_overflows),
		cmocka_unit_test(test_prefix_skip),
		cmocka_unit_test(test_string_copy_cuts),
		cmocka_unit_test(test_string_join_says_whether_it_is_whole),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_error_text),
	};
	int failed = RUN_TABLE(numbers, test_number_parse);

	failed += RUN_TABLE(formats, test_number_format);
	failed += cmocka_run_group_tests(tests, NULL, NULL);
	return failed != 0;
}
