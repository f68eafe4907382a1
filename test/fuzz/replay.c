/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a harness on the files it is given: a corpus without a fuzzer. */

#include "fuzz.h"

#include <stdio.h>

/* A harness with a mutator of its own names this; only a fuzzer calls it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
	(void)data;
	(void)max;
	return size;
}

static int replay(const char *path)
{
	static uint8_t data[1 << 21];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	/* A copy of the very size, so that a byte too far is noticed. */
	uint8_t *exact = malloc(size ? size : 1);

	CLAIM(exact);
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	printf("%d inputs\n", argc - 1);
	return failed;
}
