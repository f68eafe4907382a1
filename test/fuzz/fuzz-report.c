/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report: any bytes are read without harm, and a value that is written is read again. */

#include "fuzz.h"

#include "report.h"

static void read_all(char *text, size_t size)
{
	struct report_record record;
	size_t lines = 0;

	while (report_next(&text, &record)) {
		CLAIM(++lines <= size);
		if (record.kind == REPORT_LINE)
			CLAIM(*result_name(record.line.result) && record.line.reason);
		if (record.kind == REPORT_FUNCTION)
			CLAIM(record.function.class <= 0xffffff && record.function.target);
	}
}

static void write_and_read(const char *value)
{
	struct report_record record;
	struct text text = { 0 };
	char *cursor;

	text_add(&text, "line");
	report_add_field(&text, "reason", value);
	report_add_field(&text, "at", "x");
	CLAIM(text_error(&text) == 0);
	CLAIM(fuzz_is_clean(text_string(&text)));
	text_add(&text, "\n");
	cursor = text.data;
	CLAIM(report_next(&cursor, &record) && record.kind == REPORT_LINE);
	CLAIM(!strcmp(record.line.reason, value));
	CLAIM(!strcmp(record.line.place, "x"));
	CLAIM(!report_next(&cursor, &record));
	text_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);

	write_and_read(text);
	read_all(text, size);
	free(text);
	return 0;
}
