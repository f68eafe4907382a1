/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_COMPLAIN_H
#define VFIO_EARLY_COMPLAIN_H

/*
 * Prints one line on standard error, after "vfio-early: ". The line names the object, the problem,
 * the cause and the remedy. Control characters in the arguments become "?".
 */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
