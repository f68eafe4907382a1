/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early apply: the config is checked, the images are built anew, and looked into: did
 * they come out as they should?
 */

#include <stdio.h>
#include <string.h>

#include "audit-print.h"
#include "command.h"
#include "danger/danger.h"
#include "finding-print.h"
#include "image/audit.h"
#include "image/rebuild.h"
#include "lib/interrupt.h"
#include "lib/printable.h"
#include "lib/program.h"
#include "machine/machine.h"

struct apply {
	const struct request *request;
	struct machine machine;
	struct findings dangers;
	struct rebuild rebuild;
};

static void apply_done(struct apply *apply)
{
	findings_done(&apply->dangers);
	machine_done(&apply->machine);
}

static enum status load(struct apply *apply)
{
	enum status status = load_machine(apply->request, &apply->machine);

	if (status != STATUS_WELL)
		return status;
	machine_print_errors(&apply->machine, "");
	if (apply->request->json)
		json_errors(apply->request->json, &apply->machine.confdir.conf);
	if (apply->machine.confdir.conf.error_total) {
		complain("the config has errors: no image is built; correct them first");
		return STATUS_CONFIG;
	}
	status = require_devices(&apply->machine);
	if (status != STATUS_WELL)
		return status;
	if (dangers_find(&apply->machine, &apply->dangers))
		return fail("the config cannot be checked", -ENOMEM);
	if (apply->request->json)
		findings_json(apply->request->json, &apply->dangers, NULL, 0);
	return STATUS_WELL;
}

/* Prints the dangers, and what a line permits. */
static void print_dangers(const struct findings *dangers)
{
	for (size_t i = 0; i < dangers->count; i++)
		if (dangers->items[i].severity != SEVERITY_NOTE)
			finding_print(stderr, &dangers->items[i], false);
}

/* Prints what is for people only. */
static void print_line(const struct apply *apply, const char *line)
{
	if (!apply->request->json)
		puts(line);
}

/* Dangers need a yes, from a person or from the command line. */
static bool is_agreed(const struct apply *apply)
{
	const struct request *request = apply->request;

	print_dangers(&apply->dangers);
	if (!findings_count_dangers(&apply->dangers) || request->yes || request->dry_run)
		return true;
	if (!can_ask()) {
		complain("there are dangers: no image is built; --yes builds them all the same");
		return false;
	}
	return ask_yes("Build the images all the same?", false);
}

/*
 * Inspects all images, and prints what was found if `print` is true. Returns STATUS_WELL if that
 * was possible; `*ret_judged` says how the images are.
 */
static enum status inspect_images(const struct apply *apply, bool print, enum status *ret_judged)
{
	_cleanup_(audits_done) struct audits audits = { 0 };
	const struct request *request = apply->request;
	enum status status = make_audits(request->root, request->arguments, &audits);

	*ret_judged = audits_status(&audits);
	if (request->json)
		audits_add_json(&audits, request->json); /* in the place of earlier ones */
	else if (status == STATUS_WELL && print && audits_print(&audits, request->color))
		return fail("apply", -ENOMEM);
	return status;
}

/* What failed, and what state that leaves /boot in. */
static enum status report_failure(const struct apply *apply, const char *line, int result)
{
	enum status judged;
	struct text end = { 0 };

	program_add_end(result, &end);
	complain("%s: failed: %s; images that it did not build are the old ones:", line,
		 text_string(&end));
	text_done(&end);
	if (inspect_images(apply, true, &judged) == STATUS_WELL && judged == STATUS_WELL)
		complain("every image is as the config wants it all the same");
	return STATUS_ENVIRONMENT;
}

static void add_json_step(const struct apply *apply, const char *line, int result)
{
	struct json *json = apply->request->json;

	if (!json)
		return;
	json_open(json, NULL, '{');
	json_string(json, "command", line);
	json_string(json, "result",
		    apply->request->dry_run ? "planned"
		    : result		    ? "failed"
					    : "done");
	json_close(json);
}

/* Runs a program, `line` for people. Returns its result. */
static int run_step(const struct apply *apply, const char *const *step, const char *line)
{
	const struct request *request = apply->request;
	int result = 0;

	if (!request->json)
		printable_print(stdout, "%s: %s\n", request->dry_run ? "would run" : "running",
				line);
	if (!request->dry_run)
		result = program_run(step, request->json != NULL);
	add_json_step(apply, line, result);
	return result;
}

