/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_COMPLAIN_H
#define VFIO_EARLY_COMPLAIN_H

/*
 * Prints why the command fails: one line on standard error, after "vfio-early: ". The line names
 * the object, the problem, the cause and the remedy. Control characters in the arguments become
 * "?".
 */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints in the same way what does not make the command fail. */
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Returns the last complaint, for the "error" of JSON; NULL if there was none. */
const char *complain_last(void);

#endif
