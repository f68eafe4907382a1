/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands share. */

#include "command.h"

#include <string.h>

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
	complain("Linux %s: no /lib/modules/%s; is it installed?", request->kernel,
		 request->kernel);
	return false;
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
