/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings of others, made safe for a terminal and for a line of text. */

#include "printable.h"

void printable_add(struct text *text, const char *string)
{
	for (; *string; string++) {
		bool control = (unsigned char)*string < ' ' || *string == 0x7f;

		text_add_bytes(text, control ? "?" : string, 1);
	}
}
