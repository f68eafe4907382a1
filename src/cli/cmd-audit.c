/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early audit: do the images contain what the current config needs, and does it run first? */

#include <limits.h>
#include <string.h>

#include "audit-print.h"
#include "command.h"
#include "image/audit.h"

static enum status print(const struct request *request, const struct audits *audits)
{
	if (request->json)
		audits_add_json(audits, request->json);
	else if (audits_print(audits, request->color))
		return fail("audit", -ENOMEM);
	return audits_status(audits);
}

static enum status run(const struct request *request)
{
	_cleanup_(audits_done) struct audits audits = { 0 };
	enum status status = make_audits(request, &audits);

	return status == STATUS_WELL ? print(request, &audits) : status;
}

const struct command command_audit = {
	.name = "audit",
	.arguments = "[IMAGE]...",
	.summary = "verify that images have the current config and run vfio-early first",
	.details =
		"Unpacks each image (those in /boot and on the EFI system partition, or IMAGE) and\n"
		"reports whether it has the installed boot program, the current config, the list of\n"
		"modules for its kernel and each of these modules, and whether the program runs\n"
		"before udev and before any other script. If the config is empty, an image must have\n"
		"none of this. Prints the progress on standard error, but not with --json. Writes\n"
		"nothing.\n\n"
		"Exit status: 0 every image is as configured, 1 one is not, and building it again\n"
		"would not help, 4 one cannot be read, 5 one must be built again: vfio-early apply.",
	.options = OPTION_ROOT | OPTION_JSON,
	.most = INT_MAX,
	.run = run,
};
