/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacks each image, inspects it and deletes what was unpacked. */

#include "image/audit.h"

#include <stdio.h>
#include <string.h>

#include "image/content.h"
#include "image/image-plan.h"
#include "image/images.h"
#include "image/order.h"
#include "image/tree.h"
#include "image/unpack.h"
#include "lib/interrupt.h"
#include "machine/machine.h"

/* dracut's module squash packs the whole image into a file system inside it. */
static const char *const squashed[] = { "squash-root.img", "squash/root.img", "squashfs-root.img",
					"erofs-root.img" };

static bool is_squashed(const struct root *tree)
{
	for (size_t i = 0; i < ARRAY_SIZE(squashed); i++)
		if (tree_has(tree, squashed[i]))
			return true;
	return false;
}

/*
 * The one kernel that the image has modules for, in a heap string; NULL if there is no
 * such.
 */
static char *kernel_inside(const struct root *tree)
{
	static const char *const places[] = { "usr/lib/modules", "lib/modules" };
	char *kernel = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !kernel; i++) {
		char **names = NULL;
		size_t count = 0;

		if (tree_names(tree, places[i], &names, &count))
			continue;
		kernel = count == 1 ? strdup(names[0]) : NULL;
		names_free(names, count);
	}
	return kernel;
}

/*
 * "/boot/initrd.img-6.1.0-9-amd64", "/boot/initramfs-6.8.5.img": the kernel that a name
 * has.
 */
static char *kernel_in_name(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *start = name + strcspn(name, "0123456789");
	const char *end = suffix_find(start, ".img");

	if (!end)
		end = suffix_find(start, ".efi");
	return end ? strndup(start, end - start) : strdup(start);
}

static int inspect_tree(const char *directory, const struct root *tree, struct audit *audit,
			bool *ret_wanted)
{
	_cleanup_(machine_done) struct machine machine = { 0 };
	const char *kernel = *audit->kernel ? audit->kernel : NULL;
	int error = machine_load(directory, kernel, &machine);

	if (error)
		return error;
	*ret_wanted = content_is_wanted(&machine);
	audit->layout = order_layout_name(order_layout(tree));
	error = content_check(&machine, tree, &audit->findings);
	if (!error && *ret_wanted && content_is_there(tree))
		order_check(tree, conf_starts_init(&machine.confdir.conf), &audit->findings);
	return error;
}

/* Another build cannot help if there is no such file. */
static void add_unreadable(struct audit *audit, int error, const char *why)
{
	struct finding finding = finding_make(FINDING_UNREADABLE);

	text_add(&finding.text, "cannot unpack the image: ", why);
	if (error == -ENOENT) {
		text_done(&finding.remedy);
		text_add(&finding.remedy, "correct the name");
	}
	findings_add(&audit->findings, &finding);
}

static int audit_image(const char *directory, struct audit *audit, bool *ret_wanted)
{
	_cleanup_(unpacked_done) struct unpacked unpacked = UNPACKED_NONE;
	struct text why = { 0 };
	int result = 0, error = unpack_image(audit->path, &unpacked, &why);

	audit->kernel = error ? NULL : kernel_inside(&unpacked.tree);
	if (!audit->kernel)
		audit->kernel = kernel_in_name(audit->path);
	if (!audit->kernel)
		result = -ENOMEM;
	else if (error)
		add_unreadable(audit, error, why.length ? text_string(&why) : strerror(-error));
	else if (is_squashed(&unpacked.tree))
		add_unreadable(audit, 0, "dracut's module squash has packed all of it");
	else
		result = inspect_tree(directory, &unpacked.tree, audit, ret_wanted);
	text_done(&why);
	return result;
}

static struct audit *add_audit(struct audits *audits, const char *path)
{
	struct audit *audit;

	if (ARRAY_GROW(audits->items, audits->count))
		return NULL;
	audit = &audits->items[audits->count];
	*audit = (struct audit){ .path = strdup(path), .layout = "" };
	audit->findings.object = audit->path;
	audits->count += audit->path != NULL;
	return audit->path ? audit : NULL;
}

static int make_one(const char *directory, const char *path, struct audits *audits)
{
	struct audit *audit = add_audit(audits, path);
	int error = audit ? audit_image(directory, audit, &audits->wanted) : -ENOMEM;

	return interrupt_caught() ? -EINTR : error;
}

/* "/boot/initrd.img-..." of a root that is elsewhere is "DIR/boot/initrd.img-...". */
static char *path_below(const char *directory, const char *path)
{
	char *whole;

	return asprintf(&whole, "%s/%s", root_prefix(directory), path) < 0 ? NULL : whole;
}

static int find_images(const char *directory, struct images *ret)
{
	_cleanup_(root_done) struct root root = ROOT_NONE;
	int error = root_open(&root, directory);

	if (!error)
		error = images_find(&root, ret);
	return !error && !ret->count ? -ENOENT : error;
}

static int make_all(const char *directory, const struct progress *progress, struct audits *audits)
{
	_cleanup_(images_done) struct images images = { 0 };
	int error = find_images(directory, &images);

	for (size_t i = 0; i < images.count && !error; i++) {
		_cleanup_(freep) char *path = path_below(directory, images.paths[i]);

		if (!path)
			return -ENOMEM;
		progress_print(progress, "inspecting", i + 1, images.count, path);
		error = make_one(directory, path, audits);
	}
	return error;
}

int audits_make(const char *directory, char *const *paths, const struct progress *progress,
		struct audits *ret)
{
	size_t count = 0;
	int error = 0;

	while (paths[count])
		count++;
	if (!count)
		return make_all(directory, progress, ret);
	for (size_t i = 0; i < count && !error; i++) {
		progress_print(progress, "inspecting", i + 1, count, paths[i]);
		error = make_one(directory, paths[i], ret);
	}
	return error;
}

static bool has_kind(const struct audit *audit, enum finding_kind kind)
{
	for (size_t i = 0; i < audit->findings.count; i++)
		if (audit->findings.items[i].kind == kind)
			return true;
	return false;
}

static bool is_due(const struct audit *audit)
{
	for (size_t i = 0; i < audit->findings.count; i++)
		if (finding_is_due(&audit->findings.items[i]))
			return true;
	return false;
}

enum audit_result audit_result(const struct audit *audit)
{
	if (!audit->findings.count)
		return AUDIT_CURRENT;
	if (has_kind(audit, FINDING_UNREADABLE))
		return AUDIT_UNREADABLE;
	return is_due(audit) ? AUDIT_OUTDATED : AUDIT_WRONG;
}

enum audit_result audits_result(const struct audits *audits)
{
	enum audit_result worst = AUDIT_CURRENT;

	for (size_t i = 0; i < audits->count; i++) {
		enum audit_result result = audit_result(&audits->items[i]);

		worst = result > worst ? result : worst;
	}
	return worst;
}

const char *audit_result_name(enum audit_result result)
{
	static const char *const names[] = {
		[AUDIT_CURRENT] = "current",
		[AUDIT_WRONG] = "wrong",
		[AUDIT_OUTDATED] = "outdated",
		[AUDIT_UNREADABLE] = "unreadable",
	};

	return names[result];
}

void audits_done(struct audits *audits)
{
	for (size_t i = 0; i < audits->count; i++) {
		free(audits->items[i].path);
		free(audits->items[i].kernel);
		findings_done(&audits->items[i].findings);
	}
	free(audits->items);
	*audits = (struct audits){ 0 };
}
