/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ANONYMOUS_H
#define VFIO_EARLY_ANONYMOUS_H

#include <stddef.h>

#include "text.h"
#include "util.h"

/*
 * The serial numbers and MAC addresses of a machine. The place of each in the list is the number
 * that stands for it in every file. Starts zeroed.
 */
struct anonymous {
	char **secrets; /* "001b21aabbcc" for a MAC address, "S5H9NS0N123456" for a disk */
	size_t count;
	bool failed; /* out of memory: something would not be replaced */
};

/* Learns the serial number or WWN of a disk: the content of an attribute. */
void anonymous_learn_value(struct anonymous *anonymous, const struct text *content);

/* Learns the serial numbers and WWNs among a device's properties in udev's database. */
void anonymous_learn_properties(struct anonymous *anonymous, const struct text *content);

/*
 * Replaces in a text all that was learned, and every MAC address and PCI serial number: rows of six
 * or more bytes in hexadecimal, and names of network interfaces such as enx001b21aabbcc.
 */
void anonymous_replace(struct anonymous *anonymous, struct text *content);

/* Replaces the serial number in the configuration space of a PCI function. */
void anonymous_replace_serial(struct anonymous *anonymous, struct text *space);

void anonymous_done(struct anonymous *anonymous);

#endif
