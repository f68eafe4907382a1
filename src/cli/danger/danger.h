/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_DANGER_H
#define VFIO_EARLY_DANGER_H

#include <stdbool.h>
#include <stddef.h>

#include "inuse/in-use.h"
#include "machine/machine.h"
#include "util.h"

enum danger_kind {
	DANGER_BOOT_DISPLAY, /* the firmware's display is on it */
	DANGER_IN_USE,	     /* the host's disks, swap or default route */
	DANGER_MAYBE_IN_USE, /* the same, where it can't be known */
	DANGER_KEYBOARD,     /* the last keyboard */
	DANGER_GROUP,	     /* group mates stay with host drivers */
	DANGER_VFS,	     /* a physical function with virtual ones */
	DANGER_VF,     /* a virtual function: not there yet when the boot program runs */
	DANGER_RESCUE, /* rescue=release cannot work here */
	DANGER_NO_GROUP,   /* no IOMMU group */
	DANGER_CONTROLLER, /* behind a controller whose driver makes it: Intel VMD */
	DANGER_DRIVER,	   /* the kernel has no such target driver */
	DANGER_BUILT_IN,   /* the host driver is built into the kernel */
	DANGER_NO_RESET,   /* nothing can reset it */
	DANGER_ID_ALONE,   /* a line without an address, path or serial number */
	DANGER_IOMMU_OFF,  /* of the machine */
	DANGER_NO_INTERRUPT_REMAPPING,
	DANGER_UNKNOWN_SWITCH, /* a word of vfio_early= that nothing has */
	DANGER_OTHER_RECIPE,   /* steps of another recipe are still there */
};

/* What can go wrong with one claim, one line, or the machine as a whole, and what helps. */
struct danger {
	enum danger_kind kind;
	bool refuses; /* the boot program will not take the function; else a warning */
	bool allowed; /* a line permits it, and the machine comes up without it */
	const struct claim *claim; /* NULL for a line's or the machine's */
	const struct rule *rule;   /* the line; NULL for the machine's */
	char *text; /* what: a fragment of a sentence, "the firmware's display is on it" */
	char *remedy; /* what to do: "write allow=boot-display on /etc/vfio-early.conf:3" */
};

/* In the order of the claims; the machine's come last. Starts zeroed. */
struct dangers {
	struct danger *items;
	size_t count;
};

/*
 * Every danger of what the machine's lines select (machine->match). 0 or -ENOMEM; in either case
 * dangers_done() frees what `ret` has.
 */
int dangers_find(const struct machine *machine, struct dangers *ret) _must_check_;
void dangers_done(struct dangers *dangers);

/* Does it defeat what the line is for? Else it is good to know, and no more. */
bool danger_is_grave(const struct danger *danger);

/* The word for how grave it is: "danger", "allowed" if a line permits it, or "note". */
const char *danger_word(const struct danger *danger);

/* What keeps `claim` from its driver though nothing refuses it: no IOMMU, no driver; or NULL. */
const struct danger *dangers_unbound(const struct dangers *dangers,
				     const struct claim *claim);

/* The first danger that makes the boot program refuse `claim`, or NULL. */
const struct danger *dangers_refuse(const struct dangers *dangers,
				    const struct claim *claim);

/* The word for it, as in JSON and for --allow: "boot-display", "in-use", "group" ... */
const char *danger_kind_name(enum danger_kind kind);

/* "0000:01:00.0", "/etc/vfio-early.conf:3" or "this machine": what the danger is about. */
void danger_add_subject(const struct danger *danger, struct text *text);

#endif
