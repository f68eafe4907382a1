/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot did, from /run/vfio-early: its report, and the config that it used. */

#include "status/boot-report.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#define TMPFS_MAGIC 0x01021994 /* include/uapi/linux/magic.h */
#define RAMFS_MAGIC 0x858458f6

static void read_header(struct boot_report *report, const struct report_record *record)
{
	uint64_t number;

	if (number_parse(report_value(record, "version"), 10, UINT32_MAX, &number))
		report->found = number == REPORT_VERSION;
	if (number_parse(report_value(record, "time"), 10, INT64_MAX, &number))
		report->time = number;
	report->kernel = report_value(record, "kernel");
	report->mode = report_value(record, "mode");
	report->note = report_value(record, "note");
	report->wrong = report_value(record, "wrong");
}

static int read_records(struct boot_report *report)
{
	struct report_record record;
	char *cursor = report->text.data;

	while (cursor && report_next(&cursor, &record)) {
		if (!strcmp(record.word, "report")) {
			read_header(report, &record);
			continue;
		}
		if (ARRAY_GROW(report->records, report->count))
			return -ENOMEM;
		report->records[report->count++] = record;
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

int boot_report_read(const struct root *root, const char *directory,
		     struct boot_report *ret)
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

const struct report_record *boot_report_function(const struct boot_report *report,
						 const char *address, const char *place)
{
	const struct report_record *found = NULL;

	for (size_t i = 0; i < report->count; i++) {
		const struct report_record *record = &report->records[i];

		if (strcmp(record->word, "function") ||
		    strcmp(report_value(record, "address"), address))
			continue;
		if (place && !strcmp(report_value(record, "line"), place))
			return record;
		found = found ? found : record;
	}
	return found;
}

/* The first record of that word with that field, or NULL. */
static const struct report_record *find_record(const struct boot_report *report,
					       const char *word, const char *key,
					       const char *value)
{
	for (size_t i = 0; i < report->count; i++)
		if (!strcmp(report->records[i].word, word) &&
		    !strcmp(report_value(&report->records[i], key), value))
			return &report->records[i];
	return NULL;
}

const struct report_record *boot_report_line(const struct boot_report *report,
					     const char *place)
{
	return find_record(report, "line", "at", place);
}

bool boot_report_rescued(const struct boot_report *report, const char *address)
{
	const struct report_record *record =
		find_record(report, "rescue", "address", address);

	return record && !strcmp(report_value(record, "result"), "released");
}

void boot_report_done(struct boot_report *report)
{
	free(report->records);
	confdir_done(&report->confdir);
	text_done(&report->text);
	*report = (struct boot_report){ 0 };
}
