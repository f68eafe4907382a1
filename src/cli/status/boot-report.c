/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot did, from /run/vfio-early: its report, and the config that it used. */

#include "status/boot-report.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#define TMPFS_MAGIC 0x01021994 /* include/uapi/linux/magic.h */
#define RAMFS_MAGIC 0x858458f6

static void read_head(struct boot_report *report, const struct report_head *head)
{
	report->found = head->version == REPORT_VERSION;
	report->kernel = head->kernel;
	report->mode = head->mode;
	report->note = head->note;
	report->wrong = head->wrong;
	report->time = head->time;
}

static int read_records(struct boot_report *report)
{
	struct report_record record;
	char *cursor = report->text.data;

	while (cursor && report_next(&cursor, &record)) {
		if (record.kind == REPORT_HEAD) {
			read_head(report, &record.head);
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

int boot_report_read(const struct root *root, const char *directory, struct boot_report *ret)
{
	int error;

	ret->kernel = ret->note = ret->wrong = "";
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

const struct report_function *boot_report_function(const struct boot_report *report,
						   const struct pci_address *address)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct report_function *function = &report->records[i].function;

		if (report->records[i].kind == REPORT_FUNCTION &&
		    !pci_address_compare(&function->address, address))
			return function;
	}
	return NULL;
}

const struct report_line *boot_report_line(const struct boot_report *report, const char *place)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->records[i].kind == REPORT_LINE &&
		    !strcmp(report->records[i].line.place, place))
			return &report->records[i].line;
	return NULL;
}

bool boot_report_rescued(const struct boot_report *report, const struct pci_address *address)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct report_rescue *rescue = &report->records[i].rescue;

		if (report->records[i].kind == REPORT_RESCUE && rescue->released &&
		    !pci_address_compare(&rescue->address, address))
			return true;
	}
	return false;
}

void boot_report_done(struct boot_report *report)
{
	free(report->records);
	confdir_done(&report->confdir);
	text_done(&report->text);
	*report = (struct boot_report){ 0 };
}
