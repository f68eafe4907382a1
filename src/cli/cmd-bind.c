/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early bind: what the boot program does, now. The addresses become bind lines of a config
 * without any others, and from there on it is the same plan and the same steps; the user's keep
 * and option lines hold here too.
 */

#include <stdio.h>
#include <string.h>

#include "apply.h"
#include "claim-result.h"
#include "command.h"
#include "danger/danger.h"
#include "finding-print.h"
#include "lib/printable.h"
#include "machine/machine.h"
#include "machine/resolver.h"
#include "plan.h"

#define PLACE "the command line"

struct binding {
	const struct request *request;
	struct machine machine;
	struct loadplan loadplan;
	struct plan plan;
	struct applied applied;
};

static void binding_done(struct binding *binding)
{
	applied_done(&binding->applied);
	plan_done(&binding->plan);
	loadplan_done(&binding->loadplan);
	machine_done(&binding->machine);
}

/* What the config says of the function holds here as well, unless an option says otherwise. */
static void add_listed(const struct machine *machine, const struct request *request,
		       const struct pci_address *address, struct text *line)
{
	const struct claim *claim = machine_claim_at(machine, address);
	unsigned int allow = claim ? match_allows(claim->rule, claim->function) : 0;

	if (!request->driver && claim && claim->result == RESULT_NONE)
		text_add(line, " driver=", claim->driver);
	if (allow & ALLOW_BOOT_DISPLAY)
		text_add(line, " allow=boot-display");
	if (allow & ALLOW_IN_USE)
		text_add(line, " allow=in-use");
}

/* "bind ADDRESS ..." for one argument. */
static enum status add_line(const struct binding *binding, const char *word, struct text *text)
{
	const struct request *request = binding->request;
	char address_text[PCI_ADDRESS_SIZE];
	struct pci_address address;
	struct settings settings;
	bool card;
	enum status status = find_function(&binding->machine, "bind", word, &address, &card);

	if (status != STATUS_WELL)
		return status;
	text_add(text, "bind ", pci_address_format(&address, address_text));
	add_listed(&binding->machine, request, &address, text);
	settings = request_settings(request, !request->with && card ? "functions" : NULL);
	settings_add(&settings, text);
	text_add(text, "\n");
	return STATUS_WELL;
}

static enum status compose_lines(const struct binding *binding, struct text *text)
{
	for (int i = 0; i < binding->request->count; i++) {
		enum status status = add_line(binding, binding->request->arguments[i], text);

		if (status != STATUS_WELL)
			return status;
	}
	return text_error(text) ? fail("bind", -ENOMEM) : STATUS_WELL;
}

static void drop_binds(struct conf *conf)
{
	size_t kept = 0;

	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].statement != STATEMENT_BIND)
			conf->rules[kept++] = conf->rules[i];
	conf->count = kept;
}

/* Puts the lines of `text` in the place of the config's own. */
static enum status match_lines(struct binding *binding, const struct text *text)
{
	struct conf *conf = &binding->machine.confdir.conf;
	size_t errors = conf->error_count;
	int error;

	match_done(&binding->machine.match);
	drop_binds(conf);
	error = conf_parse(conf, PLACE, text->data, text->length, false);
	if (error)
		return fail("bind", error);
	if (conf->error_count > errors) {
		complain("bind: %s", conf->errors[errors].message);
		return STATUS_USAGE;
	}
	error = machine_match(&binding->machine);
	return error ? fail("bind", error) : STATUS_WELL;
}

/* Refuses what the host needs, and asks a person about the other dangers. */
static enum status check_dangers(struct binding *binding)
{
	_cleanup_(findings_done) struct findings dangers = { 0 };
	const struct request *request = binding->request;
	int error = dangers_find(&binding->machine, &dangers);

	if (error)
		return fail("bind", error);
	if (findings_refuse(&dangers, &binding->machine, NULL, TAKE_BIND))
		return STATUS_UNWANTED;
	if (request->agreed || !findings_warn(&dangers, NULL, 0) || request->yes ||
	    request->dry_run)
		return STATUS_WELL;
	if (!can_ask()) {
		complain("bind: there are dangers, and no terminal to ask at; nothing is "
			 "bound. To bind anyway: --yes");
		return STATUS_UNWANTED;
	}
	return ask_yes("Bind anyway?", false) ? STATUS_WELL : STATUS_UNWANTED;
}

/* A driver that is there needs no module; else libkmod finds those of the kernel that runs. */
static int add_driver(struct binding *binding, const char *driver)
{
	struct machine *machine = &binding->machine;
	char path[ROOT_PATH_SIZE];
	struct resolver *resolver;
	int error;

	if (loadplan_has_driver(&binding->loadplan, driver))
		return 0;
	string_join(path, sizeof(path), "sys/bus/pci/drivers/", driver, NULL);
	if (root_has(&machine->root, path))
		return loadplan_add_driver(&binding->loadplan, driver);
	resolver = resolver_new(machine->directory, machine->kernel, &machine->cmdline);
	if (!resolver)
		return -ENOENT;
	error = resolver_add(resolver, driver, NULL, &binding->loadplan);
	resolver_free(resolver);
	return error;
}

static enum status find_modules(struct binding *binding)
{
	const struct match *match = &binding->machine.match;

