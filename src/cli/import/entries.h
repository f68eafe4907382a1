/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ENTRIES_H
#define VFIO_EARLY_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include "import/lines.h"
#include "pci.h"
#include "util.h"

#define ENTRY_ANY 0xffffffff /* PCI_ANY_ID of the kernel */

/* What another tool's configuration says about one device. */
struct entry {
	char *place;	     /* "/etc/modprobe.d/vfio.conf:1", after "guest NAME, " for a guest's */
	char *words;	     /* the text, without control characters */
	const char *problem; /* why the entry cannot be used, or NULL */
	bool is_guests;	     /* a guest's configuration names the device */
	bool harmless;	     /* the problem is no failure: this machine needs no line for it */
	bool has_address, has_id;
	bool card; /* every function of the card at `address`; the ID is that of its first */
	struct pci_address address;
	struct pci_id id;
	uint32_t subvendor, subdevice; /* ENTRY_ANY for any */
	uint32_t class, class_mask;
};

/* Starts zeroed. */
struct entries {
	struct entry *items;
	size_t count;
};

/* Adds an empty entry and copies the strings. Returns NULL if memory is short. */
struct entry *entry_add(struct entries *entries, const struct file_line *line, const char *words);

/* Adds an entry that cannot be used. Returns 0 or -ENOMEM. */
int entry_add_problem(struct entries *entries, const struct file_line *line, const char *words,
		      const char *problem, bool harmless) _must_check_;

bool entry_meets(const struct entry *entry, const struct pci_snapshot *snapshot,
		 const struct pci_function *function);

void entries_done(struct entries *entries);

#endif
