/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PROGRAM_H
#define VFIO_EARLY_PROGRAM_H

#include <stdbool.h>

#include "text.h"
#include "util.h"

/*
 * Is there a program of that name, on PATH or in one of the directories for the
 * superuser's programs, which PATH often lacks?
 */
bool program_exists(const char *name);

/*
 * Runs a program, by its argument vector and no shell, and waits for it: its exit status,
 * 128 + N where signal N ended it, or -errno where it could not be run. A signal that asks
 * us to end is passed on to it (interrupt.h).
 */
int program_run(const char *const *arguments) _must_check_;

/*
 * The same in `directory`, quietly: what it prints goes nowhere, but for the last line on
 * its standard error, which is added to `complaint`, control characters taken out.
 */
int program_run_quietly(const char *const *arguments, const char *directory,
			struct text *complaint) _must_check_;

/* Adds the program and its arguments as a line for people. */
void program_add_line(const char *const *arguments, struct text *text);

/*
 * Adds what became of a run that did not return 0: "exit status 1", "killed by signal 9".
 */
void program_add_end(int result, struct text *text);

#endif
