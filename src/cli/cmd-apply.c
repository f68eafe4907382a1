/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early apply: checks the config, builds the images again, and inspects them: is each as the
 * config wants it?
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
	struct audits images; /* before the rebuild, and then after it */
};

/* What a generator has reported so far. */
struct build {
	const struct audits *images;
	bool json; /* standard output is for JSON alone */
	struct progress progress;
	bool *started;		   /* for each image */
	size_t count;		   /* of those that are started */
	const struct audit *image; /* the last of them, or NULL */
};

static void apply_done(struct apply *apply)
{
	audits_done(&apply->images);
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
		complain("the config has errors, so no image is built. Correct them first.");
		return STATUS_CONFIG;
	}
	status = require_devices(&apply->machine);
	if (status != STATUS_WELL)
		return status;
	if (dangers_find(&apply->machine, &apply->dangers))
		return fail("checking the config", -ENOMEM);
	if (apply->request->json)
		json_findings(apply->request->json, "dangers", &apply->dangers);
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

/* Prints how the images are. 0 or -ENOMEM. */
static int print_images(const struct apply *apply)
{
	if (!apply->request->json)
		return audits_print(&apply->images, apply->request->color);
	audits_add_json(&apply->images, apply->request->json); /* in the place of earlier ones */
	return 0;
}

/* Dangers need a yes, from a person or from the command line. */
static bool is_agreed(const struct apply *apply)
{
	const struct request *request = apply->request;

	print_dangers(&apply->dangers);
	if (!findings_count_dangers(&apply->dangers) || request->yes || request->dry_run)
		return true;
	if (!can_ask()) {
		complain("there are dangers, so no image is built. To build anyway: --yes");
		return false;
	}
	return ask_yes("Build the images anyway?", false);
}

/*
 * Inspects all images again, and prints the result. Returns STATUS_WELL if that was possible;
 * `*ret_judged` says how the images are.
 */
static enum status inspect_images(struct apply *apply, enum status *ret_judged)
{
	enum status status;

	audits_done(&apply->images);
	status = make_audits(apply->request, &apply->images);
	*ret_judged = audits_status(&apply->images);
	if (status == STATUS_WELL && print_images(apply))
		return fail("apply", -ENOMEM);
	return status;
}

/* What failed, and what state that leaves /boot in. */
static enum status report_failure(struct apply *apply, const char *line, int result)
{
	enum status judged;
	struct text end = { 0 };

	program_add_end(result, &end);
	complain("%s: failed: %s. The images that it did not build are the old ones:", line,
		 text_string(&end));
	text_done(&end);
	if (inspect_images(apply, &judged) == STATUS_WELL && judged == STATUS_WELL)
		complain("nevertheless every image is as configured");
	return STATUS_ENVIRONMENT;
}

/* Does the line contain the whole path? */
static bool has_path(const char *line, const char *path)
{
	for (const char *p = line; (p = strstr(p, path)); p++) {
		char next = p[strlen(path)];

		if (!next || strchr(" '\"", next))
			return true;
	}
	return false;
}

/* Notes the image that the generator's line names, if it is the first such line. */
static bool start_image(struct build *build, const char *line)
{
	for (size_t i = 0; i < build->images->count && build->started; i++) {
		if (build->started[i] || !has_path(line, build->images->items[i].path))
			continue;
		build->started[i] = true;
		build->image = &build->images->items[i];
		build->count++;
		return true;
	}
	return false;
}

/* Passes on what the generator prints; the first line that names an image becomes progress. */
static void read_generator(void *context, bool is_error, const char *line)
{
	struct build *build = context;
	bool started = start_image(build, line);

	if (!started) {
		progress_clear(&build->progress);
		fprintf(is_error || build->json ? stderr : stdout, "%s\n", line);
		fflush(stdout);
	}
	if (started || (build->image && build->progress.terminal))
		progress_print(&build->progress, "building", build->count, build->images->count,
			       build->image->path);
}

static int run_generator(const struct apply *apply, const char *const *step)
{
	struct build build = { .images = &apply->images,
			       .json = apply->request->json,
			       .progress = progress_new() };
	int result;

	build.started = calloc(apply->images.count, sizeof(*build.started));
	result = program_run(step, read_generator, &build);
	progress_clear(&build.progress);
	free(build.started);
	return result;
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
		result = run_generator(apply, step);
	add_json_step(apply, line, result);
	return result;
}

static enum status report_end(struct apply *apply, const char *line, int result)
{
	if (!interrupt_caught())
		return result ? report_failure(apply, line, result) : STATUS_WELL;
	complain("%s: interrupted. \"vfio-early audit\" reports which images are the old ones",
		 line);
	return STATUS_ENVIRONMENT;
}

static enum status rebuild(struct apply *apply)
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
static enum status verify(struct apply *apply)
{
	enum status judged, status = inspect_images(apply, &judged);

	if (status != STATUS_WELL)
		return status;
	if (judged == STATUS_DUE) {
		complain("the images were built, but are not as configured. Is the hook of "
			 "vfio-early installed?");
		return STATUS_UNWANTED;
	}
	if (judged == STATUS_WELL)
		print_line(apply, "every image is as configured; next: reboot");
	return judged;
}

/* Reports that a rebuild would change nothing. */
static enum status report_no_need(const struct apply *apply, enum status judged)
{
	if (judged == STATUS_WELL) {
		print_line(apply, "nothing to do: every image is as configured. \"vfio-early "
				  "status\" reports whether this boot used it");
		return STATUS_WELL;
	}
	if (print_images(apply))
		return fail("apply", -ENOMEM);
	complain("no image is built, because that would not help");
	return judged;
}

static enum status apply_images(struct apply *apply)
{
	enum status judged, status = make_audits(apply->request, &apply->images);

	if (status != STATUS_WELL)
		return status;
	judged = audits_status(&apply->images);
	if (apply->request->json && print_images(apply))
		return fail("apply", -ENOMEM);
	if (judged == STATUS_WELL || judged == STATUS_UNWANTED)
		return report_no_need(apply, judged);
	rebuild_plan(&apply->machine.root, &apply->rebuild);
	if (!apply->rebuild.count) {
		complain("cannot build the images: neither update-initramfs nor dracut is "
			 "installed");
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
		complain(
			"apply: --root works only with --dry-run, since the image generator works on "
			"this machine. For another root, run vfio-early in it with chroot.");
		return STATUS_USAGE;
	}
	status = load(&apply);
	return status == STATUS_WELL ? apply_images(&apply) : status;
}

const struct command command_apply = {
	.name = "apply",
	.arguments = "",
	.summary = "check the config, build the images again, and inspect them",
	.details =
		"If an image is not as configured, builds the images of all installed kernels again\n"
		"with update-initramfs or dracut, whichever is installed. If proxmox-boot-tool is\n"
		"installed, runs its refresh. Then inspects the images as audit does. An error in\n"
		"the config stops it, a danger asks first. Prints the progress on standard error.\n"
		"The reboot is left to you.\n\n"
		"Exit status: 0 every image is as configured (\"status\" reports whether this boot\n"
		"used it, or a reboot is due), 1 dangers were not agreed to, or an image is still\n"
		"not as configured, 3 the config has errors, 4 a rebuild failed, or an image cannot\n"
		"be read, 5 with --dry-run: there is something to do.",
	.options = OPTION_ROOT | OPTION_DRY_RUN | OPTION_YES | OPTION_JSON,
	.run = run,
};
