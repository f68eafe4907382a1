/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DEVICE_CHOICE_H
#define VFIO_EARLY_DEVICE_CHOICE_H

#include <stdbool.h>

#include "command.h"
#include "config/selection.h"
#include "machine/machine.h"
#include "machine/names.h"

/* A device that a person, or an argument, chose. */
struct choice {
	struct pci_address address;
	const char *with; /* what goes with it: "functions", "group"; NULL if nothing says */
	bool alone;	  /* the argument selects this function only */
};

/*
 * Chooses a function of the selection that the argument `word` made: the only one, or the one that
 * a person at a terminal names. Returns STATUS_WELL, or another status after printing the error or
 * the commands to choose from. Drops functions from the selection.
 */
enum status choose_match(const struct request *request, const struct machine *machine,
			 struct names *names, const char *word, struct selection *selection,
			 struct choice *ret) _must_check_;

/*
 * Lets a person at a terminal choose one of the machine's cards that no line lists, the best
 * candidates first. Reads details of all functions into the machine's snapshot. Returns
 * STATUS_WELL, STATUS_UNWANTED if nothing was chosen, or another status after printing the error.
 */
enum status choose_card(const struct request *request, struct machine *machine, struct names *names,
			struct choice *ret) _must_check_;

#endif
