/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early image: writes what an initramfs gets besides the boot program. The hooks of the image
 * generators run it: every choice that needs a library is made here, when the image is built.
 */

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "image/image-plan.h"
#include "inuse/host-use.h"
#include "lib/printable.h"
#include "machine/machine.h"
#include "machine/resolver.h"
#include "machine/trust.h"

/* In front of what a generator's user should see: mkinitramfs marks its own warnings so. */
#define WARNING "W: vfio-early: "

struct image {
	const struct request *request;
	struct machine machine;
	struct resolver *resolver;
	struct image_plan plan;
};

static void image_done(struct image *image)
{
	image_plan_done(&image->plan);
	resolver_free(image->resolver);
	machine_done(&image->machine);
}

static int write_plan(const struct image *image, const struct root *dest)
{
	struct text text = { 0 };
	int error;

	loadplan_format(&image->plan.loadplan, image->machine.kernel, &text);
	error = text_error(&text);
	if (!error)
		error = root_create(dest, LOADPLAN_FILE, text.data, text.length);
	text_done(&text);
	return error;
}

/* "start init": the hook of the generator looks for this file. */
static int write_start(const struct conf *conf, const struct root *dest)
{
	return conf_starts_init(conf) ? root_create(dest, IMAGE_START_INIT, "", 0) : 0;
}

/* So that the boot program itself refuses the host's own disks and its way to the network. */
static int write_keep_lines(const struct image *image, const struct root *dest)
{
	struct text lines = { 0 }, file = { 0 };
	int error = host_use_keep_lines(&image->machine, &lines);

	if (!error && lines.length) {
		text_add(&file,
			 "# Generated: what the host itself used when this image was built.\n"
			 "# allow=in-use on a bind line takes a device anyway.\n",
			 text_string(&lines));
		error = text_error(&file);
		if (!error)
			error = root_create(dest, CONFDIR_KEEP, file.data, file.length);
	}
	text_done(&lines);
	text_done(&file);
	return error;
}

static int write_image(const struct image *image)
{
	_cleanup_(root_done) struct root dest = ROOT_NONE;
	int error = root_open(&dest, image->request->dest);

	if (!error)
		error = trust_copy(&image->machine.root, &image->machine.confdir, &dest);
	if (!error)
		error = write_start(&image->machine.confdir.conf, &dest);
	if (!error)
		error = write_keep_lines(image, &dest);
	return error ? error : write_plan(image, &dest);
}

/* The module names, for a generator that copies them in its own way. */
static void print_modules(const struct loadplan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		char name[PCI_DRIVER_SIZE];

		loadplan_module_name(plan->modules[i].path, name);
		puts(name);
	}
}

static void print_lacks(const struct image *image)
{
	for (size_t i = 0; i < image->plan.missing_count; i++) {
		const struct missing_driver *missing = &image->plan.missing[i];

		printable_print(
			stderr,
			WARNING
			"%s:%u: Linux %s has no driver %s, so the devices of this line stay fenced\n",
			missing->place->file, missing->place->line, image->machine.kernel,
			missing->driver);
	}
}

static enum status build_image(struct image *image)
{
	int error;

	image->resolver =
		resolver_new(image->request->root, image->machine.kernel, &image->machine.cmdline);
	if (!image->resolver) {
		fprintf(stderr, WARNING "Linux %s: cannot read its modules. Is it installed?\n",
			image->machine.kernel);
		return STATUS_ENVIRONMENT;
	}
	error = image_plan_make(&image->machine, image->resolver, &image->plan);
	if (!error)
		error = write_image(image);
	if (error) {
		fprintf(stderr, WARNING "%s: cannot be written: %s\n", image->request->dest,
			strerror(-error));
		return STATUS_ENVIRONMENT;
	}
	print_lacks(image);
	print_modules(&image->plan.loadplan);
	if (image->machine.confdir.conf.error_total)
		return STATUS_CONFIG;
	return image->plan.missing_count ? STATUS_UNWANTED : STATUS_WELL;
}

static enum status run(const struct request *request)
{
	_cleanup_(image_done) struct image image = { .request = request };
	struct request machine_request = *request;
	const struct conf *conf = &image.machine.confdir.conf;
	enum status status;

	if (!request->dest) {
		complain("image: --dest DIR is required: the tree of the image");
		return STATUS_USAGE;
	}
	machine_request.kernel = request->arguments[0];
	status = load_machine(&machine_request, &image.machine);
	if (status != STATUS_WELL)
		return status;
	machine_print_errors(&image.machine, WARNING);
	if (!conf->count && !conf->error_total) /* nothing to do: nothing goes into the image */
		return STATUS_WELL;
	return build_image(&image);
}

const struct command command_image = {
	.name = "image",
	.arguments = "KERNELVERSION",
	.summary = "write the config and the list of modules into an image being built",
	.details =
		"For the hooks of image generators. Writes the config, the modules to be loaded,\n"
		"their options, and keep lines for what the running host uses into the image's tree\n"
		"(--dest), and prints the names of those modules. Without a line in the config it\n"
		"writes nothing.",
	.options = OPTION_ROOT | OPTION_DEST,
	.least = 1,
	.most = 1,
	.hidden = true,
	.run = run,
};
