/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report: any bytes are read without harm, and a value that is written is read again. */

#include "fuzz.h"

#include "report.h"

static void read_all(char *text)
{
	struct report_record record;
	size_t lines = 0;

	while (report_next(&text, &record)) {
		CLAIM(*record.word && record.count <= REPORT_FIELDS_MAX && ++lines);
		for (size_t i = 0; i < record.count; i++) /* a value may have "\x0a" */
			CLAIM(record.fields[i].key && record.fields[i].value);
		(void)report_value(&record, "reason");
	}
}

static void write_and_read(const char *value)
{
	struct report_record record;
	struct text text = { 0 };
	char *cursor;

	text_add(&text, "line");
	report_add_field(&text, "reason", value);
	report_add_field(&text, "more", "x");
	CLAIM(text_error(&text) == 0);
	CLAIM(fuzz_is_clean(text_string(&text)));
	text_add(&text, "\n");
	cursor = text.data;
	CLAIM(report_next(&cursor, &record) && record.count == 2);
	CLAIM(!strcmp(record.word, "line"));
	CLAIM(!strcmp(report_value(&record, "reason"), value));
	CLAIM(!strcmp(report_value(&record, "more"), "x"));
	CLAIM(!report_next(&cursor, &record));
	text_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);

	write_and_read(text);
	read_all(text);
	free(text);
	return 0;
}
