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

/* Adds the array `key` of findings to JSON; of them only those of the rules and of the machine. */
void json_findings(struct json *json, const char *key, const struct findings *findings);
void json_findings_of(struct json *json, const char *key, const struct findings *findings,
		      const struct rule *const *rules, size_t count);

/* What is about to be done with a device: a line for the next boot, or binding now. */
enum take_action { TAKE_LIST, TAKE_BIND };

/*
 * Must any function that `rule` (NULL: any rule) selects stay with the host? Complains of each
 * that must, and says with which --allow the action is possible anyway.
 */
bool findings_refuse(const struct findings *dangers, const struct machine *machine,
		     const struct rule *rule, enum take_action action);

/* Returns whether allow= lifts the refusal that the finding is about. */
bool finding_is_permissible(const struct finding *finding);

/* Returns the first refusal that allow= on one of the rules lifts, or NULL. */
const struct finding *findings_permissible(const struct findings *dangers,
					   const struct rule *const *rules, size_t count);

/* Returns whether the finding is about one of the `count` rules, or about the machine. */
bool finding_is_of(const struct finding *finding, const struct rule *const *rules, size_t count);

/*
 * Prints the findings that refuse nothing, of the rules (any rule if `count` is 0) and of the
 * machine, on standard error. Returns how many of them are dangers.
 */
size_t findings_warn(const struct findings *dangers, const struct rule *const *rules, size_t count);

#endif
