/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A private directory for the time being. */

#include "lib/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "lib/interrupt.h"

#define DESCRIPTORS 32 /* that nftw() may have open */

int scratch_open(struct scratch *ret)
{
	const char *place = getenv("TMPDIR");
	char path[ROOT_PATH_SIZE];

	place = place && *place == '/' ? place : "/var/tmp";
	if (!string_join(path, sizeof(path), place, "/vfio-early.XXXXXX", NULL))
		return -ENAMETOOLONG;
	interrupt_hold();
	if (!mkdtemp(path)) {
		int error = -errno;

		interrupt_release();
		return error;
	}
	string_copy(ret->path, sizeof(ret->path), path);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	remove(path); /* what can't be removed must not keep the rest */
	return 0;
}

void scratch_done(struct scratch *scratch)
{
	if (!*scratch->path)
		return;
	nftw(scratch->path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	*scratch->path = '\0';
	interrupt_release();
}
