/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PRINTABLE_H
#define VFIO_EARLY_PRINTABLE_H

#include "text.h"

/*
 * Adds what a file or a program says, for people: what is not UTF-8, or would control a terminal,
 * becomes "?".
 */
void printable_add(struct text *text, const char *string);

#endif
