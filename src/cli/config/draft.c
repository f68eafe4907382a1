/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change of the config, tried on the machine before anything is written. */

#include "config/draft.h"

#include <string.h>

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
	memmove(confdir->files + 1, confdir->files,
		confdir->file_count * sizeof(*confdir->files));
	confdir->files[0] = new;
	confdir->file_count++;
	return &confdir->files[0];
}

static int parse_again(struct confdir *confdir)
{
	int error = 0;

	conf_done(&confdir->conf);
	for (size_t i = 0; i < confdir->file_count && !error; i++) {
		const struct conf_file *file = &confdir->files[i];
		char absolute[ROOT_PATH_SIZE];

		string_join(absolute, sizeof(absolute), "/", file->path, NULL);
		error = conf_parse(&confdir->conf, absolute, text_string(&file->text),
				   file->text.length, file->generated);
	}
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
		error = parse_again(&machine->confdir);
	return error ? error : machine_match(machine);
}

const struct text *draft_text(const struct machine *machine, const char *path)
{
	static const struct text empty;
	const struct conf_file *file = confdir_file(&machine->confdir, path);

	return file ? &file->text : &empty;
}

const struct rule *draft_rule(const struct machine *machine, const char *path,
			      unsigned int line)
{
	const struct conf *conf = &machine->confdir.conf;

	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].place.line == line &&
		    !strcmp(conf->rules[i].place.file + 1, path))
			return &conf->rules[i];
	return NULL;
}
