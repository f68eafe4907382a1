/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_NOTICES_H
#define VFIO_EARLY_NOTICES_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"
#include "status/boot-report.h"
#include "text.h"
#include "util.h"

/* Something about the boot, or the config, as a whole, that a rebuild or a reboot helps against. */
struct notice {
	const char *kind; /* "no-report", "off", "edited" ... */
	struct text text, next;
};

/* All of them. Starts zeroed. */
struct notices {
	struct notice *items;
	size_t count;
	bool usable; /* the report is of this boot, which did what its config said */
};

/* 0 or -ENOMEM; in either case notices_done() frees what `ret` has. */
int notices_find(const struct machine *machine, const struct boot_report *report,
		 struct notices *ret) _must_check_;
void notices_done(struct notices *notices);

#endif
