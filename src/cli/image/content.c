/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of ours is in an image, against what it would get today. */

#include "image/content.h"

#include <string.h>

#include "image/image-plan.h"
#include "image/tree.h"
#include "machine/resolver.h"

#define PROGRAM_MAX (16 * 1024 * 1024)
#define PLAN_MAX (256 * 1024)

/* Whatever any of the generators' hooks can leave in an image. */
static const char *const traces[] = {
	IMAGE_DIRECTORY,
	"scripts/init-top/00-vfio-early",
	"scripts/local-block/vfio-early",
	"scripts/panic/vfio-early",
	"etc/conf.d/00-vfio-early.conf",
	"usr/lib/systemd/system/vfio-early.service",
	"lib/systemd/system/vfio-early.service",
	"init.vfio-early",
	CONFDIR_MAIN,
};

bool content_is_wanted(const struct machine *machine)
{
	const struct conf *conf = &machine->confdir.conf;

	return conf->count || conf->error_total;
}

bool content_is_there(const struct root *tree)
{
	for (size_t i = 0; i < ARRAY_SIZE(traces); i++)
		if (tree_has(tree, traces[i]))
			return true;
	return false;
}

static void check_nothing(const struct root *tree, struct findings *findings)
{
	for (size_t i = 0; i < ARRAY_SIZE(traces); i++) {
		if (!tree_has(tree, traces[i]))
			continue;
		findings_add_text(findings, FINDING_LEFTOVER,
				  "the config has no line, but the image has /", traces[i]);
		return;
	}
}

/*
 * Where this host has one of our programs, in ROOT_PATH_SIZE bytes: beside this one, as
 * PREFIX/lib is beside PREFIX/sbin; in another root below /usr.
 */
static void find_program(const struct machine *machine, const char *name, char *path)
{
	char self[ROOT_PATH_SIZE], *end;

	if (machine->root.live && !root_link(&machine->root, "proc/self/exe", self, sizeof(self)) &&
	    (end = strstr(self, "/sbin/vfio-early"))) {
		*end = '\0';
		if (string_join(path, ROOT_PATH_SIZE, self + 1, "/lib/vfio-early/", name, NULL) &&
		    root_has(&machine->root, path))
			return;
	}
	string_join(path, ROOT_PATH_SIZE, IMAGE_DIRECTORY "/", name, NULL);
}

/* A program of ours, which is copied from the host as it is. */
static void check_program(const struct machine *machine, const struct root *tree, const char *name,
			  const char *copy, enum finding_kind kind, struct findings *findings)
{
	char path[ROOT_PATH_SIZE];
	struct text text = { 0 };
	int error;

	find_program(machine, name, path);
	error = root_read_file(&machine->root, path, PROGRAM_MAX, &text);
	if (error)
		findings_add_text(findings, FINDING_INSTALLED, "cannot read /", path,
				  " of this host: ", error < 0 ? strerror(-error) : "too large");
	else if (!tree_has(tree, copy))
		findings_add_text(findings, kind, "/", copy, " is missing");
	else if (!tree_is_same(tree, copy, &text))
		findings_add_text(findings, kind, "/", copy, " differs from the host's /", path);
	text_done(&text);
}

static void check_programs(const struct machine *machine, const struct root *tree,
			   struct findings *findings)
{
	check_program(machine, tree, "vfio-early-boot", IMAGE_PROGRAM, FINDING_PROGRAM, findings);
	check_program(machine, tree, "vfio-early-init", IMAGE_INIT, FINDING_PROGRAM, findings);
	if (conf_starts_init(&machine->confdir.conf))
		check_program(machine, tree, "vfio-early-init", "init", FINDING_INIT, findings);
}

/* Returns whether the image's copy of the file has the same statements. */
static bool has_statements(const struct root *tree, const struct conf_file *file)
{
	struct text copy = { 0 };
	bool same = !tree_read(tree, file->path, CONF_FILE_MAX, &copy) &&
		    conf_file_says_same(file, &copy);

	text_done(&copy);
	return same;
}

static void check_config_file(const struct conf_file *file, const struct root *tree,
			      struct findings *findings)
{
	if (file->generated || has_statements(tree, file))
		return;
	findings_add_text(findings, FINDING_CONFIG, "/", file->path,
			  tree_has(tree, file->path) ? " was edited after the image was built"
						     : " is missing");
}

static void check_gone(const struct machine *machine, const struct root *tree, const char *path,
		       struct findings *findings)
{
	if (!confdir_file(&machine->confdir, path) && tree_has(tree, path))
		findings_add_text(findings, FINDING_CONFIG, "/", path,
				  " is in the image, but no longer on the host");
}

static void check_config(const struct machine *machine, const struct root *tree,
			 struct findings *findings)
{
	char **names = NULL, path[ROOT_PATH_SIZE];
	size_t count = 0;

	for (size_t i = 0; i < machine->confdir.file_count; i++)
		check_config_file(&machine->confdir.files[i], tree, findings);
	check_gone(machine, tree, CONFDIR_MAIN, findings);
	if (tree_names(tree, CONFDIR_DROPINS, &names, &count))
		return;
	for (size_t i = 0; i < count; i++)
		if (string_join(path, sizeof(path), CONFDIR_DROPINS "/", names[i], NULL))
			check_gone(machine, tree, path, findings);
	names_free(names, count);
}

