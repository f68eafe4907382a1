/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads kernel modules where there is no modprobe, and says on the console what failed. */

#ifndef VMTEST_MODULES_H
#define VMTEST_MODULES_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULE_PATH_MAX 256

/* One that is there already is fine, and so is one that this machine is not made for. */
static inline bool is_loaded(int fd)
{
	if (!syscall(SYS_finit_module, fd, "", 0))
		return true;
	return errno == EEXIST || errno == EOPNOTSUPP || errno == ENODEV;
}

static inline void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !is_loaded(fd))
		printf("vmtest: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Those that a file names, one path a line, in that order. */
static inline void load_modules(const char *list)
{
	FILE *file = fopen(list, "re");
	char path[MODULE_PATH_MAX];

	while (file && fscanf(file, "%255s", path) == 1)
		load_module(path);
	if (file)
		fclose(file);
}

#endif
