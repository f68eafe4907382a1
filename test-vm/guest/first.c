/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In front of the image's /init, by rdinit=: loads the module /vmtest.ko, whose drivers then have
 * their devices before any program of the image runs, as a driver that is built in has.
 */

#include <unistd.h>

#include "modules.h"

int main(int argc, char **argv)
{
	(void)argc;
	load_module("/vmtest.ko");
	execv("/init", argv);
	return 1;
}
