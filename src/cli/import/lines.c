/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of others that are made of lines. */

#include "import/lines.h"

#include <string.h>

#include "lib/printable.h"

#define BLANKS " \t\r"

/*
 * Joins "\" at the ends of lines with the next, as modprobe.d(5) has it: how many were joined.
 */
static unsigned int join(char *text)
{
	unsigned int joined = 0;

	for (char *end; (end = text + strcspn(text, "\n")) > text && *end;) {
		char *last = end[-1] == '\r' && end - text > 1 ? end - 2 : end - 1;

		if (*last != '\\')
			break;
		memmove(last, end + 1, strlen(end + 1) + 1);
		joined++;
	}
	return joined;
}

static char *trim(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length && strchr(BLANKS, text[length - 1]))
		text[--length] = '\0';
	return text;
}

static int read_lines(const char *path, char *text, line_reader *read_line, void *context)
{
	/* In Proxmox VE's files "\\" is a character like any other, also at the end of a line. */
	bool joins = !prefix_skip(path, "etc/pve/");
	unsigned int number = 1, joined;
	int error = 0;

	for (char *next; text && *text && !error; text = next, number += joined + 1) {
		struct file_line line = { .path = path, .number = number };

		joined = joins ? join(text) : 0;
		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		line.text = trim(text);
		if (*line.text && *line.text != '#')
			error = read_line(context, &line);
	}
	return error;
}

int lines_read(const struct root *root, const char *path, line_reader *read_line, void *context)
{
	struct text text = { 0 };
	int error = root_read_file(root, path, LINES_FILE_MAX, &text);

	if (error == -ENOMEM)
		return error;
	error = error < 0 || !text.length
			? 0
			: read_lines(path, text.data + text_mark_length(text.data, text.length),
				     read_line, context);
	text_done(&text);
	return error;
}

int files_each(const struct root *root, const char *directory, const char *suffix,
	       file_reader *read_file, void *context)
{
	char **names = NULL, path[ROOT_PATH_SIZE];
	size_t count = 0;
	int error = root_names_if_any(root, directory, &names, &count);

	for (size_t i = 0; i < count && !error; i++)
		if (suffix_find(names[i], suffix) &&
		    string_join(path, sizeof(path), directory, "/", names[i], NULL))
			error = read_file(context, path, path + strlen(path) - strlen(names[i]));
	names_free(names, count);
	return error;
}

struct all_lines {
	const struct root *root;
	line_reader *read_line;
	void *context;
};

static int read_one_file(void *context, const char *path, const char *name)
{
	const struct all_lines *all = context;

	(void)name;
	return lines_read(all->root, path, all->read_line, all->context);
}

int lines_read_all(const struct root *root, const char *directory, const char *suffix,
		   line_reader *read_line, void *context)
{
	struct all_lines all = { root, read_line, context };

	return files_each(root, directory, suffix, read_one_file, &all);
}

void lines_add_place(const struct file_line *line, struct text *text)
{
	text_add(text, "/");
	printable_add(text, line->path);
	if (line->number) {
		text_add(text, ":");
		text_add_number(text, line->number, 10, 1);
	}
}
