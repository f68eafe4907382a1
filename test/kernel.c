/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into a program that runs on a fake machine: after each write to its sysfs,
 * $FAKE_KERNEL is run with the path, and does what the kernel would. Its exit status is the errno
 * that the write fails with; 255 is a write that never comes back.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int tell_kernel(const char *path)
{
	char command[2 * PATH_MAX];
	int status;

	snprintf(command, sizeof(command), "LD_PRELOAD= %s '%s'", getenv("FAKE_KERNEL"), path);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
	char link[64], path[PATH_MAX] = "";
	ssize_t written = real(fd, bytes, length);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0 || !strstr(path, "/root/sys/"))
		return written;
	errno = tell_kernel(path);
	while (errno == 255)
		pause();
	return errno ? -1 : written;
}
