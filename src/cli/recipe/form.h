/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_FORM_H
#define VFIO_EARLY_FORM_H

#include <stdbool.h>

#include "lines.h"
#include "machine.h"
#include "util.h"
#include "wish.h"

/* Whose recipes are read, and where what they ask for goes. */
struct reading {
	const struct machine *machine;
	struct wishes *wishes;
};

/*
 * Each of these adds a wish for every device in its text, which is changed, or one that says
 * what is wrong with it. 0 or -ENOMEM.
 */

/* A text that starts with a word which tells its form, as "BIND=". -ENOENT if it does not. */
int form_add(const struct reading *reading, const struct line *line,
	     char *text) _must_check_;

/* "10de:1c03,10de:10f1", as vfio-pci's parameter ids= has them. */
int form_add_ids(const struct reading *reading, const struct line *line,
		 char *ids) _must_check_;

/* "0000:02:00.0|10de:1c03 10de:10f1": addresses, IDs, or both in either order. */
int form_add_pairs(const struct reading *reading, const struct line *line,
		   char *words) _must_check_;

/* An address, or one without its function: the whole card. False if it is none. */
bool form_parse_address(const char *text, struct wish *wish);

#endif
