/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_FINDING_H
#define VFIO_EARLY_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "match.h"
#include "text.h"
#include "util.h"

/* How a changed config comes into force, with any image generator. */
#define ADVICE_APPLY "vfio-early apply, then reboot"

/* The same after the drivers were changed by hand: the next boot is to leave it so. */
#define ADVICE_APPLY_LATER "vfio-early apply, for the next boot"

enum finding_kind {
	/* About a function that a line claims. */
	FINDING_BOOT_DISPLAY, /* the firmware's display is on it */
	FINDING_IN_USE,	      /* the host's disks, swap or default route */
	FINDING_MAYBE_IN_USE, /* the same, if that cannot be known */
	FINDING_KEYBOARD,     /* the last keyboard */
	FINDING_GROUP,	      /* group mates stay with host drivers */
	FINDING_VFS,	      /* a physical function with virtual ones */
	FINDING_VF,	      /* a virtual function: not there when the boot program runs */
	FINDING_RESCUE,	      /* rescue=release cannot work here */
	FINDING_NO_GROUP,     /* no IOMMU group */
	FINDING_CONTROLLER,   /* behind a controller whose driver makes it: Intel VMD */
	FINDING_DRIVER,	      /* the kernel has no such target driver; of an image, too */
	FINDING_BUILT_IN,     /* the host driver is built into the kernel */
	FINDING_NO_RESET,     /* nothing can reset it */
	/* About a line. */
	FINDING_ID_ALONE,      /* no address, path or serial number */
	FINDING_NO_PATH,       /* an address, and no slot */
	FINDING_KEEPS_NOTHING, /* a keep line that no device matches */
	/* About the machine. */
	FINDING_IOMMU_OFF,
	FINDING_NO_INTERRUPT_REMAPPING,
	FINDING_UNKNOWN_SWITCH, /* a word of vfio_early= that nothing has; of a boot, too */
	FINDING_OTHER_RECIPE,	/* steps of another recipe are still there */
	/* About this boot. */
	FINDING_NO_REPORT,  /* the boot program left none */
	FINDING_OTHER_BOOT, /* the report is of another boot */
	FINDING_OFF,	    /* vfio_early=off */
	FINDING_DRY_RUN,    /* vfio_early=dry-run */
	FINDING_STOPPED,    /* the boot program ended before its end */
	FINDING_EDITED,	    /* the config has changed since */
	/* About an image. */
	FINDING_UNREADABLE, /* it cannot be inspected */
	FINDING_MISSING,    /* nothing of vfio-early is in it */
	FINDING_LEFTOVER,   /* something of vfio-early is in it, and the config is empty */
	FINDING_PROGRAM,    /* the boot program */
	FINDING_CONFIG,	    /* the config's files */
	FINDING_PLAN,	    /* the list of modules */
	FINDING_MODULES,    /* the modules themselves */
	FINDING_INIT,	    /* "start init" */
	FINDING_SCRIPT,	    /* what starts the boot program */
	FINDING_ORDER,	    /* something else comes first */
	FINDING_KERNEL,	    /* its kernel is not installed */
	FINDING_INSTALLED,  /* the host lacks what images are made of */
};

enum severity {
	SEVERITY_NOTE,	  /* good to know */
	SEVERITY_ALLOWED, /* a line permits it, and the machine comes up without the device */
	SEVERITY_DANGER,  /* it defeats what the line, or vfio-early, is for */
};

/* Something that can go wrong, or went wrong, and what helps. */
struct finding {
	enum finding_kind kind;
	enum severity severity;
	bool refuses;			     /* the boot program will not take the function */
	const struct claim *claim;	     /* that it is about, or NULL; see struct survey */
	const struct pci_function *function; /* of the claim */
	const struct rule *rule;	     /* the line that it is about, or NULL */
	const char *object;		     /* what it is about if both are NULL: "this machine" */
	const char *profile; /* it holds only in a boot with this profile; or NULL */
	struct text text;    /* a fragment of a sentence: "the host uses it: / (sda1)" */
	struct text label;   /* the same for a table, if finding_label() depends on it */
	struct text remedy;  /* what to do: "write allow=in-use on /etc/vfio-early.conf:3" */
	size_t permission;   /* the length of `remedy` without the advice to write allow=, or 0 */
};

/* A list of them. Starts zeroed. Adding fails quietly: ask findings_error() once at the end. */
struct findings {
	struct finding *items;
	size_t count;
	const char *object; /* of what is added; NULL for "this machine" */
	bool failed;	    /* out of memory: something is missing */
};

/* A finding of that kind, with the severity and the remedy that all of its kind have. */
struct finding finding_make(enum finding_kind kind);

/* Adds the finding and empties its texts. Adds nothing if `text` is empty. */
void findings_add(struct findings *findings, struct finding *finding);

/* Adds a finding whose text is the strings joined. */
#define findings_add_text(findings, kind, ...) \
	findings_add_strings(findings, kind, __VA_ARGS__, (const char *)NULL)
void findings_add_strings(struct findings *findings, enum finding_kind kind, ...) _sentinel_;

/* How many of them are dangers. */
size_t findings_count_dangers(const struct findings *findings);

/* 0, or -ENOMEM if any was lost. */
int findings_error(const struct findings *findings) _must_check_;
void findings_done(struct findings *findings);

/* "boot-display": the word for it in JSON and, for some, after --allow. */
const char *finding_kind_name(enum finding_kind kind);

/* Returns the finding in a few words, for a table: "boot display", "host uses / (sda1)". */
const char *finding_label(const struct finding *finding);

/* Does another image, or another boot, help? */
bool finding_is_due(const struct finding *finding);

/* "danger", "allowed" or "note" */
const char *severity_name(enum severity severity);

/* Adds "0000:01:00.0", "/etc/vfio-early.conf:3" or the object. */
void finding_add_object(const struct finding *finding, struct text *text);

/* Fills in that Linux `kernel` lacks `driver`, which the line at `place` wants. */
void finding_set_no_driver(struct finding *finding, const char *kernel, const char *driver,
			   const struct place *place);

/*
 * Adds how `rule` gets the setting `word`, "with=group": "write with=group on
 * /etc/vfio-early.conf:3". A rule without a place has an address and is not written yet: then it is
 * "vfio-early add 0000:01:00.0 --with group".
 */
void rule_add_word(const struct rule *rule, const char *word, struct text *text);

#endif
