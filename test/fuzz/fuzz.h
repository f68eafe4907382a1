/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_FUZZ_H
#define VFIO_EARLY_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What libFuzzer calls, and replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer's own mutation, for a harness that has one of its own in front of it. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* A claim about the code under test, which ends the run if it does not hold. */
#define CLAIM(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/* The input as a string, which the caller frees. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
	char *string = malloc(size + 1);

	CLAIM(string);
	if (size)
		memcpy(string, data, size);
	string[size] = '\0';
	return string;
}

/* No control character: what may reach a terminal or the kernel log. */
static inline bool fuzz_is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

#endif
