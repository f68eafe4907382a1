/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ADDITION_H
#define VFIO_EARLY_ADDITION_H

#include <stdbool.h>

#include "command.h"
#include "config/device-line.h"
#include "config/edit.h"
#include "machine/finding.h"
#include "machine/machine.h"
#include "machine/names.h"

/* A device that the command line, or a person, names. */
struct target {
	struct device_line line;
	const struct rule *rule; /* of the draft; NULL if the device is listed already */
	struct text identity;	 /* that `line.identity` points to */
};

/* What `add` is about to write, or has written. Starts zeroed, with `edit` EDIT_NONE. */
struct addition {
	struct request request; /* with what a person permitted */
	bool guided;
	struct machine machine;
	struct names *names;
	struct target *targets;
	size_t count;
	const struct rule **rules; /* the lines of the draft: `rule_count` of them */
	size_t rule_count;
	struct findings dangers;
	struct edit edit;
	char file[ROOT_PATH_SIZE]; /* that is written, "" if nothing is */
};

void addition_done(struct addition *add);

/* Loads the machine of the request. Returns STATUS_WELL, or another status after the error. */
enum status addition_load(struct addition *add) _must_check_;
enum status addition_reload(struct addition *add) _must_check_;

/*
 * Tries the lines of all targets on the machine, and finds their dangers. Returns STATUS_WELL, or
 * another status after printing the error.
 */
enum status addition_draft(struct addition *add) _must_check_;

/* Returns STATUS_WELL if every line of the draft does what it is for; else prints why not. */
enum status addition_check(const struct addition *add) _must_check_;

/*
 * Writes the lines. Under the lock the config is read and the lines are tried again: another edit
 * may have come in between. Returns STATUS_WELL, or another status after printing the error.
 */
enum status addition_write(struct addition *add) _must_check_;

/* Finds the functions that the lines take. The caller frees `*ret`. Returns 0 or -ENOMEM. */
int addition_find_taken(const struct addition *add, struct pci_address **ret,
			size_t *ret_count) _must_check_;

/* Prints the lines, what they take, and the findings unless `told` says that they are known. */
void addition_print(const struct addition *add, bool told);

/* Prints the commands that follow, without what is done already. */
void addition_print_next(const struct addition *add, const struct pci_address *taken, size_t count);

/* Prints the command that does the same without questions. */
void addition_print_command(const struct addition *add);

#endif
