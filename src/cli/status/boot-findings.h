/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_BOOT_FINDINGS_H
#define VFIO_EARLY_BOOT_FINDINGS_H

#include <stdbool.h>

#include "machine/finding.h"
#include "machine/machine.h"
#include "status/boot-report.h"
#include "util.h"

/*
 * Adds what was wrong with the boot as a whole, or with its config, which a rebuild or a reboot
 * helps against. `*ret_usable` says whether the report is of this boot, which did what its config
 * said. 0 or -ENOMEM; in either case findings_done() frees what `ret` has.
 */
int boot_findings_find(const struct machine *machine, const struct boot_report *report,
		       struct findings *ret, bool *ret_usable) _must_check_;

#endif