	for (size_t i = 0; i < match->claim_count; i++) {
		const char *driver = match->claims[i].driver;
		int error = add_driver(binding, driver);

		if (error == -ENOENT) {
			complain("bind: Linux %s has no driver %s; are its modules "
				 "installed?",
				 binding->machine.kernel, driver);
			return STATUS_ENVIRONMENT;
		}
		if (error)
			return fail("bind", error);
	}
	return STATUS_WELL;
}

static enum status print_plan(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct claim *claim = plan->steps[i].claim;
		char address[PCI_ADDRESS_SIZE];

		pci_address_format(&claim->function->address, address);
		if (plan->steps[i].kind == STEP_LOAD)
			printf("would load the modules of %s\n", claim->driver);
		else
			printf("would %s %s for %s\n", step_kind_name(plan->steps[i].kind), address,
			       claim->driver);
	}
	return STATUS_WELL;
}

/* The sentence without its place, which is the command line that the person has just typed. */
static void print_claim(const struct claim *claim)
{
	static const char place[] = " (" PLACE;
	struct text sentence = { 0 };
	const char *text, *end;

	claim_sentence(claim, &sentence);
	text = text_string(&sentence);
	end = strstr(text, place);
	printable_print(stdout, "%.*s\n", end ? (int)(end - text) : (int)strlen(text), text);
	text_done(&sentence);
}

/* Tells what came of it; what is fenced and not bound stays so until it is released. */
static enum status print_results(const struct binding *binding)
{
	const struct match *match = &binding->machine.match;
	enum status status = STATUS_WELL;

	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];
		char address[PCI_ADDRESS_SIZE];

		print_claim(claim);
		if (claim->result == RESULT_BOUND)
			continue;
		status = STATUS_UNWANTED;
		printable_print(stdout,
				"next: remove the cause and bind again, or give it back: "
				"vfio-early release %s%s%s\n",
				pci_address_format(&claim->function->address, address),
				ROOT_OPTION(binding->request->root));
	}
	return status;
}

static void json_claim(struct json *json, const struct claim *claim)
{
	char address[PCI_ADDRESS_SIZE];

	json_open(json, NULL, '{');
	json_string(json, "address", pci_address_format(&claim->function->address, address));
	json_string(json, "target", claim->driver);
	json_string(json, "driver", claim->now);
	json_string(json, "result", result_name(claim->result));
	json_string(json, "reason", claim->reason);
	json_close(json);
}

static enum status add_json(const struct binding *binding)
{
	struct json *json = binding->request->json;
	const struct match *match = &binding->machine.match;
	enum status status = STATUS_WELL;

	json_open(json, "devices", '[');
	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];

		json_claim(json, claim);
		if (claim->result != RESULT_BOUND && claim->result != RESULT_PLANNED)
			status = STATUS_UNWANTED;
	}
	json_close(json);
	return status;
}

static enum status apply_steps(struct binding *binding)
{
	struct machine *machine = &binding->machine;
	const struct request *request = binding->request;
	int error = plan_make(&machine->match, &binding->plan);

	if (!error && request->dry_run && !request->json)
		return print_plan(&binding->plan);
	if (!error && !request->dry_run)
		error = apply_plan(&machine->root, &binding->plan, &machine->match,
				   &binding->loadplan, &machine->cmdline, APPLY_DEADLINE_MS,
				   &binding->applied);
	if (!error)
		error = claims_judge(&machine->root, &binding->loadplan,
				     request->dry_run ? NULL : &binding->applied, &machine->match);
	if (error)
		return fail("bind", error);
	return request->json ? add_json(binding) : print_results(binding);
}

static enum status run(const struct request *request)
{
	_cleanup_(binding_done) struct binding binding = { .request = request };
	enum status status = load_machine(request, &binding.machine);
	struct text text = { 0 };

	if (status == STATUS_WELL)
		status = require_root(request, &binding.machine, "bind");
	if (status == STATUS_WELL)
		status = require_devices(&binding.machine);
	if (status == STATUS_WELL)
		status = compose_lines(&binding, &text);
	if (status == STATUS_WELL)
		status = match_lines(&binding, &text);
	text_done(&text);
	if (status == STATUS_WELL)
		status = check_dangers(&binding);
	if (status == STATUS_WELL)
		status = find_modules(&binding);
	return status == STATUS_WELL ? apply_steps(&binding) : status;
}

const struct command command_bind = {
	.name = "bind",
	.arguments = "ADDRESS...",
	.summary = "bind devices now, without a reboot",
	.details =
		"Does at once what the boot program does at boot: reserves the devices for vfio-\n"
		"pci, takes them from the drivers that have them, loads what is missing, and\n"
		"binds them. ADDRESS is a function (01:00.0) or a card (01:00: all its functions).\n"
		"The config stays as it is; what it says of a device (driver=, allow=, keep) holds\n"
		"here as well. Warns of all that \"check\" would, and asks a person at a terminal\n"
		"if something of that is a danger.\n\n"
		"Exit status: 0 all are bound, 1 one is not, or is refused, 2 usage, 4 the\n"
		"driver is missing, or only root may.",
	.options = OPTION_ROOT | OPTION_WITH | OPTION_DRIVER | OPTION_ALLOW | OPTION_DRY_RUN |
		   OPTION_YES | OPTION_JSON,
	.least = 1,
	.most = 256,
	.run = run,
};
