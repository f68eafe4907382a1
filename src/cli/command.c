/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands share. */

#include "command.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/printable.h"
#include "machine/card.h"

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

enum status find_function(const struct machine *machine, const char *command,
			  const char *word, struct pci_address *ret, bool *ret_card)
{
	const char *wrong;

	*ret_card = card_parse(word, ret);
	wrong = *ret_card ? NULL : pci_address_parse(word, ret);
	if (wrong) {
		complain("%s: %s %s", command, word, wrong);
		return STATUS_USAGE;
	}
	if (pci_find(&machine->snapshot, ret))
		return STATUS_WELL;
	complain("%s: no such device; \"vfio-early list\" shows all", word);
	return STATUS_UNWANTED;
}

void add_settings(const struct request *request, const char *with, struct text *text)
{
	if (with)
		text_add(text, " with=", with);
	if (request->driver)
		text_add(text, " driver=", request->driver);
	for (const char *const *allow = request->allow; *allow; allow++)
		text_add(text, " allow=", *allow);
}

enum status open_edit(struct edit *edit, const struct machine *machine, const char *path)
{
	int error = edit_open(edit, &machine->root, path);

	if (error) {
		complain("/%s: cannot be edited: %s", path, edit_explain(error));
		return STATUS_ENVIRONMENT;
	}
	if (strcmp(edit->path, path))
		printable_print(stdout, "/%s is a symlink: /%s is edited\n", path,
				edit->path);
	return STATUS_WELL;
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
