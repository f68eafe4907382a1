/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose the config is: what anybody can write may not decide what becomes of a device. */

#include "machine/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool is_roots_own(const struct root *root)
{
	struct stat st;

	return fstat(root->fd, &st) == 0 && st.st_uid == 0;
}

char *trust_problem(const struct root *root, const char *path)
{
	_cleanup_(closep) int fd = root_descriptor(root, path, O_PATH);
	const char *what, *help;
	char *problem;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !is_roots_own(root))
		return NULL;
	if (st.st_uid != 0) {
		what = "is not owned by root";
		help = "chown root:root";
	} else if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		what = "can be written by users other than root";
		help = "chmod go-w";
	} else {
		return NULL;
	}
	if (asprintf(&problem, "%s. Run: %s /%s", what, help, path) < 0)
		return NULL;
	return problem;
}

/* Takes out the rules of the file, or of those in the directory. */
static void drop_rules(struct conf *conf, const char *path)
{
	size_t kept = 0;

	for (size_t i = 0; i < conf->count; i++) {
		const char *rest = prefix_skip(conf->rules[i].place.file, path);

		if (!rest || (*rest && *rest != '/'))
			conf->rules[kept++] = conf->rules[i];
	}
	conf->count = kept;
}

static int refuse(const char *path, const char *problem, struct conf *conf)
{
	_cleanup_(freep) char *absolute = NULL;
	struct place place = { 0 };

	if (asprintf(&absolute, "/%s", path) < 0)
		return -ENOMEM;
	drop_rules(conf, absolute);
	place.file = conf_string(conf, absolute);
	return place.file ? conf_error(conf, (struct conf_error){ .place = place, .keep = true },
				       NULL, problem)
			  : -ENOMEM;
}

static int check(const struct root *root, const char *path, struct conf *conf)
{
	_cleanup_(freep) char *problem = trust_problem(root, path);

	return problem ? refuse(path, problem, conf) : 0;
}

int trust_confdir(const struct root *root, struct confdir *confdir)
{
	int error = check(root, CONFDIR_DROPINS, &confdir->conf);

	for (size_t i = 0; i < confdir->file_count && !error; i++)
		if (!confdir->files[i].generated)
			error = check(root, confdir->files[i].path, &confdir->conf);
	return error;
}

/* What lies in an image instead of a file that was refused. */
static int copy_refusal(const struct root *dest, const char *path, const char *problem)
{
	_cleanup_(freep) char *text = NULL;
	int length = asprintf(&text,
			      "# Left out when this image was built:\n"
			      "# /%s %s\nrefused\n",
			      path, problem);

	return length < 0 ? -ENOMEM : root_create(dest, path, text, length);
}

static int copy_file(const struct root *root, const struct conf_file *file,
		     const char *directory_problem, const struct root *dest)
{
	_cleanup_(freep) char *problem = trust_problem(root, file->path);

	if (problem)
		return copy_refusal(dest, file->path, problem);
	if (directory_problem && prefix_skip(file->path, CONFDIR_DROPINS "/"))
		return copy_refusal(dest, file->path, directory_problem);
	return root_create(dest, file->path, text_string(&file->text), file->text.length);
}

int trust_copy(const struct root *root, const struct confdir *confdir, const struct root *dest)
{
	_cleanup_(freep) char *directory = trust_problem(root, CONFDIR_DROPINS);
	int first = 0;

	for (size_t i = 0; i < confdir->file_count; i++) {
		const struct conf_file *file = &confdir->files[i];
		int error = file->generated ? 0 : copy_file(root, file, directory, dest);

		if (!first)
			first = error;
	}
	return first;
}
