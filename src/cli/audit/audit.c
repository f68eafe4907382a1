/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images, one after the other: taken apart, looked into, and away with it. */

#include "audit.h"

#include <stdio.h>
#include <string.h>

#include "content.h"
#include "first.h"
#include "imageplan.h"
#include "images.h"
#include "interrupt.h"
#include "machine.h"
#include "tree.h"
#include "unpack.h"

/* dracut's module squash packs the whole image into a file system inside it. */
static const char *const squashed[] = { "squash-root.img", "squash/root.img",
					"squashfs-root.img", "erofs-root.img" };

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
	size_t length = strlen(start);

	if (length > 4 &&
	    (!strcmp(start + length - 4, ".img") || !strcmp(start + length - 4, ".efi")))
		length -= 4;
	return strndup(start, length);
}

/* The host as the image's kernel would find it. */
static enum status load_machine(const struct request *request, const char *kernel,
				struct machine *ret)
{
	struct request own = *request;

	own.kernel = kernel && *kernel ? kernel : NULL;
	return machine_load(&own, ret);
}

static enum status look_into(const struct request *request, const struct root *tree,
			     struct audit *audit, bool *ret_wanted)
{
	_cleanup_(machine_done) struct machine machine = { 0 };
	enum status status = load_machine(request, audit->kernel, &machine);
	bool init = imageplan_starts_init(&machine.confdir.conf);

	if (status != STATUS_WELL)
		return status;
	*ret_wanted = content_is_wanted(&machine);
	audit->layout = first_layout_name(first_layout(tree));
	if (content_check(&machine, tree, &audit->faults)) {
		complain("%s: cannot be looked into: %s", audit->path, strerror(ENOMEM));
		return STATUS_ENVIRONMENT;
	}
	if (*ret_wanted && content_is_there(tree))
		first_check(tree, init, &audit->faults);
	return STATUS_WELL;
}

static void add_unreadable(struct audit *audit, const char *why)
{
	fault_add(&audit->faults, FAULT_UNREADABLE, "cannot be taken apart: ", why);
}

static enum status audit_image(const struct request *request, struct audit *audit,
			       bool *ret_wanted)
{
	_cleanup_(unpacked_done) struct unpacked unpacked = UNPACKED_NONE;
	enum status status = STATUS_WELL;
	struct text why = { 0 };
	int error = unpack_image(audit->path, &unpacked, &why);

	audit->kernel = error ? NULL : kernel_inside(&unpacked.tree);
	if (!audit->kernel)
		audit->kernel = kernel_in_name(audit->path);
	if (!audit->kernel)
		error = -ENOMEM;
	if (error)
		add_unreadable(audit, why.length ? text_string(&why) : strerror(-error));
	else if (is_squashed(&unpacked.tree))
		add_unreadable(audit, "it is squashed (dracut's module squash)");
	else
		status = look_into(request, &unpacked.tree, audit, ret_wanted);
	text_done(&why);
	return status;
}

static struct audit *add_audit(struct audits *audits, const char *path)
{
	struct audit *audit;

	if (ARRAY_GROW(audits->items, audits->count))
		return NULL;
	audit = &audits->items[audits->count];
	*audit = (struct audit){ .path = strdup(path), .layout = "" };
	audits->count += audit->path != NULL;
	return audit->path ? audit : NULL;
}

static enum status make_one(const struct request *request, const char *path,
			    struct audits *audits)
{
	struct audit *audit = add_audit(audits, path);
	enum status status;

	if (!audit) {
		complain("%s: cannot be looked into: %s", path, strerror(ENOMEM));
		return STATUS_ENVIRONMENT;
	}
	status = audit_image(request, audit, &audits->wanted);
	return interrupt_caught() ? STATUS_ENVIRONMENT : status;
}

/* "/boot/initrd.img-..." of a root that is elsewhere is "DIR/boot/initrd.img-...". */
static char *path_below(const char *directory, const char *path)
{
	char *whole;

	return asprintf(&whole, "%s/%s", root_prefix(directory), path) < 0 ? NULL : whole;
}

static enum status make_all(const struct request *request, const struct root *root,
			    struct audits *audits)
{
	_cleanup_(images_done) struct images images = { 0 };
	enum status status = STATUS_WELL;
	int error = images_find(root, &images);

	if (!error && !images.count) {
		complain("%s/boot: no image is there; is it mounted?",
			 root_prefix(request->root));
		return STATUS_ENVIRONMENT;
	}
	for (size_t i = 0; i < images.count && status == STATUS_WELL; i++) {
		_cleanup_(freep) char *path = path_below(request->root, images.paths[i]);

		status = path ? make_one(request, path, audits) : STATUS_ENVIRONMENT;
	}
	return error ? STATUS_ENVIRONMENT : status;
}

enum status audits_make(const struct request *request, const struct root *root,
			struct audits *ret)
{
	enum status status = STATUS_WELL;

	if (!request->count)
		return make_all(request, root, ret);
	for (int i = 0; i < request->count && status == STATUS_WELL; i++)
		status = make_one(request, request->arguments[i], ret);
	return status;
}

static bool has_kind(const struct audit *audit, enum fault_kind kind)
{
	for (size_t i = 0; i < audit->faults.count; i++)
		if (audit->faults.items[i].kind == kind)
			return true;
	return false;
}

static bool is_due(const struct audit *audit)
{
	for (size_t i = 0; i < audit->faults.count; i++)
		if (fault_is_due(&audit->faults.items[i]))
			return true;
	return false;
}

/*
 * An image that can't be read says nothing; one that is outdated is looked at again
 * afterwards.
 */
static enum status judge_one(const struct audit *audit)
{
	if (!audit->faults.count)
		return STATUS_WELL;
	if (has_kind(audit, FAULT_UNREADABLE))
		return STATUS_ENVIRONMENT;
	return is_due(audit) ? STATUS_DUE : STATUS_UNWANTED;
}

const char *audit_result(const struct audit *audit)
{
	static const char *const results[] = {
		[STATUS_WELL] = "current",
		[STATUS_UNWANTED] = "wrong",
		[STATUS_ENVIRONMENT] = "unreadable",
		[STATUS_DUE] = "outdated",
	};

	return results[judge_one(audit)];
}

enum status audits_judge(const struct audits *audits)
{
	static const enum status worst[] = { STATUS_ENVIRONMENT, STATUS_DUE,
					     STATUS_UNWANTED };

	for (size_t i = 0; i < ARRAY_SIZE(worst); i++)
		for (size_t j = 0; j < audits->count; j++)
			if (judge_one(&audits->items[j]) == worst[i])
				return worst[i];
	return STATUS_WELL;
}

void audits_done(struct audits *audits)
{
	for (size_t i = 0; i < audits->count; i++) {
		free(audits->items[i].path);
		free(audits->items[i].kernel);
		faults_done(&audits->items[i].faults);
	}
	free(audits->items);
	*audits = (struct audits){ 0 };
}
