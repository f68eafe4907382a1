/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PROGRAM_H
#define VFIO_EARLY_PROGRAM_H

#include <stdbool.h>

#include "text.h"
#include "util.h"

/*
 * Returns whether a program of that name is in PATH or in one of the sbin directories,
 * which PATH often lacks.
 */
bool program_exists(const char *name);

/*
 * Runs a program without a shell and waits for it. Returns its exit status, 128 + N if
 * signal N ended it, or -errno if it could not be started. Passes SIGINT, SIGTERM and
 * SIGHUP on to it (interrupt.h). `quiet`: what the program prints goes to standard error, because
 * standard output is for JSON.
 */
int program_run(const char *const *arguments, bool quiet) _must_check_;

/*
 * The same in `directory`, with the program's output discarded. The last line of its
 * standard error is added to `complaint`, without control characters.
 */
int program_run_quietly(const char *const *arguments, const char *directory,
			struct text *complaint) _must_check_;

/* Adds the command line of the program, for people. */
void program_add_line(const char *const *arguments, struct text *text);

/* Adds what a result other than 0 means: "exit status 1", "killed by signal 9". */
void program_add_end(int result, struct text *text);

#endif
