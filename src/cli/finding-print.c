/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings, printed for people: in one wording, whatever command found them. */

#include "finding-print.h"

#include "command.h"
#include "condition.h"
#include "danger/danger.h"
#include "lib/color.h"
#include "lib/printable.h"

void print_heading(const char *text, bool color)
{
	fputs(color ? BOLD : "", stdout);
	printable_print(stdout, "%s", text);
	puts(color ? PLAIN : "");
}

void finding_print(FILE *file, const struct finding *finding, bool color)
{
	const char *paint = finding->severity == SEVERITY_DANGER ? RED : YELLOW;
	struct text object = { 0 };

	finding_add_object(finding, &object);
	if (finding->profile)
		text_add(&object, ": in profile ", finding->profile);
	fprintf(file, "%s%s%s: ", color ? paint : "", severity_name(finding->severity),
		color ? PLAIN : "");
	printable_print(file, "%s: %s\n", text_string(&object), text_string(&finding->text));
	printable_print(file, "    remedy: %s\n", text_string(&finding->remedy));
	text_done(&object);
}

void findings_print(FILE *file, const struct findings *findings, bool color)
{
	for (size_t i = 0; i < findings->count; i++)
		finding_print(file, &findings->items[i], color);
}

static void add_finding(struct json *json, const struct finding *finding)
{
	char address[PCI_ADDRESS_SIZE] = "";

	if (finding->function)
		pci_address_format(&finding->function->address, address);
	json_open(json, NULL, '{');
	json_string(json, "kind", finding_kind_name(finding->kind));
	json_boolean(json, "grave", finding->severity == SEVERITY_DANGER);
	json_boolean(json, "refuses", finding->refuses);
	json_boolean(json, "allowed", finding->severity == SEVERITY_ALLOWED);
	json_string(json, "address", address);
	json_string(json, "profile", finding->profile);
	json_string(json, "file", finding->rule ? finding->rule->place.file : NULL);
	json_place(json, finding->rule ? &finding->rule->place : NULL);
	json_string(json, "text", text_string(&finding->text));
	json_string(json, "remedy", text_string(&finding->remedy));
	json_close(json);
}

void json_findings(struct json *json, const char *key, const struct findings *findings)
{
	json_findings_of(json, key, findings, NULL, 0);
}

/* Something that a driver makes after the boot program has run can still be bound by hand. */
static bool is_of_boot_alone(const struct finding *danger)
{
	return danger->kind == FINDING_VF || danger->kind == FINDING_CONTROLLER;
}

bool finding_is_permissible(const struct finding *finding)
{
	return finding->kind == FINDING_BOOT_DISPLAY || finding->kind == FINDING_IN_USE;
}

static void complain_of_danger(const struct finding *danger, const struct rule *rule,
			       enum take_action action, const char *root)
{
	const struct pci_function *function = danger->claim->function;
	const char *text = text_string(&danger->text);
	const char *word = finding_kind_name(danger->kind);
	char address[PCI_ADDRESS_SIZE];

	pci_address_format(&function->address, address);
	if (!finding_is_permissible(danger))
		complain("%s: refused: %s; %s", address, text, text_string(&danger->remedy));
	else if (condition_missed(rule, function))
		complain("%s: refused: %s; with= does not add it, but this would: vfio-early "
			 "add %s --allow %s%s%s",
			 address, text, address, word, ROOT_OPTION(root));
	else
		complain("%s: refused: %s; %.*s; to %s it anyway: --allow %s", address, text,
			 (int)danger->permission, text_string(&danger->remedy),
			 action == TAKE_BIND ? "bind" : "list", word);
}

/* Complains of a claim that must stay with the host, for that line. Returns whether it must. */
static bool refuse_claim(const struct findings *dangers, const struct claim *claim,
			 const struct claim_line *line, enum take_action action, const char *root)
{
	const struct finding *danger = dangers_refuse(dangers, claim);
	char address[PCI_ADDRESS_SIZE];
	const char *reason;
	enum result result = claim_line_result(claim, line, &reason);

	if (danger && (action == TAKE_LIST || !is_of_boot_alone(danger))) {
		complain_of_danger(danger, line->rule, action, root);
		return true;
	}
	if (result == RESULT_NONE)
		return false;
	complain("%s: %s: %s", pci_address_format(&claim->function->address, address),
		 result_name(result), reason ? reason : "another line names another driver for it");
	return true;
}

bool findings_refuse(const struct findings *dangers, const struct machine *machine,
		     const struct rule *rule, enum take_action action)
{
	const struct match *match = &machine->match;
	bool refused = false;

	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];
		const struct claim_line *line = claim_line(claim, rule ? rule : claim->rule);

		if (line)
			refused |= refuse_claim(dangers, claim, line, action, machine->directory);
	}
	return refused;
}

bool finding_is_of(const struct finding *finding, const struct rule *const *rules, size_t count)
{
	if (!count || !finding->rule)
		return true;
	for (size_t i = 0; i < count; i++)
		if (finding->rule == rules[i])
			return true;
	return false;
}

const struct finding *findings_permissible(const struct findings *dangers,
					   const struct rule *const *rules, size_t count)
{
	for (size_t i = 0; i < dangers->count; i++) {
		const struct finding *danger = &dangers->items[i];

		if (danger->refuses && finding_is_permissible(danger) &&
		    finding_is_of(danger, rules, count) &&
		    !condition_missed(danger->rule, danger->claim->function))
			return danger;
	}
	return NULL;
}

size_t findings_warn(const struct findings *dangers, const struct rule *const *rules, size_t count)
{
	size_t warnings = 0;

	for (size_t i = 0; i < dangers->count; i++) {
		const struct finding *finding = &dangers->items[i];

		if (finding->refuses || !finding_is_of(finding, rules, count))
			continue;
		finding_print(stderr, finding, false);
		warnings += finding->severity == SEVERITY_DANGER;
	}
	return warnings;
}

void json_findings_of(struct json *json, const char *key, const struct findings *findings,
		      const struct rule *const *rules, size_t count)
{
	json_open(json, key, '[');
	for (size_t i = 0; i < findings->count; i++)
		if (finding_is_of(&findings->items[i], rules, count))
			add_finding(json, &findings->items[i]);
	json_close(json);
}