static enum status report_end(const struct apply *apply, const char *line, int result)
{
	if (!interrupt_caught())
		return result ? report_failure(apply, line, result) : STATUS_WELL;
	complain("%s: interrupted; \"vfio-early audit\" tells which images are the old ones", line);
	return STATUS_ENVIRONMENT;
}

static enum status rebuild(const struct apply *apply)
{
	struct json *json = apply->request->json;
	struct text line = { 0 };
	enum status status;
	int result = 0;

	interrupt_hold(); /* ends after what is to be said of it */
	if (json)
		json_open(json, "commands", '[');
	for (size_t i = 0; i < apply->rebuild.count && !result && !interrupt_caught(); i++) {
		text_done(&line);
		program_add_line(apply->rebuild.steps[i], &line);
		result = run_step(apply, apply->rebuild.steps[i], text_string(&line));
	}
	if (json)
		json_close(json);
	status = report_end(apply, text_string(&line), result);
	text_done(&line);
	interrupt_release();
	return status;
}

/* Did it help? */
static enum status verify(const struct apply *apply)
{
	enum status judged, status = inspect_images(apply, true, &judged);

	if (status != STATUS_WELL)
		return status;
	if (judged == STATUS_DUE) {
		complain("the images were built anew, and are not as the config wants them: "
			 "is the hook of vfio-early installed?");
		return STATUS_UNWANTED;
	}
	if (judged == STATUS_WELL)
		print_line(apply, "every image is as the config wants it; next: reboot");
	return judged;
}

/* Nothing that building anew would change. */
static enum status report_no_need(const struct apply *apply, enum status judged)
{
	if (judged == STATUS_WELL) {
		print_line(apply, "nothing to do: every image is as the config wants it; "
				  "\"vfio-early status\" tells whether this boot used it");
		return STATUS_WELL;
	}
	if (inspect_images(apply, true, &judged) == STATUS_WELL)
		complain("no image is built: that would not help");
	return judged;
}

static enum status apply_images(struct apply *apply)
{
	enum status judged, status = inspect_images(apply, false, &judged);

	if (status != STATUS_WELL)
		return status;
	if (judged == STATUS_WELL || judged == STATUS_UNWANTED)
		return report_no_need(apply, judged);
	rebuild_plan(&apply->machine.root, &apply->rebuild);
	if (!apply->rebuild.count) {
		complain("neither update-initramfs nor dracut is installed: the images cannot "
			 "be built");
		return STATUS_ENVIRONMENT;
	}
	if (!is_agreed(apply))
		return STATUS_UNWANTED;
	status = rebuild(apply);
	if (status != STATUS_WELL)
		return status;
	return apply->request->dry_run ? STATUS_DUE : verify(apply);
}

static enum status run(const struct request *request)
{
	_cleanup_(apply_done) struct apply apply = { .request = request };
	enum status status;

	if (strcmp(request->root, "/") && !request->dry_run) {
		complain("apply: --root only with --dry-run: the image generator works on this "
			 "machine; for another root, run vfio-early in it with chroot");
		return STATUS_USAGE;
	}
	status = load(&apply);
	return status == STATUS_WELL ? apply_images(&apply) : status;
}

const struct command command_apply = {
	.name = "apply",
	.arguments = "",
	.summary = "check the config, build the images anew, and look into them",
	.details =
		"Builds the images of all installed kernels anew, if one of them is not as the\n"
		"config wants it, with update-initramfs or dracut, whichever is installed, and with\n"
		"proxmox-boot-tool where that is; then looks into them, as audit does. An error in\n"
		"the config stops it, a danger asks first. The reboot is left to you.\n\n"
		"Exit status: 0 every image is as the config wants it (\"status\" tells whether this\n"
		"boot used it, or a reboot is due), 1 dangers were not agreed to, or an image is not\n"
		"as it should be all the same, 3 the config has errors, 4 a rebuild failed, or an\n"
		"image cannot be read, 5 with --dry-run: there is something to do.",
	.options = OPTION_ROOT | OPTION_DRY_RUN | OPTION_YES | OPTION_JSON,
	.run = run,
};
