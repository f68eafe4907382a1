/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_GROUP_PRINT_H
#define VFIO_EARLY_GROUP_PRINT_H

#include <stdbool.h>

#include "columns.h"
#include "guest.h"
#include "lib/json.h"
#include "util.h"

/* Whose IOMMU groups are printed, and how. */
struct group_view {
	const struct listing *listing; /* with its survey */
	const struct guest_functions *functions;
	struct json *json; /* for groups_add_json() */
	bool color;
	bool unknown_bridges; /* of the group that is being printed */
};

/* Prints each group with its members, and the bridges that make it larger than the card. */
int groups_print(struct group_view *view) _must_check_;

/* Adds the same to JSON as "groups". Both return 0 or -ENOMEM. */
int groups_add_json(struct group_view *view) _must_check_;

#endif
