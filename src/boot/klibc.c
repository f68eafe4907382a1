/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replacements for two parts of klibc. Without them, a run for one device takes twice as many
 * instructions and four more system calls, and fails if the kernel has no memory to give.
 */

#ifdef __KLIBC__
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void __libc_init_stdio(void);

/*
 * Leaves out stdio, which the boot program does not use. klibc opens the three streams before
 * main() and flushes them after it (usr/klibc/libc_init.c and exit.c).
 */
void __libc_init_stdio(void)
{
}

#undef fflush
int fflush(FILE *file)
{
	(void)file;
	return 0;
}

/*
 * Memory comes from one end of large pieces. Each block follows its size. klibc's malloc() calls
 * mmap(2) first, and a kernel that is short of memory would cost the fences.
 */
#define PIECE (64 * 1024)
#define ALIGNMENT 16

/* The first piece is part of the program. */
static char first[4 * PIECE] __attribute__((aligned(ALIGNMENT)));
static struct {
	char *next, *end;
} piece = { first, first + sizeof(first) };

void *malloc(size_t size)
{
	size_t need = (size + ALIGNMENT + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	size_t *block;

	if (need < size)
		return NULL;
	if (need > (size_t)(piece.end - piece.next)) {
		size_t room = need > PIECE ? need : PIECE;
		char *memory = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0);

		if (memory == MAP_FAILED)
			return NULL;
		piece.next = memory;
		piece.end = memory + room;
	}
	block = (size_t *)(piece.next + ALIGNMENT);
	block[-1] = size;
	piece.next += need;
	return block;
}

/* The process ends after milliseconds, and the kernel frees everything. */
void free(void *block)
{
	(void)block;
}

void *realloc(void *block, size_t size)
{
	size_t old = block ? ((size_t *)block)[-1] : 0;
	void *larger;

	if (block && size <= old)
		return block;
	larger = malloc(size);
	if (larger && old)
		memcpy(larger, block, old);
	return larger;
}

/* Memory is zero, because it is never used twice. */
void *calloc(size_t count, size_t size)
{
	return size && count > (size_t)-1 / size ? NULL : malloc(count * size);
}
#endif
