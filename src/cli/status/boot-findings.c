/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot as a whole: did the program run, was it told not to, and was its config the one that
 * lies in /etc now?
 */

#include "status/boot-findings.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "machine/boot-loader.h"

/* Is the report of another kernel than the one that runs? */
static bool is_of_another_kernel(const struct machine *machine, const struct boot_report *report)
{
	char running[128];

	return root_read(&machine->root, "proc/sys/kernel/osrelease", running, sizeof(running)) >
		       0 &&
	       strcmp(running, report->kernel);
}

static bool was_edited_since(const struct machine *machine, const struct boot_report *report,
			     const char *path)
{
	struct stat st;

	return report->time && fstatat(machine->root.fd, path, &st, 0) == 0 &&
	       st.st_mtime > report->time;
}

/* Compares the files of the config with those that the boot used. */
static void find_edited(const struct machine *machine, const struct boot_report *report,
			struct findings *ret)
{
	const struct confdir *now = &machine->confdir, *then = &report->confdir;
	const struct text nothing = { 0 };

	for (size_t i = 0; i < now->file_count; i++) {
		const struct conf_file *file = &now->files[i];
		const struct conf_file *copy = confdir_file(then, file->path);

		if (file->generated || conf_file_says_same(file, copy ? &copy->text : &nothing))
			continue;
		findings_add_text(ret, FINDING_EDITED, "/", file->path,
				  was_edited_since(machine, report, file->path)
					  ? " was edited since the boot"
				  : copy ? " is not what this boot's image was built with"
					 : " is not in this boot's image");
	}
	for (size_t i = 0; i < then->file_count; i++)
		if (!confdir_file(now, then->files[i].path) &&
		    !conf_file_says_same(&then->files[i], &nothing))
			findings_add_text(ret, FINDING_EDITED, "/", then->files[i].path,
					  " is gone; this boot used it");
}

/* The boot as a whole: at most one of these holds. */
static const struct {
	enum finding_kind kind;
	const char *text;
} boots[] = {
	{ FINDING_NO_REPORT,
	  "the boot program has left no report: it is not in this boot's image, or did not "
	  "end" },
	{ FINDING_OTHER_BOOT, "the report in /run/vfio-early is of another boot" },
	{ FINDING_OFF, "vfio_early=off is on the kernel command line: this boot bound nothing" },
	{ FINDING_DRY_RUN,
	  "vfio_early=dry-run is on the kernel command line: this boot bound nothing" },
};

enum { BOOT_NO_REPORT, BOOT_OTHER, BOOT_OFF, BOOT_DRY_RUN, BOOT_NORMAL };

static int boot_of(const struct machine *machine, const struct boot_report *report)
{
	if (!report->found)
		return BOOT_NO_REPORT;
	if (report->lasts || is_of_another_kernel(machine, report))
		return BOOT_OTHER;
	return report->mode == MODE_OFF	      ? BOOT_OFF
	       : report->mode == MODE_DRY_RUN ? BOOT_DRY_RUN
					      : BOOT_NORMAL;
}

/* The word may have been typed at the boot menu, or a file has it for each boot. */
static void add_boot(const struct machine *machine, int boot, struct findings *ret)
{
	struct finding finding = finding_make(boots[boot].kind);

	text_add(&finding.text, boots[boot].text);
	if (boot == BOOT_OFF || boot == BOOT_DRY_RUN) {
		text_add(&finding.remedy, "; if each boot has it, ");
		boot_loader_add_edit(&machine->root, "remove it from", &finding.remedy);
	}
	findings_add(ret, &finding);
}

/* A person who mistyped "off" must not think that it had an effect. */
static void find_unknown_switch(const struct machine *machine, const struct boot_report *report,
				struct findings *ret)
{
	struct finding finding = finding_make(FINDING_UNKNOWN_SWITCH);

	machine_find_unknown_switch(machine, report->wrong, &finding);
	text_add(&finding.remedy, ", then reboot");
	findings_add(ret, &finding);
}

int boot_findings_find(const struct machine *machine, const struct boot_report *report,
		       struct findings *ret, bool *ret_usable)
{
	bool wanted = conf_has_bind(&machine->confdir.conf);
	int boot = boot_of(machine, report);

	ret->object = "this boot";
	*ret_usable = boot == BOOT_NORMAL && !*report->note;
	if (boot < BOOT_NORMAL && wanted)
		add_boot(machine, boot, ret);
	if (boot > BOOT_OTHER)
		find_unknown_switch(machine, report, ret);
	if (boot == BOOT_NORMAL || boot == BOOT_DRY_RUN)
		find_edited(machine, report, ret);
	/* The program ended before its end: the log has the same words. */
	if (boot == BOOT_NORMAL && *report->note && !ret->count && wanted)
		findings_add_text(ret, FINDING_STOPPED, "the boot program stopped: ", report->note);
	return findings_error(ret);
}
