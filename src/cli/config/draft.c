/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change of the config, tried on the machine before anything is written. */

#include "config/draft.h"

#include <string.h>

#include "machine/trust.h"

/* The file at `path`, which is put in front of the drop-ins if it isn't there yet; or NULL. */
static struct conf_file *get_file(struct confdir *confdir, const char *path)
{
	struct conf_file *file = confdir_file(confdir, path);
	struct conf_file new = { .path = NULL };

	if (file)
		return file;
	if (ARRAY_GROW(confdir->files, confdir->file_count))
		return NULL;
	new.path = strdup(path);
	if (!new.path)
		return NULL;
	memmove(confdir->files + 1, confdir->files, confdir->file_count * sizeof(*confdir->files));
	confdir->files[0] = new;
	confdir->file_count++;
	return &confdir->files[0];
}

static bool has_error(const struct conf *conf, const struct conf_error *error)
{
	for (size_t i = 0; i < conf->error_count; i++)
		if (!strcmp(conf->errors[i].message, error->message) &&
		    !strcmp(conf->errors[i].place.file, error->place.file))
			return true;
	return false;
}

/* Keeps the errors of whole files, which are not in their text: one cannot be read, for example. */
static int keep_file_errors(const struct conf *old, struct conf *conf)
{
	int error = 0;

	for (size_t i = 0; i < old->error_count && !error; i++) {
		struct conf_error copy = old->errors[i];

		if (copy.place.line || has_error(conf, &copy))
			continue;
		copy.place.file = conf_string(conf, copy.place.file);
		error = copy.place.file ? conf_error(conf, copy, NULL, copy.message) : -ENOMEM;
	}
	return error;
}

static int parse_again(const struct root *root, struct confdir *confdir)
{
	struct conf old = confdir->conf;
	int error = 0;

	confdir->conf = (struct conf){ 0 };
	for (size_t i = 0; i < confdir->file_count && !error; i++) {
		const struct conf_file *file = &confdir->files[i];
		char absolute[ROOT_PATH_SIZE];

		string_join(absolute, sizeof(absolute), "/", file->path, NULL);
		error = conf_parse(&confdir->conf, absolute, text_string(&file->text),
				   file->text.length, file->generated);
	}
	if (!error)
		error = trust_confdir(root, confdir);
	if (!error)
		error = keep_file_errors(&old, &confdir->conf);
	conf_done(&old);
	return error;
}

int draft_match(struct machine *machine, const char *path, const struct text *text)
{
	struct conf_file *file = get_file(&machine->confdir, path);
	int error;

	if (!file)
		return -ENOMEM;
	text_done(&file->text);
	text_add_bytes(&file->text, text_string(text), text->length);
	error = text_error(&file->text);
	match_done(&machine->match); /* it points into the rules that go now */
	if (!error)
		error = parse_again(&machine->root, &machine->confdir);
	return error ? error : machine_match(machine);
}

const struct text *draft_text(const struct machine *machine, const char *path)
{
	static const struct text empty;
	const struct conf_file *file = confdir_file(&machine->confdir, path);

	return file ? &file->text : &empty;
}

const struct rule *draft_rule(const struct machine *machine, const char *path, unsigned int line)
{
	const struct conf *conf = &machine->confdir.conf;

	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].place.line == line &&
		    !strcmp(conf->rules[i].place.file + 1, path))
			return &conf->rules[i];
	return NULL;
}
