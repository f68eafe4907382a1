/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LINE_CHOICE_H
#define VFIO_EARLY_LINE_CHOICE_H

#include "command.h"
#include "conf.h"
#include "machine/machine.h"

/* A line of the config. */
struct config_line {
	char file[ROOT_PATH_SIZE]; /* starts with "/" */
	unsigned int line;
	char statement[CONF_STATEMENT_SIZE]; /* without the comment */
};

/*
 * Finds the line that `word` means for `command`: an address, a card or an ID that a bind line
 * states, the address of the only device that a line selects, or FILE:LINE for any statement or
 * error. Returns STATUS_WELL, or another status after printing why it is not exactly one line.
 */
enum status choose_line(const struct machine *machine, const char *command, const char *word,
			struct config_line *ret) _must_check_;

#endif
