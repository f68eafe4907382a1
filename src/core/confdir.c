/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of the config: which there are, in which order, and what can be wrong with a file. */

#include "confdir.h"

#include <string.h>

/* An error of a whole file or directory. `path` is one of the root, without a leading slash. */
static int file_error(struct conf *conf, const char *path, const char *what, const char *more)
{
	struct text absolute = { 0 }, message = { 0 };
	struct conf_error file = { .keep = true };
	int error = -ENOMEM;

	text_add(&absolute, "/", path);
	text_add(&message, what, more);
	file.place.file = conf_string(conf, text_string(&absolute));
	if (file.place.file && !text_error(&absolute) && !text_error(&message))
		error = conf_error(conf, file, NULL, text_string(&message));
	text_done(&absolute);
	text_done(&message);
	return error;
}

/* Returns whether `error` means that there is no such file. A dangling symbolic link is a file. */
static bool is_absent(const struct root *root, const char *path, int error)
{
	char target[ROOT_PATH_SIZE];

	return error == -ENOENT && root_link(root, path, target, sizeof(target));
}

static int unreadable(struct conf *conf, const char *path, int error)
{
	return file_error(conf, path, "cannot be read: ",
			  error == -EINVAL   ? "not a regular file"
			  : error == -ENOENT ? "a symbolic link to a file that does not exist"
					     : error_text(-error));
}

/* Cuts a text that goes on behind its limit at the last complete line. */
static int cut_text(struct conf *conf, const char *path, struct text *text)
{
	while (text->length && text->data[text->length - 1] != '\n')
		text->length--;
	text->data[text->length] = '\0';
	return file_error(conf, path, "larger than 1 MiB. The rest is not read", "");
}

static int add_file(struct confdir *confdir, const struct root *root, const char *path,
		    bool generated)
{
	size_t limit = generated ? CONF_KEEP_MAX : CONF_FILE_MAX;
	char absolute[ROOT_PATH_SIZE];
	struct conf_file *file;
	int error;

	if (ARRAY_GROW(confdir->files, confdir->file_count))
		return -ENOMEM;
	file = &confdir->files[confdir->file_count];
	*file = (struct conf_file){ .generated = generated };
	error = root_read_file(root, path, limit, &file->text);
	if (is_absent(root, path, error))
		return 0;
	confdir->file_count++;
	file->path = strdup(path);
	if (!file->path)
		return -ENOMEM;
	if (error < 0)
		return unreadable(&confdir->conf, path, error);
	if (error > 0 && cut_text(&confdir->conf, path, &file->text))
		return -ENOMEM;
	string_join(absolute, sizeof(absolute), "/", path, NULL);
	return conf_parse(&confdir->conf, absolute, text_string(&file->text), file->text.length,
			  generated);
}

static int add_dropins(struct confdir *confdir, const struct root *root)
{
	char **names = NULL;
	size_t count = 0;
	int error = root_names(root, CONFDIR_DROPINS, &names, &count);

	if (error)
		return is_absent(root, CONFDIR_DROPINS, error)
			       ? 0
			       : unreadable(&confdir->conf, CONFDIR_DROPINS, error);
	for (size_t i = 0; i < count && !error; i++) {
		char path[ROOT_PATH_SIZE];

		if (!suffix_find(names[i], ".conf"))
			continue;
		string_join(path, sizeof(path), CONFDIR_DROPINS "/", names[i], NULL);
		error = add_file(confdir, root, path, false);
	}
	names_free(names, count);
	return error;
}

int confdir_read(const struct root *root, struct confdir *ret)
{
	/* First what protects the host: no limit on a person's files may leave a line of it out. */
	int error = add_file(ret, root, CONFDIR_KEEP, true);

	if (!error)
		error = add_file(ret, root, CONFDIR_MAIN, false);
	return error ? error : add_dropins(ret, root);
}

struct conf_file *confdir_file(const struct confdir *confdir, const char *path)
{
	for (size_t i = 0; i < confdir->file_count; i++)
		if (!strcmp(confdir->files[i].path, path))
			return &confdir->files[i];
	return NULL;
}

bool conf_file_says_same(const struct conf_file *file, const struct text *text)
{
	return conf_says_same(text_string(&file->text), file->text.length, text_string(text),
			      text->length);
}

void confdir_statement(const struct confdir *confdir, const struct place *place, char *buffer)
{
	const struct conf_file *file = confdir_file(confdir, place->file + 1);
	const char *line = file ? text_string(&file->text) : NULL, *end;
	size_t size;

	if (line)
		line += text_mark_length(line, file->text.length);
	for (unsigned int i = 1; line && i < place->line; i++)
		line = line_next(line);
	*buffer = '\0';
	if (!line)
		return;
	line += strspn(line, " \t");
	end = conf_comment(line, line + strcspn(line, "\n"));
	while (end > line && strchr(" \t\r", end[-1]))
		end--;
	size = end - line + 1;
	string_copy(buffer, size < CONF_STATEMENT_SIZE ? size : CONF_STATEMENT_SIZE, line);
}

int confdir_copy(const struct confdir *confdir, const struct root *root, const char *directory)
{
	int first = 0;

	for (size_t i = 0; i < confdir->file_count; i++) {
		const struct conf_file *file = &confdir->files[i];
		char path[ROOT_PATH_SIZE];
		int error;

		if (file->generated)
			continue;
		string_join(path, sizeof(path), directory, file->path, NULL);
		error = root_create(root, path, text_string(&file->text), file->text.length);
		if (!first)
			first = error;
	}
	return first;
}

void confdir_done(struct confdir *confdir)
{
	for (size_t i = 0; i < confdir->file_count; i++) {
		free(confdir->files[i].path);
		text_done(&confdir->files[i].text);
	}
	free(confdir->files);
	conf_done(&confdir->conf);
	*confdir = (struct confdir){ 0 };
}
