/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands share. */

#include "command.h"

#include <string.h>

enum status fail(const char *what, int error)
{
	complain("%s: %s", what, strerror(-error));
	return STATUS_ENVIRONMENT;
}

enum status load_machine(const struct request *request, struct machine *ret)
{
	int error = machine_load(request->root, request->kernel, ret);

	if (error == -EXDEV) {
		complain(
			"%s: contains this machine's own /sys; leave --root out, or unmount it",
			request->root);
		return STATUS_ENVIRONMENT;
	}
	if (error && ret->root.fd < 0)
		return fail(request->root, error);
	return error ? fail("loading the config and the machine", error) : STATUS_WELL;
}
