/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In front of the image's /init, by rdinit=: loads the module /vmtest.ko, whose drivers then have
 * their devices before any program of the image runs, as a driver that is built in has.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = open("/vmtest.ko", O_RDONLY | O_CLOEXEC);

	(void)argc;
	if (syscall(SYS_finit_module, fd, "", 0) < 0)
		printf("vmtest: /vmtest.ko: %s\n", strerror(errno));
	execv("/init", argv);
	return 1;
}
