/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot as a whole: did the program run, was it told not to, and was its config the one that
 * lies in /etc now?
 */

#include "status/notices.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What the functions below work with. */
struct finding {
	const struct machine *machine;
	const struct boot_report *report;
	struct notices *notices;
};

static struct notice *add_notice(const struct finding *finding, const char *kind)
{
	struct notices *notices = finding->notices;

	if (ARRAY_GROW(notices->items, notices->count))
		return NULL;
	notices->items[notices->count] = (struct notice){ .kind = kind };
	return &notices->items[notices->count++];
}

/* Is the report of another kernel than the one that runs? */
static bool is_of_another_kernel(const struct finding *finding)
{
	char running[128];

	return root_read(&finding->machine->root, "proc/sys/kernel/osrelease", running,
			 sizeof(running)) > 0 &&
	       strcmp(running, finding->report->kernel);
}

static bool was_edited_since(const struct finding *finding, const char *path)
{
	struct stat st;

	return finding->report->time &&
	       fstatat(finding->machine->root.fd, path, &st, 0) == 0 &&
	       st.st_mtime > finding->report->time;
}

static int add_edited(const struct finding *finding, const char *path, const char *what)
{
	struct notice *notice = add_notice(finding, "edited");

	if (!notice)
		return -ENOMEM;
	text_add(&notice->text, "/", path, what);
	text_add(&notice->next, ADVICE_APPLY);
	return 0;
}

/* The files of the config as they are, against those that the boot used. */
static int find_edited(const struct finding *finding)
{
	const struct confdir *now = &finding->machine->confdir;
	const struct confdir *then = &finding->report->confdir;
	int error = 0;

	for (size_t i = 0; i < now->file_count && !error; i++) {
		const struct conf_file *file = &now->files[i];
		const struct conf_file *copy = boot_report_file(then, file->path);

		if (file->generated || (copy && text_equal(&file->text, &copy->text)))
			continue;
		error = add_edited(
			finding, file->path,
			was_edited_since(finding, file->path)
				? " was edited since the boot"
			: copy ? " is not what this boot's image was built with"
			       : " is not in this boot's image");
	}
	for (size_t i = 0; i < then->file_count && !error; i++)
		if (!boot_report_file(now, then->files[i].path))
			error = add_edited(finding, then->files[i].path,
					   " is gone; this boot used it");
	return error;
}

/* The boot as a whole: at most one of these holds. */
static const struct {
	const char *kind, *text, *next;
} boots[] = {
	{ "no-report",
	  "the boot program has left no report: it is not in this boot's image, or did not end",
	  NULL },
	{ "other-boot", "the report in /run/vfio-early is of another boot", NULL },
	{ "off", "vfio_early=off is on the kernel command line: this boot bound nothing",
	  "reboot without it" },
	{ "dry-run",
	  "vfio_early=dry-run is on the kernel command line: this boot bound nothing",
	  "reboot without it" },
};

enum { BOOT_NO_REPORT, BOOT_OTHER, BOOT_OFF, BOOT_DRY_RUN, BOOT_NORMAL };

static int judge_boot(const struct finding *finding)
{
	const struct boot_report *report = finding->report;

	if (!report->found)
		return BOOT_NO_REPORT;
	if (report->lasts || is_of_another_kernel(finding))
		return BOOT_OTHER;
	for (int i = BOOT_OFF; i <= BOOT_DRY_RUN; i++)
		if (!strcmp(report->mode, boots[i].kind))
			return i;
	return BOOT_NORMAL;
}

static int add_boot(const struct finding *finding, int boot)
{
	struct notice *notice = add_notice(finding, boots[boot].kind);

	if (!notice)
		return -ENOMEM;
	text_add(&notice->text, boots[boot].text);
	if (boots[boot].next)
		text_add(&notice->next, boots[boot].next);
	else
		text_add(&notice->next, ADVICE_APPLY);
	return 0;
}

/* A boot whose program ended before its end: its log has the same words. */
static int add_note(const struct finding *finding)
{
	struct notice *notice = add_notice(finding, "stopped");

	if (!notice)
		return -ENOMEM;
	text_add(&notice->text, "the boot program stopped: ", finding->report->note);
	text_add(&notice->next, ADVICE_APPLY);
	return 0;
}

/* A person who mistyped "off" must not think that it had an effect. */
static int add_wrong_switch(const struct finding *finding)
{
	struct notice *notice = add_notice(finding, "unknown-switch");

	if (!notice)
		return -ENOMEM;
	text_add(
		&notice->text, "vfio_early=", finding->report->wrong,
		" is on the kernel command line: not off, dry-run or a [NAME] of the config");
	text_add(&notice->next, "correct that word, then reboot");
	return 0;
}

static int texts_error(const struct notices *notices)
{
	for (size_t i = 0; i < notices->count; i++)
		if (notices->items[i].text.failed || notices->items[i].next.failed)
			return -ENOMEM;
	return 0;
}

int notices_find(const struct machine *machine, const struct boot_report *report,
		 struct notices *ret)
{
	const struct finding finding = { machine, report, ret };
	bool wanted = conf_has_bind(&machine->confdir.conf);
	int boot = judge_boot(&finding);
	int error = 0;

	ret->usable = boot == BOOT_NORMAL && !*report->note;
	if (boot < BOOT_NORMAL && wanted)
		error = add_boot(&finding, boot);
	if (!error && boot > BOOT_OTHER && *report->wrong)
		error = add_wrong_switch(&finding);
	if (!error && (boot == BOOT_NORMAL || boot == BOOT_DRY_RUN))
		error = find_edited(&finding);
	if (!error && boot == BOOT_NORMAL && *report->note && !ret->count && wanted)
		error = add_note(&finding);
	return error ? error : texts_error(ret);
}

void notices_done(struct notices *notices)
{
	for (size_t i = 0; i < notices->count; i++) {
		text_done(&notices->items[i].text);
		text_done(&notices->items[i].next);
	}
	free(notices->items);
	*notices = (struct notices){ 0 };
}
