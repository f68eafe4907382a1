/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dangers, told to who is about to take a device: what is refused, and what is only a warning. */

#include "guard.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "command.h"
#include "condition.h"
#include "lib/printable.h"

/* Something that a driver makes after the boot program has run can still be bound by hand. */
static bool is_of_boot_alone(const struct danger *danger)
{
	return danger->kind == DANGER_VF || danger->kind == DANGER_CONTROLLER;
}

static bool is_permissible(const struct danger *danger)
{
	return danger->kind == DANGER_BOOT_DISPLAY || danger->kind == DANGER_IN_USE;
}

static bool refuse(const struct dangers *dangers, const struct claim *claim,
		   const struct claim_line *line, enum guard_action action)
{
	const struct danger *danger = dangers_refuse(dangers, claim);
	char address[PCI_ADDRESS_SIZE];
	const char *reason;
	enum result result = claim_line_result(claim, line, &reason);

	if (danger && is_of_boot_alone(danger) && action == GUARD_BIND)
		danger = NULL;
	pci_address_format(&claim->function->address, address);
	if (danger && is_permissible(danger) &&
	    condition_missed(line->rule, claim->function))
		complain(
			"%s: refused: %s; with= does not add it, but this would: vfio-early "
			"add %s --allow %s",
			address, danger->text, address, danger_kind_name(danger->kind));
	else if (danger && is_permissible(danger))
		complain("%s: refused: %s; to %s it anyway: --allow %s", address,
			 danger->text, action == GUARD_BIND ? "bind" : "list",
			 danger_kind_name(danger->kind));
	else if (danger)
		complain("%s: refused: %s; %s", address, danger->text, danger->remedy);
	else if (result != RESULT_NONE)
		complain("%s: %s: %s", address, result_name(result),
			 reason ? reason : "another line names another driver for it");
	else
		return false;
	return true;
}

bool guard_refuses(const struct machine *machine, const struct dangers *dangers,
		   const struct rule *rule, enum guard_action action)
{
	const struct match *match = &machine->match;
	bool refused = false;

	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];
		const struct claim_line *line =
			claim_line(claim, rule ? rule : claim->rule);

		if (line)
			refused |= refuse(dangers, claim, line, action);
	}
	return refused;
}

void guard_warn(const struct dangers *dangers, const struct rule *rule)
{
	for (size_t i = 0; i < dangers->count; i++) {
		const struct danger *danger = &dangers->items[i];
		struct text subject = { 0 };

		if (danger->refuses || (rule && danger->rule && danger->rule != rule))
			continue;
		danger_add_subject(danger, &subject);
		printable_print(stderr, "%s: %s: %s; %s\n",
				danger->allowed ? "allowed" : "warning",
				text_string(&subject), danger->text, danger->remedy);
		text_done(&subject);
	}
}

static bool is_any_grave(const struct dangers *dangers)
{
	for (size_t i = 0; i < dangers->count; i++)
		if (!dangers->items[i].refuses && danger_is_grave(&dangers->items[i]))
			return true;
	return false;
}

bool guard_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool guard_ask(const char *question)
{
	char answer[16];

	fprintf(stderr, "%s [y/N] ", question);
	return fgets(answer, sizeof(answer), stdin) &&
	       (!strcasecmp(answer, "y\n") || !strcasecmp(answer, "yes\n"));
}

bool guard_is_agreed(const struct dangers *dangers, const struct request *request,
		     const char *question)
{
	return !is_any_grave(dangers) || request->yes || request->dry_run ||
	       !guard_can_ask() || guard_ask(question);
}
