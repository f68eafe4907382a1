/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands share. */

#include "command.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

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

enum status require_devices(const struct machine *machine)
{
	if (machine->has_devices)
		return STATUS_WELL;
	complain("%s/sys: no PCI bus, so no device can be looked up; is it mounted?",
		 root_prefix(machine->directory));
	return STATUS_ENVIRONMENT;
}

enum status require_root(const struct request *request, const struct machine *machine,
			 const char *command)
{
	if (!machine->root.live || !geteuid() || request->dry_run)
		return STATUS_WELL;
	complain("%s: only root can %s a device; try sudo", command, command);
	return STATUS_ENVIRONMENT;
}

bool can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool ask_yes(const char *question)
{
	char answer[16];

	fprintf(stderr, "%s [y/N] ", question);
	return fgets(answer, sizeof(answer), stdin) &&
	       (!strcasecmp(answer, "y\n") || !strcasecmp(answer, "yes\n"));
}
