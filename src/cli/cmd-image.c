/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early image: what an initramfs gets from us, beside the boot program. Asked by the hooks of
 * the image generators; every choice that needs a library is made here, when the image is built.
 */

#include <stdio.h>
#include <string.h>

#include "alias.h"
#include "command.h"
#include "hostuse.h"
#include "machine.h"
#include "resolve.h"

/* In front of what a generator's user should see: mkinitramfs marks its own warnings so. */
#define WARNING "W: vfio-early: "

#define START_INIT_FILE "usr/lib/vfio-early/start-init"

/* An IOMMU whose driver can be a module, which then has to come before vfio-pci. */
#define VIRTIO_IOMMU_MODULE "virtio_iommu"
static const struct pci_id virtio_iommu = { 0x1af4, 0x1057 };

struct image {
	const struct request *request;
	struct machine machine;
	struct resolver *resolver;
	const char *first; /* VIRTIO_IOMMU_MODULE, or NULL */
	struct loadplan plan;
	bool lacking; /* a driver has no module in this kernel */
};

static void image_done(struct image *image)
{
	loadplan_done(&image->plan);
	resolver_free(image->resolver);
	machine_done(&image->machine);
}

static bool has_iommu_module(const struct machine *machine, struct resolver *resolver)
{
	bool has_device = !machine->has_devices;

	for (size_t i = 0; i < machine->snapshot.count && !has_device; i++)
		has_device =
			pci_id_equal(&machine->snapshot.functions[i].id, &virtio_iommu);
	return has_device && resolver_has_file(resolver, VIRTIO_IOMMU_MODULE);
}

static int add_driver(struct image *image, const char *driver, const struct place *place)
{
	int error;

	if (loadplan_has_driver(&image->plan, driver))
		return 0;
	error = resolver_add(image->resolver, driver, image->first, &image->plan);
	if (error != -ENOENT)
		return error;
	image->lacking = true;
	fprintf(stderr,
		WARNING
		"%s:%u: Linux %s has no driver %s; its devices will stay fenced\n",
		place->file, place->line, image->machine.kernel, driver);
	return 0;
}

/* driver=auto without a device to look at: any driver that claims the stated ID, or any at all. */
static int add_stated_variants(struct image *image, const struct rule *rule)
{
	const struct pci_function stated = { .id = rule->id,
					     .subsystem = rule->subsystem,
					     .class = rule->class };
	char driver[PCI_DRIVER_SIZE];
	int error = 0;

	if (rule->given & CONDITION_ID) {
		alias_best_driver(text_string(&image->machine.aliases), &stated, driver);
		return add_driver(image, driver, &rule->place);
	}
	if (image->machine.has_devices)
		return 0;
	for (const char *line = text_string(&image->machine.aliases); *line && !error;
	     line = line_next(line)) {
		line_copy(driver, sizeof(driver),
			  line + strcspn(line, "*") /* its pattern */);
		line_copy(driver, sizeof(driver),
			  strrchr(driver, ' ') ? strrchr(driver, ' ') + 1 : "");
		if (*driver && strcmp(driver, "vfio_pci"))
			error = add_driver(image, driver, &rule->place);
	}
	return error;
}

static int add_rule(struct image *image, const struct rule *rule)
{
	int error;

	if (rule->statement != STATEMENT_BIND)
		return 0;
	if (strcmp(rule->driver, CONF_DRIVER_AUTO))
		return add_driver(image, rule->driver, &rule->place);
	error = add_driver(image, CONF_DRIVER_DEFAULT, &rule->place);
	return error ? error : add_stated_variants(image, rule);
}

static int make_plan(struct image *image)
{
	const struct conf *conf = &image->machine.confdir.conf;
	const struct match *match = &image->machine.match;
	int error = 0;

	image->first = has_iommu_module(&image->machine, image->resolver)
			       ? VIRTIO_IOMMU_MODULE
			       : NULL;
	for (size_t i = 0; i < conf->count && !error; i++)
		error = add_rule(image, &conf->rules[i]);
	for (size_t i = 0; i < match->claim_count && !error; i++)
		error = add_driver(image, match->claims[i].driver,
				   &match->claims[i].rule->place);
	return error;
}

static int write_plan(const struct image *image, const struct root *dest)
{
	struct text text = { 0 };
	int error;

	loadplan_format(&image->plan, image->machine.kernel, &text);
	error = text_error(&text);
	if (!error)
		error = root_create(dest, LOADPLAN_FILE, text.data, text.length);
	text_done(&text);
	return error;
}

/* "start init": the hook of the generator looks for this file. The last such line counts. */
static int write_start(const struct conf *conf, const struct root *dest)
{
	bool init = false;

	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].statement == STATEMENT_START)
			init = conf->rules[i].start_init;
	return init ? root_create(dest, START_INIT_FILE, "", 0) : 0;
}

/* So that the boot program itself refuses the host's own disks and its way to the network. */
static int write_keep_lines(const struct image *image, const struct root *dest)
{
	struct text lines = { 0 }, file = { 0 };
	int error = hostuse_keep_lines(&image->machine, &lines);

	if (!error && lines.length) {
		text_add(
			&file,
			"# Generated: what the host itself used when this image was built.\n"
			"# allow=in-use on a bind line takes a device all the same.\n",
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
		error = confdir_copy(&image->machine.confdir, &dest, "");
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

static enum status build(struct image *image)
{
	int error;

	image->resolver = resolver_new(image->request->root, image->machine.kernel,
				       &image->machine.cmdline);
	if (!image->resolver) {
		fprintf(stderr,
			WARNING
			"Linux %s: its modules cannot be read; is it installed?\n",
			image->machine.kernel);
		return STATUS_ENVIRONMENT;
	}
	error = make_plan(image);
	if (!error)
		error = write_image(image);
	if (error) {
		fprintf(stderr, WARNING "%s: cannot be written: %s\n",
			image->request->dest, strerror(-error));
		return STATUS_ENVIRONMENT;
	}
	print_modules(&image->plan);
	if (image->machine.confdir.conf.error_total)
		return STATUS_CONFIG;
	return image->lacking ? STATUS_UNWANTED : STATUS_WELL;
}

static enum status run(const struct request *request)
{
	_cleanup_(image_done) struct image image = { .request = request };
	struct request machine_request = *request;
	const struct conf *conf = &image.machine.confdir.conf;
	enum status status;

	if (!request->dest) {
		complain("image: --dest DIR is missing: the tree of the image");
		return STATUS_USAGE;
	}
	machine_request.kernel = request->arguments[0];
	status = machine_load(&machine_request, &image.machine);
	if (status != STATUS_WELL)
		return status;
	machine_tell_errors(&image.machine, WARNING);
	if (!conf->count &&
	    !conf->error_total) /* nothing to do: nothing goes into the image */
		return STATUS_WELL;
	return build(&image);
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
	.run = run,
};
