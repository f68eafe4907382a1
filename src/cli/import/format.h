/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_FORMAT_H
#define VFIO_EARLY_FORMAT_H

#include <stdbool.h>

#include "import/entries.h"
#include "import/lines.h"
#include "machine/machine.h"
#include "util.h"

/* Whose recipes are read, and where what they ask for goes. */
struct reading {
	const struct machine *machine;
	struct entries *entries;
};

/*
 * Each of these adds a entry for every device in its text, which is changed, or one that says
 * what is wrong with it. 0 or -ENOMEM.
 */

/* A text that starts with a word which tells its form, as "BIND=". -ENOENT if it does not. */
int format_add(const struct reading *reading, const struct file_line *line,
	       char *text) _must_check_;

/* "10de:1c03,10de:10f1", as vfio-pci's parameter ids= has them. */
int format_add_ids(const struct reading *reading, const struct file_line *line,
		   char *ids) _must_check_;

/* "0000:02:00.0|10de:1c03 10de:10f1": addresses, IDs, or both in either order. */
int format_add_pairs(const struct reading *reading, const struct file_line *line,
		     char *words) _must_check_;

/* An address, or one without its function: the whole card. False if it is none. */
bool format_parse_address(const char *text, struct entry *entry);

#endif
