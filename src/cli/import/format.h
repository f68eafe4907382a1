/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_FORMAT_H
#define VFIO_EARLY_FORMAT_H

#include <stdbool.h>

#include "import/entries.h"
#include "import/lines.h"
#include "machine/machine.h"
#include "util.h"

/* The machine whose files are read, and where their entries go. */
struct reading {
	const struct machine *machine;
	struct entries *entries;
};

/*
 * Each of these functions adds an entry for every device in its text, or an entry with
 * the problem. The text is changed. Returns 0 or -ENOMEM.
 */

/* Parses "10de:1c03,10de:10f1", the value of vfio-pci's parameter ids=. */
int format_add_ids(const struct reading *reading, const struct file_line *line,
		   char *ids) _must_check_;

/* Parses "0000:02:00.0|10de:1c03 10de:10f1": addresses, IDs, or both in either order. */
int format_add_pairs(const struct reading *reading, const struct file_line *line,
		     char *words) _must_check_;

/* Parses "0a:00.0,00_1c.4-00_00.0", the value of rd.qubes.hide_pci=. */
int format_add_hidden(const struct reading *reading, const struct file_line *line,
		      char *words) _must_check_;

/* Parses the address of a function or of a card. Returns false for anything else. */
bool format_parse_address(const char *text, struct entry *entry);

#endif
