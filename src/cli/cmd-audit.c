/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early audit: is in the images what the config of today asks for, and does it run
 * first?
 */

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
	.summary = "look into built images: program, config, modules, and being first",
	.details =
		"Takes each image apart (those in /boot and on the EFI system partition, or IMAGE)\n"
		"and tells whether it has the boot program that is installed, the config of today,\n"
		"the list of modules for its kernel and each module of it, and whether the program\n"
		"runs before udev and before any script of others. With an empty config an image\n"
		"has to be without any of it. Writes nothing.\n\n"
		"Exit status: 0 every image is as it should be, 1 one is not, and building it anew\n"
		"would not help, 4 one cannot be read, 5 one has to be built anew: vfio-early apply.",
	.options = OPTION_ROOT | OPTION_JSON,
	.most = INT_MAX,
	.run = run,
};
