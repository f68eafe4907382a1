/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_STATUS_PRINT_H
#define VFIO_EARLY_STATUS_PRINT_H

#include "command.h"
#include "status/boot-report.h"
#include "status/line-states.h"

/* What `status` found. It owns what the two last pointers lead to no more than the others. */
struct status_view {
	const struct machine *machine;
	const struct boot_report *report;
	const struct findings *notices;
	const struct line_states *states;
	enum status status;
	bool color;
};

/* Prints it for people: the boot, each line with its devices, a summary, and what to do next. */
void status_print(const struct status_view *view);

/* Adds it to the object of --json. */
void status_add_json(const struct status_view *view, struct json *json);

#endif
