/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_COLOR_H
#define VFIO_EARLY_COLOR_H

#include <stdbool.h>
#include <stdio.h>

/* The colors of what is printed for people. main() decides whether there are any. */
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

/* Prints a control sequence, or nothing without `color`. */
static inline void color_print(FILE *file, bool color, const char *sequence)
{
	if (color)
		fputs(sequence, file);
}

#endif