/* The image's own list may name a compressed module that was unpacked on the way in. */
static bool has_module(const struct root *tree, const char *path)
{
	char plain[ROOT_PATH_SIZE];
	size_t size = loadplan_plain_length(path) + 1;

	string_copy(plain, size < sizeof(plain) ? size : sizeof(plain), path);
	return tree_has(tree, path) || tree_has(tree, plain);
}

/* All that are missing, in one line. The same module can stand below two drivers. */
static void check_modules(const struct loadplan *plan, const struct root *tree,
			  struct findings *findings)
{
	struct text missing = { 0 };

	for (size_t i = 0; i < plan->count; i++) {
		const char *path = plan->modules[i].path;
		const char *known = strstr(text_string(&missing), path);

		if (!known && !has_module(tree, path + 1))
			text_add(&missing, missing.length ? ", " : "", path);
	}
	if (missing.length)
		findings_add_text(findings, FINDING_MODULES,
				  "modules are missing: ", text_string(&missing));
	findings->failed |= missing.failed;
	text_done(&missing);
}

static bool is_same_module(const struct module *a, const struct module *b)
{
	return !strcmp(a->driver, b->driver) && !strcmp(a->path, b->path) &&
	       !strcmp(a->options, b->options);
}

/* Are the modules of `driver` in `part` among those in `whole`, and in the same order? */
static bool is_driver_within(const struct loadplan *part, const struct loadplan *whole,
			     const char *driver)
{
	size_t at = 0;

	for (size_t i = 0; i < part->count; i++) {
		if (strcmp(part->modules[i].driver, driver))
			continue;
		while (at < whole->count && !is_same_module(&part->modules[i], &whole->modules[at]))
			at++;
		if (at++ == whole->count)
			return false;
	}
	return loadplan_has_driver(whole, driver);
}

static bool is_within(const struct loadplan *part, const struct loadplan *whole)
{
	for (size_t i = 0; i < part->driver_count; i++)
		if (!is_driver_within(part, whole, part->drivers[i]))
			return false;
	return true;
}

static void add_missing_drivers(const struct machine *machine, const struct image_plan *plan,
				struct findings *findings)
{
	for (size_t i = 0; i < plan->missing_count; i++) {
		struct finding finding = finding_make(FINDING_DRIVER);

		finding_set_no_driver(&finding, machine->kernel, plan->missing[i].driver,
				      plan->missing[i].place);
		findings_add(findings, &finding);
	}
}

/*
 * The lists that this machine's images could get: `least` with what the devices that are seen need,
 * and `most`, which is made where none can be, as in a chroot, with what any machine may need.
 * -ENOENT if the kernel's modules cannot be read.
 */
static int make_plans(const struct machine *machine, struct image_plan *least,
		      struct image_plan *most)
{
	struct machine seen = *machine;
	struct resolver *resolver =
		resolver_new(machine->directory, machine->kernel, &machine->cmdline);
	int error;

	if (!resolver)
		return -ENOENT;
	seen.has_devices = true;
	error = image_plan_make(&seen, resolver, least);
	seen.has_devices = false;
	if (!error)
		error = image_plan_make(&seen, resolver, most);
	resolver_free(resolver);
	return error;
}

/* The list in the image against those that it could get today. */
static int compare_plan(const struct machine *machine, const struct loadplan *own,
			struct findings *findings)
{
	_cleanup_(image_plan_done) struct image_plan least = { 0 };
	_cleanup_(image_plan_done) struct image_plan most = { 0 };
	int error = make_plans(machine, &least, &most);

	if (error == -ENOENT) {
		findings_add_text(findings, FINDING_KERNEL, "Linux ", machine->kernel,
				  " is not installed: its modules cannot be read");
		return 0;
	}
	if (error)
		return error;
	if (!is_within(&least.loadplan, own) || !is_within(own, &most.loadplan))
		findings_add_text(findings, FINDING_PLAN,
				  "the list of modules is out of date for Linux ", machine->kernel);
	add_missing_drivers(machine, machine->has_devices ? &least : &most, findings);
	return 0;
}

static int check_plan(const struct machine *machine, const struct root *tree,
		      struct findings *findings)
{
	_cleanup_(loadplan_done) struct loadplan own = { 0 };
	struct text text = { 0 };
	int error = tree_read(tree, LOADPLAN_FILE, PLAN_MAX, &text);
	bool readable = !error;

	error = readable ? loadplan_parse(&own, text_string(&text)) : 0;
	text_done(&text);
	if (error)
		return error;
	if (!readable || own.bad_line) {
		findings_add_text(findings, FINDING_PLAN, "/" LOADPLAN_FILE,
				  readable ? " is damaged" : " is missing");
		return 0;
	}
	check_modules(&own, tree, findings);
	return compare_plan(machine, &own, findings);
}

int content_check(const struct machine *machine, const struct root *tree, struct findings *findings)
{
	if (!content_is_wanted(machine)) {
		check_nothing(tree, findings);
		return 0;
	}
	if (!content_is_there(tree)) {
		findings_add_text(findings, FINDING_MISSING,
				  "the image contains nothing of vfio-early");
		return 0;
	}
	check_programs(machine, tree, findings);
	check_config(machine, tree, findings);
	return check_plan(machine, tree, findings);
}
