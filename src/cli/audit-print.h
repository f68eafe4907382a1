/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_AUDIT_PRINT_H
#define VFIO_EARLY_AUDIT_PRINT_H

#include "command.h"
#include "image/audit.h"
#include "util.h"

/*
 * Inspects the images that the arguments name, or all images, and prints the progress unless the
 * request is for JSON. Returns STATUS_WELL, or STATUS_ENVIRONMENT after printing the error. In
 * either case audits_done() frees `ret`.
 */
enum status make_audits(const struct request *request, struct audits *ret) _must_check_;

/* The exit status for the worst result. */
enum status audits_status(const struct audits *audits);

/*
 * Prints a table of the images, and a line for each fault with its remedy. Returns 0 or -ENOMEM.
 */
int audits_print(const struct audits *audits, bool color) _must_check_;

/* Adds the same to a JSON object, as "images". */
void audits_add_json(const struct audits *audits, struct json *json);

#endif
