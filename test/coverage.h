/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Included before every file by `make coverage`: a child that ends by _exit() counts too. */
#ifndef VFIO_EARLY_COVERAGE_H
#define VFIO_EARLY_COVERAGE_H

#include <unistd.h>

void __gcov_dump(void);

static inline void exit_and_count(int status) __attribute__((noreturn, unused));
static inline void exit_and_count(int status)
{
	__gcov_dump();
	_exit(status);
}
#define _exit exit_and_count

#endif
