/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the boot program takes the place of in klibc, to stay below 36 KiB: stdio, which it does
 * not use, an allocator made for programs that live longer than a moment, a sort that is larger
 * than need be, and what later versions do to say in old words what the kernel says in new ones.
 */

#ifdef __KLIBC__
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

void __libc_init_stdio(void);

/*
 * klibc opens stdin, stdout and stderr for everybody before main() and flushes them behind it
 * (usr/klibc/libc_init.c and exit.c).
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

/* Memory is handed out from one end of large pieces, each block behind its size. */
#define PIECE (64 * 1024)
#define ALIGNMENT 16

/* The first piece needs nothing of the kernel, which may have nothing to give. */
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
		char *memory = mmap(NULL, room, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

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

/* The kernel frees everything, milliseconds from now. */
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

/* Fresh from mmap(2), and never used twice: it is zero. */
void *calloc(size_t count, size_t size)
{
	return size && count > (size_t)-1 / size ? NULL : malloc(count * size);
}

static void swap(long *a, long *b, size_t size)
{
	for (; size; size -= sizeof(long)) {
		long word = *a;

		*a++ = *b;
		*b++ = word;
	}
}

/* Shell's sort: half the steps of klibc's, and fewer bytes. What is sorted here is whole words. */
void qsort(void *base, size_t count, size_t size,
	   int (*compare)(const void *, const void *))
{
	char *start = base, *end = start + count * size;

	for (size_t gap = count; gap > 1;) {
		size_t step;

		gap = gap < 5 ? 1 : gap * 4 / 9;
		step = gap * size;
		for (char *item = start + step; item < end; item += size)
			for (char *p = item;
			     p >= start + step && compare(p - step, p) > 0; p -= step)
				swap((void *)p, (void *)(p - step), size);
	}
}

/* klibc before 2.0.13 calls the kernel for these, and has this header. */
#if !__has_include(<klibc/archstat.h>)

/* Sets st_mode and st_size alone. */
int fstat(int fd, struct stat *ret)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &st) < 0)
		return -1;
	ret->st_mode = st.stx_mode;
	ret->st_size = st.stx_size;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now;

	(void)ret;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}
#endif
#endif
