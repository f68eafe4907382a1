/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DEVICE_LINE_H
#define VFIO_EARLY_DEVICE_LINE_H

#include <stdbool.h>

#include "machine/machine.h"
#include "machine/names.h"
#include "text.h"
#include "util.h"

/* What a line says of a device beside which one it is: --with, --driver and --allow. */
struct settings {
	const char *with, *driver; /* NULL: not asked for */
	const char *const *allow;  /* ends with NULL */
};

/* Adds the settings as a bind line has them, each with a blank before it. */
void settings_add(const struct settings *settings, struct text *text);

/*
 * The line of one device in the config: a new one, or a change of the one that the device has.
 * Starts zeroed except for `address`, `settings` and `identity`.
 */
struct device_line {
	struct pci_address address;
	struct settings settings;
	const char *identity; /* the serial= or path= that alone says which device; or NULL */

	bool is_listed;		   /* the config says all that is asked for: nothing to write */
	char file[ROOT_PATH_SIZE]; /* that the line is in, or goes to, without the first "/" */
	unsigned int number;	   /* of the line in the file */
	char before[CONF_STATEMENT_SIZE]; /* the line as it was, "" for a new one */
	struct text text; /* the new line with its comment, empty for a changed one */
};

void device_line_done(struct device_line *line);

/*
 * Finds the line of the device, or the file for a new one, and whether there is anything to write.
 * A line below a [NAME] counts only if the boot chooses NAME, so it does not list the device.
 */
void device_line_find(const struct machine *machine, struct device_line *line);

/* Returns the rule that lists the device in every boot, or NULL. */
const struct rule *device_line_rule(const struct machine *machine,
				    const struct pci_address *address);

/*
 * Parses and matches the config again as if it had the line (draft_match()), and sets `number`,
 * `before` and `text`. Returns 0 or -errno: -ENODEV if the device is gone.
 */
int device_line_draft(struct machine *machine, struct names *names,
		      struct device_line *line) _must_check_;

#endif
