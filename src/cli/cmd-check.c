/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early check: the config against a machine. What each line does, then what is dangerous. */

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "condition.h"
#include "config/suggestion.h"
#include "danger/danger.h"
#include "finding-print.h"
#include "lib/color.h"
#include "lib/printable.h"
#include "machine/machine.h"
#include "machine/moved.h"
#include "machine/names.h"
#include "profiles.h"

struct check {
	const struct request *request;
	struct machine machine;
	struct names *names;
	struct findings dangers;
	struct profiles profiles; /* that this boot did not choose */
	/* functions that will be bound, that are bound already, that will not be */
	size_t planned, bound, refused;
	/* lines that are not in force, and lines that will not be if their profile is chosen */
	size_t lines_off, lines_off_later;
};

static void check_done(struct check *check)
{
	findings_done(&check->dangers);
	profiles_done(&check->profiles);
	names_close(check->names);
	machine_done(&check->machine);
}

static void paint(const struct check *check, const char *sequence)
{
	color_print(stdout, check->request->color, sequence);
}

static void print_painted(const struct check *check, const char *sequence, const char *words)
{
	paint(check, sequence);
	fputs(words, stdout);
	paint(check, PLAIN);
}

/* The result of one claim for one of its lines, RESULT_PLANNED if all goes well; and why not. */
static enum result predict_result(const struct check *check, const struct claim *claim,
				  const struct claim_line *line, const char **ret_reason)
{
	const struct finding *refusal = dangers_refuse(&check->dangers, claim);
	const struct finding *unbound = dangers_unbound(&check->dangers, claim);
	enum result result = claim_line_result(claim, line, ret_reason);

	if (result != RESULT_NONE && result != RESULT_REFUSED)
		return result;
	/* The danger says for what the host needs the function; the match only that it does. */
	if (result == RESULT_REFUSED && !refusal)
		return result;
	*ret_reason = refusal	? text_string(&refusal->text)
		      : unbound ? text_string(&unbound->text)
				: NULL;
	return refusal ? RESULT_REFUSED : unbound ? RESULT_FENCED : RESULT_PLANNED;
}

/* What becomes of a line without claims, in words; "" where there is nothing to say. */
static void explain_line(const struct machine *machine, size_t line, struct text *text)
{
	const struct rule *rule = &machine->confdir.conf.rules[line];
	const struct line_match *match = &machine->match.lines[line];
	struct text near = { 0 }, move = { 0 };

	machine_explain_line(rule, match, text);
	if (match->result == RESULT_MISMATCH)
		moved_add_command(machine, rule, &move);
	if (move.length)
		text_add(text, "; if the device moved there: ", text_string(&move));
	text_done(&move);
	if (match->result == RESULT_ABSENT)
		suggestion_add(rule, &machine->snapshot, &near);
	if (near.length)
		text_add(text, "; did you mean ", text_string(&near), "?");
	text_done(&near);
}

/* Is the line as its author wants it, claims aside? One of another profile is. */
static bool is_line_off(const struct line_match *line)
{
	return line->result >= RESULT_ABSENT;
}

static void print_function(const struct check *check, const struct pci_function *function)
{
	char address[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE], name[NAMES_SIZE];

	names_full(check->names, function, name);
	printable_print(stdout, "%s %s%s(%s): ", pci_address_format(&function->address, address),
			name, *name ? " " : "", pci_id_format(&function->id, id));
}

static bool is_bound(const struct claim *claim)
{
	return !strcmp(claim->function->driver, claim->driver);
}

/* "will be bound to vfio-pci (driver now: nouveau)" */
static void print_planned(const struct check *check, const struct claim *claim)
{
	const char *driver = claim->function->driver;
	bool bound = is_bound(claim);

	paint(check, GREEN);
	printable_print(stdout, bound ? "is bound to %s already" : "will be bound to %s",
			claim->driver);
	paint(check, PLAIN);
	if (!bound && *driver)
		printable_print(stdout, " (driver now: %s)", driver);
}

static void print_claim(const struct check *check, const char *indent, const struct claim *claim,
			const struct rule *rule)
{
	const struct claim_line *line = claim_line(claim, rule);
	const char *reason;
	enum result result;

	if (!line)
		return;
	result = predict_result(check, claim, line, &reason);

	printable_print(stdout, "%s", indent);
	print_function(check, claim->function);
	if (result == RESULT_PLANNED) {
		print_planned(check, claim);
	} else {
		print_painted(check, RED, result_name(result));
		printable_print(stdout, ": %s", reason);
	}
	putchar('\n');
}

