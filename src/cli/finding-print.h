/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_FINDING_PRINT_H
#define VFIO_EARLY_FINDING_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/json.h"
#include "machine/finding.h"
#include "machine/machine.h"

/* Prints a line, bold if `color`. */
void print_heading(const char *text, bool color);

/* Prints "danger: OBJECT: sentence", and in a second line the remedy. */
void finding_print(FILE *file, const struct finding *finding, bool color);
void findings_print(FILE *file, const struct findings *findings, bool color);

/* Adds the array `key` of findings to JSON. */
void json_findings(struct json *json, const char *key, const struct findings *findings);

/* What is about to be done with a device: a line for the next boot, or binding now. */
enum take_action { TAKE_LIST, TAKE_BIND };

/*
 * Must any function that `rule` (NULL: any rule) selects stay with the host? Complains of each
 * that must, and says with which --allow the action is possible anyway.
 */
bool findings_refuse(const struct findings *dangers, const struct machine *machine,
		     const struct rule *rule, enum take_action action);

/*
 * Prints the findings that refuse nothing, of `rule` (NULL: any rule) and of the machine, on
 * standard error. Returns how many of them are dangers.
 */
size_t findings_warn(const struct findings *dangers, const struct rule *rule);

#endif
