/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_STATUS_METRICS_H
#define VFIO_EARLY_STATUS_METRICS_H

#include "status-print.h"

/*
 * Prints what `status` found as metrics in Prometheus's text format: on standard output, or into
 * `file`, which is replaced in one step. Returns the status of `view`, or another one after
 * printing the error.
 */
enum status status_print_metrics(const struct status_view *view, const char *file);

#endif