/* A keep line has no claims: what meets its conditions is kept. */
static void print_kept(const struct check *check, const struct rule *rule)
{
	const struct pci_snapshot *snapshot = &check->machine.snapshot;
	size_t count = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct pci_function *function = &snapshot->functions[i];

		if (pci_is_bridge(function) || condition_missed(rule, function))
			continue;
		fputs("    ", stdout);
		print_function(check, function);
		puts("stays with the host");
		count++;
	}
	if (!count)
		puts("    no such device");
}

/* What becomes of the line on this machine, or on the same one in a boot with another profile. */
static void print_results(const struct check *check, const struct machine *machine,
			  const char *indent, size_t line)
{
	const struct line_match *match = &machine->match.lines[line];
	struct text why = { 0 };

	explain_line(machine, line, &why);
	if (why.length) {
		printable_print(stdout, "%s", indent);
		print_painted(check, is_line_off(match) ? RED : "", result_name(match->result));
		printable_print(stdout, ": %s\n", text_string(&why));
	}
	for (size_t i = 0; i < machine->match.claim_count; i++)
		print_claim(check, indent, &machine->match.claims[i],
			    &machine->confdir.conf.rules[line]);
	text_done(&why);
}

static void print_line(const struct check *check, size_t line)
{
	const struct machine *machine = &check->machine;
	const struct rule *rule = &machine->confdir.conf.rules[line];
	const struct line_match *match = &machine->match.lines[line];
	char statement[CONF_STATEMENT_SIZE];
	const struct machine *profile = profiles_machine(&check->profiles, rule);
	struct text place = { 0 }, label = { 0 };

	place_add(&rule->place, &place);
	confdir_statement(&machine->confdir, &rule->place, statement);
	text_add(&label, "    in profile ", rule->profile ? rule->profile : "", ": ");
	paint(check, BOLD);
	printable_print(stdout, "%s: %s", text_string(&place), statement);
	paint(check, PLAIN);
	putchar('\n');
	print_results(check, machine, "    ", line);
	if (profile)
		print_results(check, profile, text_string(&label), line);
	if (rule->statement == STATEMENT_KEEP && match->result == RESULT_ACTIVE)
		print_kept(check, rule);
	text_done(&place);
	text_done(&label);
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static void print_summary(const struct check *check)
{
	size_t dangers = findings_count_dangers(&check->dangers);
	size_t errors = check->machine.confdir.conf.error_total;

	printf("%zu device%s will be bound", check->planned, plural(check->planned));
	if (check->bound)
		printf(", %zu %s bound already", check->bound, check->bound == 1 ? "is" : "are");
	if (check->refused)
		printf(", %zu will not", check->refused);
	if (check->lines_off)
		printf(", %zu line%s not in force", check->lines_off, plural(check->lines_off));
	if (check->lines_off_later)
		printf(", %zu line%s of other profiles will not work", check->lines_off_later,
		       plural(check->lines_off_later));
	if (errors)
		printf(", %zu error%s", errors, plural(errors));
	if (dangers)
		printf(", %zu danger%s", dangers, plural(dangers));
	putchar('\n');
}

static void print_text(const struct check *check)
{
	const struct conf *conf = &check->machine.confdir.conf;

	for (size_t i = 0; i < conf->count; i++)
		print_line(check, i);
	if (check->dangers.count)
		putchar('\n');
	findings_print(stdout, &check->dangers, check->request->color);
	if (conf->count)
		putchar('\n');
	print_summary(check);
}

static void json_claim(const struct check *check, const struct claim *claim,
		       const struct claim_line *line)
{
	char address[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE], name[NAMES_SIZE];
	struct json *json = check->request->json;
	const char *reason;
	enum result result = predict_result(check, claim, line, &reason);

	json_open(json, NULL, '{');
	json_string(json, "address", pci_address_format(&claim->function->address, address));
	json_string(json, "id", pci_id_format(&claim->function->id, id));
	json_string(json, "name", names_full(check->names, claim->function, name));
	json_string(json, "driver", claim->function->driver);
	json_string(json, "target", line->driver);
	json_string(json, "result", result_name(result));
	json_string(json, "reason", reason);
	json_close(json);
}

/* `machine`: NULL for nothing. */
static void json_claims(const struct check *check, const char *key, const struct machine *machine,
			const struct rule *rule)
{
	json_open(check->request->json, key, '[');
	for (size_t i = 0; machine && i < machine->match.claim_count; i++) {
		const struct claim *claim = &machine->match.claims[i];
		const struct claim_line *named = claim_line(claim, rule);

		if (named)
			json_claim(check, claim, named);
	}
	json_close(check->request->json);
}

static void json_line(const struct check *check, size_t line)
{
	struct json *json = check->request->json;
	const struct machine *machine = &check->machine;
	const struct rule *rule = &machine->confdir.conf.rules[line];
	const struct line_match *match = &machine->match.lines[line];
	struct text why = { 0 };

	json_open(json, NULL, '{');
	json_string(json, "file", rule->place.file);
	json_statement(json, &machine->confdir, &rule->place);
	json_string(json, "profile", rule->profile);
	explain_line(machine, line, &why);
	json_string(json, "result", match->result == RESULT_NONE ? "" : result_name(match->result));
	json_string(json, "reason", text_string(&why));
	json_claims(check, "devices", machine, rule);
	json_claims(check, "devices_in_profile", profiles_machine(&check->profiles, rule), rule);
	json_close(json);
	text_done(&why);
}

static void add_json(const struct check *check)
{
	const struct conf *conf = &check->machine.confdir.conf;
	struct json *json = check->request->json;

	json_string(json, "kernel", check->machine.kernel);
	json_open(json, "lines", '[');
	for (size_t i = 0; i < conf->count; i++)
		json_line(check, i);
	json_close(json);
	json_findings(json, "dangers", &check->dangers);
	json_errors(json, conf);
}

/* A line that only repeats what another one decides does not count. */
static void count_claim(struct check *check, const struct claim *claim)
{
	for (size_t i = 0; i < claim->line_count; i++) {
		const struct claim_line *line = &claim->lines[i];
		const char *reason;

		if (line->rule != claim->rule && line->result == RESULT_NONE)
			continue;
		if (predict_result(check, claim, line, &reason) != RESULT_PLANNED)
			check->refused++;
		else if (is_bound(claim))
			check->bound++;
		else
			check->planned++;
	}
}

/* Would the line do less than it says if its profile were chosen? */
static bool is_off_later(const struct check *check, size_t line)
{
	const struct rule *rule = &check->machine.confdir.conf.rules[line];
	const struct machine *profile = profiles_machine(&check->profiles, rule);
	bool off = profile && is_line_off(&profile->match.lines[line]);
	const char *reason;

	for (size_t i = 0; profile && i < profile->match.claim_count && !off; i++) {
		const struct claim *claim = &profile->match.claims[i];
		const struct claim_line *named = claim_line(claim, rule);

		off = named && predict_result(check, claim, named, &reason) != RESULT_PLANNED;
	}
	return off;
}

static void count(struct check *check)
{
	const struct match *match = &check->machine.match;

	for (size_t i = 0; i < match->conf->count; i++) {
		check->lines_off += is_line_off(&match->lines[i]);
		check->lines_off_later += is_off_later(check, i);
	}
	for (size_t i = 0; i < match->claim_count; i++)
		count_claim(check, &match->claims[i]);
}

static enum status result_status(const struct check *check)
{
	if (check->machine.confdir.conf.error_total)
		return STATUS_CONFIG;
	return check->refused || check->lines_off || check->lines_off_later ||
			       findings_count_dangers(&check->dangers)
		       ? STATUS_UNWANTED
		       : STATUS_WELL;
}

static enum status run(const struct request *request)
{
	_cleanup_(check_done) struct check check = { .request = request };
	enum status status = load_machine(request, &check.machine);

	if (status != STATUS_WELL)
		return status;
	if (!has_kernel(request, &check.machine))
		return STATUS_ENVIRONMENT;
	if (!check.machine.has_devices) {
		machine_print_errors(&check.machine, "");
		if (request->json)
			json_errors(request->json, &check.machine.confdir.conf);
		status = require_devices(&check.machine);
		return check.machine.confdir.conf.error_total ? STATUS_CONFIG : status;
	}
	check.names = names_open(&check.machine);
	if (!check.names || dangers_find(&check.machine, &check.dangers) ||
	    profiles_find(&check.machine, &check.profiles, &check.dangers))
		return fail("the config cannot be checked", -ENOMEM);
	count(&check);
	machine_note_unseen(&check.machine);
	if (request->json) {
		add_json(&check);
	} else {
		machine_print_errors(&check.machine, "");
		print_text(&check);
	}
	return result_status(&check);
}

const struct command command_check = {
	.name = "check",
	.arguments = "",
	.summary = "what each line of the config will do on this machine, and what is dangerous",
	.details =
		"Reads /etc/vfio-early.conf and /etc/vfio-early.conf.d/*.conf and tells, for each\n"
		"line, which device it selects and what will become of it at boot; every error,\n"
		"with its file, line and column; and every danger, with what to do about it.\n\n"
		"Exit status: 0 all is well, 1 a line would not do what it says, or is dangerous,\n"
		"3 the config has errors, 4 the machine cannot be read.",
	.options = OPTION_ROOT | OPTION_KERNEL | OPTION_JSON,
	.run = run,
};
