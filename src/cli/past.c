/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot did, from /run/vfio-early: its report, and the config that it used. */

#include "past.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#define REPORT_MAX (4 * 1024 * 1024)
#define TMPFS_MAGIC 0x01021994 /* include/uapi/linux/magic.h */
#define RAMFS_MAGIC 0x858458f6

static void read_header(struct past *past, const struct report_record *record)
{
	uint64_t number;

	if (number_parse(report_value(record, "version"), 10, UINT32_MAX, &number))
		past->found = number == REPORT_VERSION;
	if (number_parse(report_value(record, "time"), 10, INT64_MAX, &number))
		past->time = number;
	past->kernel = report_value(record, "kernel");
	past->mode = report_value(record, "mode");
	past->note = report_value(record, "note");
	past->wrong = report_value(record, "wrong");
}

static int read_records(struct past *past)
{
	struct report_record record;
	char *cursor = past->text.data;

	while (cursor && report_next(&cursor, &record)) {
		if (!strcmp(record.word, "report")) {
			read_header(past, &record);
			continue;
		}
		if (ARRAY_GROW(past->records, past->count))
			return -ENOMEM;
		past->records[past->count++] = record;
	}
	return 0;
}

/* Files in memory are gone with a reboot. Of a captured machine nothing can be said. */
static bool survives_reboot(const struct root *root)
{
	_cleanup_(closep) int fd =
		root->live ? root_descriptor(root, REPORT_DIRECTORY, O_RDONLY) : -1;
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type != TMPFS_MAGIC &&
	       fs.f_type != RAMFS_MAGIC;
}

/* The copies lie below REPORT_DIRECTORY as the config's files do below the root. */
static int read_confdir(const char *directory, struct confdir *confdir)
{
	_cleanup_(root_done) struct root root = ROOT_NONE;
	_cleanup_(freep) char *path = NULL;
	int error;

	if (asprintf(&path, "%s/" REPORT_DIRECTORY, directory) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	error = root_open(&root, path);
	return error ? error : confdir_read(&root, confdir);
}

int past_read(const struct root *root, const char *directory, struct past *ret)
{
	int error;

	ret->kernel = ret->mode = ret->note = ret->wrong = "";
	error = root_read_file(root, REPORT_FILE, REPORT_MAX, &ret->text);
	if (error == -ENOENT)
		return 0;
	if (error >= 0)
		error = read_records(ret);
	if (!error)
		error = read_confdir(directory, &ret->confdir);
	ret->lasts = survives_reboot(root);
	return error;
}

const struct report_record *past_function(const struct past *past, const char *address,
					  const char *place)
{
	const struct report_record *found = NULL;

	for (size_t i = 0; i < past->count; i++) {
		const struct report_record *record = &past->records[i];

		if (strcmp(record->word, "function") ||
		    strcmp(report_value(record, "address"), address))
			continue;
		if (place && !strcmp(report_value(record, "line"), place))
			return record;
		found = found ? found : record;
	}
	return found;
}

const struct conf_file *past_file(const struct confdir *confdir, const char *path)
{
	for (size_t i = 0; i < confdir->file_count; i++)
		if (!strcmp(confdir->files[i].path, path))
			return &confdir->files[i];
	return NULL;
}

/* The first record of that word with that field, or NULL. */
static const struct report_record *find_record(const struct past *past, const char *word,
					       const char *key, const char *value)
{
	for (size_t i = 0; i < past->count; i++)
		if (!strcmp(past->records[i].word, word) &&
		    !strcmp(report_value(&past->records[i], key), value))
			return &past->records[i];
	return NULL;
}

const struct report_record *past_line(const struct past *past, const char *place)
{
	return find_record(past, "line", "at", place);
}

bool past_rescued(const struct past *past, const char *address)
{
	const struct report_record *record =
		find_record(past, "rescue", "address", address);

	return record && !strcmp(report_value(record, "result"), "released");
}

void past_done(struct past *past)
{
	free(past->records);
	confdir_done(&past->confdir);
	text_done(&past->text);
	*past = (struct past){ 0 };
}
