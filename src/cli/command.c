/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands share. */

#include "command.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/printable.h"
#include "machine/card.h"
#include "machine/trust.h"

enum status fail(const char *what, int error)
{
	complain("%s: %s", what, strerror(-error));
	return STATUS_ENVIRONMENT;
}

void json_place(struct json *json, const struct place *place)
{
	struct place line = place ? *place : (struct place){ 0 };
	struct text text = { 0 };

	line.column = 0;
	if (place)
		place_add(&line, &text);
	json_string(json, "line", text_string(&text));
	text_done(&text);
}

void json_statement(struct json *json, const struct confdir *confdir, const struct place *place)
{
	char statement[CONF_STATEMENT_SIZE] = "";

	if (place)
		confdir_statement(confdir, place, statement);
	json_place(json, place);
	json_string(json, "statement", statement);
}

static void json_error(struct json *json, const struct conf_error *error)
{
	json_open(json, NULL, '{');
	json_string(json, "file", error->place.file);
	json_place(json, &error->place);
	json_number(json, "column", error->place.column);
	json_string(json, "message", error->message);
	json_close(json);
}

void json_errors(struct json *json, const struct conf *conf)
{
	json_open(json, "errors", '[');
	for (size_t i = 0; i < conf->error_count; i++)
		json_error(json, &conf->errors[i]);
	json_close(json);
}

bool has_kernel(const struct request *request, const struct machine *machine)
{
	char path[ROOT_PATH_SIZE];

	if (!request->kernel)
		return true;
	if (string_join(path, sizeof(path), "lib/modules/", request->kernel, NULL) &&
	    root_has(&machine->root, path))
		return true;
	complain("Linux %s: no /lib/modules/%s. Is it installed?", request->kernel,
		 request->kernel);
	return false;
}

enum status load_machine(const struct request *request, struct machine *ret)
{
	int error = machine_load(request->root, request->kernel, ret);

	if (error == -EXDEV) {
		complain("%s: contains this machine's own /sys. Leave --root out, or unmount it.",
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
	complain("%s/sys: no PCI bus found. Is it mounted?", root_prefix(machine->directory));
	return STATUS_ENVIRONMENT;
}

enum status require_root(const struct request *request, const struct machine *machine,
			 const char *command)
{
	if (!machine->root.live || !geteuid() || request->dry_run)
		return STATUS_WELL;
	complain("%s: only root can %s a device. Try sudo.", command, command);
	return STATUS_ENVIRONMENT;
}

enum status find_function(const struct machine *machine, const char *command, const char *word,
			  struct pci_address *ret, bool *ret_card)
{
	const char *wrong;

	*ret_card = card_parse(word, ret);
	wrong = *ret_card ? NULL : pci_address_parse(word, ret);
	if (wrong) {
		complain("%s: %s: %s", command, word, wrong);
		return STATUS_USAGE;
	}
	if (pci_find(&machine->snapshot, ret))
		return STATUS_WELL;
	complain("%s: no such device; \"vfio-early list --all\" shows all", word);
	return STATUS_UNWANTED;
}

void complain_no_match(const char *word, const char *near)
{
	complain("%s: no device matches, bridges aside; %s%s%s", word,
		 *near ? "did you mean " : "\"vfio-early list --all\" shows all", near,
		 *near ? "?" : "");
}

struct settings request_settings(const struct request *request, const char *with)
{
	return (struct settings){ with ? with : request->with, request->driver, request->allow };
}

enum status usage_error(const struct command *command)
{
	complain("usage: vfio-early %s [OPTION]...%s%s; see --help", command->name,
		 *command->arguments ? " " : "", command->arguments);
	return STATUS_USAGE;
}

void add_addresses(const struct pci_address *addresses, size_t count, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];

	for (size_t i = 0; i < count; i++)
		text_add(text, " ", pci_address_format(&addresses[i], address));
}

enum status run_for(const struct command *command, const struct request *request,
		    const struct pci_address *addresses, size_t count)
{
	_cleanup_(freep) char(*texts)[PCI_ADDRESS_SIZE] = calloc(count + 1, sizeof(*texts));
	_cleanup_(freep) char **words = calloc(count + 1, sizeof(*words));
	struct request copy = *request;

	if (!texts || !words)
		return fail(command->name, -ENOMEM);
	for (size_t i = 0; i < count; i++) {
		words[i] = texts[i];
		pci_address_format(&addresses[i], texts[i]);
	}
	copy.arguments = words;
	copy.count = count;
	copy.with = NULL;
	return command->run(&copy);
}

enum status require_trust(const struct machine *machine, const char *path)
{
	_cleanup_(freep) char *problem = trust_problem(&machine->root, path);

	if (problem)
		complain("/%s: not edited, because it %s", path, problem);
	return problem ? STATUS_CONFIG : STATUS_WELL;
}

enum status open_edit(struct edit *edit, const struct machine *machine, const char *path,
		      bool quiet)
{
	enum status status = require_trust(machine, path);
	int error;

	if (status != STATUS_WELL)
		return status;
	error = edit_open(edit, &machine->root, path);
	if (error) {
		complain("/%s: cannot be edited: %s", path, edit_explain(error));
		return STATUS_ENVIRONMENT;
	}
	if (!quiet && strcmp(edit->path, path))
		printable_print(stdout, "/%s is a symlink: /%s is edited\n", path, edit->path);
	return STATUS_WELL;
}

bool can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool read_answer(char *answer, size_t size)
{
	int c;

	if (!fgets(answer, size, stdin))
		return false;
	if (!strchr(answer, '\n') && !feof(stdin)) {
		string_copy(answer, size, "?");
		while ((c = getchar()) != EOF && c != '\n')
			;
	}
	answer[strcspn(answer, "\n")] = '\0';
	return true;
}

bool ask_yes(const char *question, bool usual)
{
	char answer[16];

	fprintf(stderr, "%s %s ", question, usual ? "[Y/n]" : "[y/N]");
	if (!read_answer(answer, sizeof(answer)))
		return false;
	if (!*answer)
		return usual;
	return !strcasecmp(answer, "y") || !strcasecmp(answer, "yes");
}
