/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early check: the config against this machine. */

#include <stdio.h>

#include "command.h"
#include "machine.h"

static void print_line(const struct rule *rule, const struct line_match *line)
{
	struct text place = { 0 };

	place_add(&rule->place, &place);
	printf("%s: %s: %s\n", text_string(&place), result_name(line->result),
	       line->reason);
	text_done(&place);
}

static void print_claim(const struct claim *claim)
{
	char address[PCI_ADDRESS_SIZE];
	struct text place = { 0 };

	place_add(&claim->rule->place, &place);
	pci_address_format(&claim->function->address, address);
	if (claim->reason)
		printf("%s: %s: %s: %s\n", text_string(&place), address,
		       result_name(claim->result), claim->reason);
	else
		printf("%s: %s: will be bound to %s\n", text_string(&place), address,
		       claim->driver);
	text_done(&place);
}

/* Prints what becomes of each line; false if any is not in force. */
static bool print_match(const struct match *match)
{
	bool well = true;

	for (size_t i = 0; i < match->conf->count; i++) {
		if (!match->lines[i].reason)
			continue;
		print_line(&match->conf->rules[i], &match->lines[i]);
		well = false;
	}
	for (size_t i = 0; i < match->claim_count; i++) {
		print_claim(&match->claims[i]);
		well = well && match->claims[i].result == RESULT_NONE;
	}
	return well;
}

static enum status run(const struct request *request)
{
	_cleanup_(machine_done) struct machine machine = { 0 };
	enum status status = machine_load(request, &machine);
	bool well = true;

	if (status != STATUS_WELL)
		return status;
	machine_tell_errors(&machine, "");
	if (machine.has_devices)
		well = print_match(&machine.match);
	if (machine.confdir.conf.error_total)
		return STATUS_CONFIG;
	return well ? STATUS_WELL : STATUS_UNWANTED;
}

const struct command command_check = {
	.name = "check",
	.arguments = "",
	.summary = "what each line of the config will do on this machine, and why",
	.details =
		"Reads /etc/vfio-early.conf and /etc/vfio-early.conf.d/*.conf and tells, for each\n"
		"line, which device it selects and what will become of it at boot; and every\n"
		"error, with its file, line and column.\n\n"
		"Exit status: 0 all is well, 1 a line would not bind what it names, 3 the config\n"
		"has errors.",
	.options = OPTION_ROOT | OPTION_KERNEL,
	.run = run,
};
