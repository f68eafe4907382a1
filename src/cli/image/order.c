/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is the boot program the first thing that an image runs? A module that is loaded before
 * can have taken a listed device.
 */

#include "image/order.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "image/tree.h"

#define SCRIPTS "scripts/init-top/"
#define SCRIPT "00-vfio-early"
#define SOURCED "etc/conf.d"
#define SOURCED_FILE "00-vfio-early.conf"
#define UNIT "vfio-early.service"
#define FILE_MAX (1024 * 1024)

static const struct {
	const char *path;
	enum layout layout;
} signs[] = {
	{ "scripts/init-top", LAYOUT_INITRAMFS_TOOLS },
	{ "scripts/functions", LAYOUT_INITRAMFS_TOOLS },
	{ "usr/lib/systemd/systemd", LAYOUT_SYSTEMD },
	{ "lib/systemd/systemd", LAYOUT_SYSTEMD },
	{ "usr/lib/dracut-lib.sh", LAYOUT_DRACUT },
	{ "lib/dracut-lib.sh", LAYOUT_DRACUT },
};

/*
 * Where units lie, the first wins. Debian 12 has them in /lib, which need not be a
 * symlink.
 */
static const char *const unit_directories[] = { "etc/systemd/system", "run/systemd/system",
						"usr/lib/systemd/system", "lib/systemd/system" };

enum layout order_layout(const struct root *tree)
{
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (tree_has(tree, signs[i].path))
			return signs[i].layout;
	return LAYOUT_OTHER;
}

const char *order_layout_name(enum layout layout)
{
	static const char *const names[] = { "", "initramfs-tools", "dracut", "dracut, systemd" };

	return names[layout];
}

/* The first word in a script that loads modules, or has others load them; or NULL. */
static const char *loading_word(const struct root *tree, const char *path)
{
	static const char *const words[] = { "modprobe", "insmod", "load_modules",
					     "udevadm",	 "udevd",  "finit_module" };
	const char *found = NULL;
	struct text text = { 0 };

	if (!tree_read(tree, path, FILE_MAX, &text))
		for (size_t i = 0; i < ARRAY_SIZE(words) && !found; i++)
			if (strstr(text_string(&text), words[i]))
				found = words[i];
	text_done(&text);
	return found;
}

static void add_predecessor(const struct root *tree, const char *path, struct findings *findings)
{
	const char *word = loading_word(tree, path);

	findings_add_text(findings, FINDING_ORDER, "/", path, " runs before vfio-early",
			  word ? ", and loads modules (" : ", but loads no modules itself",
			  word ? word : "", word ? ")" : "");
}

/* The script that a line of ORDER runs, in `path`; false for another line. */
static bool parse_order(const char *line, char *path, size_t size)
{
	const char *script = prefix_skip(line, "/" SCRIPTS);
	size_t length = script ? strcspn(script, " \t\n") : 0;

	if (!length || length + sizeof(SCRIPTS) > size)
		return false;
	string_copy(path, sizeof(SCRIPTS) + length, line + 1);
	return true;
}

/*
 * initramfs-tools: `. /scripts/init-top/ORDER`, which was made by tsort when the image
 * was.
 */
static void check_order(const struct root *tree, struct findings *findings)
{
	struct text text = { 0 };
	char path[ROOT_PATH_SIZE];
	bool found = false;

	if (!tree_read(tree, SCRIPTS "ORDER", FILE_MAX, &text))
		for (const char *line = text_string(&text); line && *line && !found;
		     line = line_next(line)) {
			if (!parse_order(line, path, sizeof(path)))
				continue;
			found = !strcmp(path, SCRIPTS SCRIPT);
			if (!found)
				add_predecessor(tree, path, findings);
		}
	if (!found)
		findings_add_text(findings, FINDING_SCRIPT,
				  "/" SCRIPTS SCRIPT " is not in /" SCRIPTS "ORDER");
	if (!tree_has(tree, SCRIPTS SCRIPT))
		findings_add_text(findings, FINDING_SCRIPT, "/" SCRIPTS SCRIPT " is missing");
	text_done(&text);
}

/*
 * dracut without systemd: /init sources these, in the order of their names, before any
 * hook.
 */
static void check_sourced(const struct root *tree, struct findings *findings)
{
	char **names = NULL, path[ROOT_PATH_SIZE];
	size_t count = 0;

	if (!tree_has(tree, SOURCED "/" SOURCED_FILE)) {
		findings_add_text(findings, FINDING_SCRIPT,
				  "/" SOURCED "/" SOURCED_FILE " is missing");
		return;
	}
	if (tree_names(tree, SOURCED, &names, &count))
		return;
	for (size_t i = 0; i < count && strcmp(names[i], SOURCED_FILE) < 0; i++)
		if (string_join(path, sizeof(path), SOURCED "/", names[i], NULL))
			add_predecessor(tree, path, findings);
	names_free(names, count);
}

/* Has the unit a line Before= with that word? */
static bool comes_before(const char *unit, const char *other)
{
	for (const char *line = unit; line && *line; line = line_next(line)) {
		const char *words = prefix_skip(line, "Before=");
		size_t length = words ? strcspn(words, "\n") : 0;
		const char *found = words ? strstr(words, other) : NULL;

		if (found && found < words + length)
			return true;
	}
	return false;
}

/*
 * What would load modules, or start what does: the units of dracut run the hooks of any package,
 * cmdline and pre-udev. Its other hooks, as initqueue, come after udev, and so after these.
 */
static void check_unit(const char *unit, struct findings *findings)
{
	static const char *const later[] = { "systemd-udevd.service",
					     "systemd-udev-trigger.service",
					     "systemd-modules-load.service",
					     "dracut-cmdline.service", "dracut-pre-udev.service" };

	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		if (!comes_before(unit, later[i]))
			findings_add_text(findings, FINDING_SCRIPT, UNIT " does not run before ",
					  later[i]);
}

/* A symlink to /dev/null masks a unit; what it leads to need not be in the image. */
static bool is_masked(const struct root *tree)
{
	char target[64];

	return !root_link(tree, "etc/systemd/system/" UNIT, target, sizeof(target)) &&
	       !strcmp(target, "/dev/null");
}

static bool has_wants(const struct root *tree)
{
	char path[ROOT_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(unit_directories); i++)
		if (string_join(path, sizeof(path), unit_directories[i],
				"/sysinit.target.wants/" UNIT, NULL) &&
		    tree_has(tree, path))
			return true;
	return false;
}

/* A unit of another that wants to run before ours, or a drop-in that changes ours. */
static void check_other_unit(const struct root *tree, const char *directory, const char *name,
			     struct findings *findings)
{
	char path[ROOT_PATH_SIZE];
	struct text text = { 0 };

	if (!string_join(path, sizeof(path), directory, "/", name, NULL))
		return;
	if (!strcmp(name, UNIT ".d"))
		findings_add_text(findings, FINDING_ORDER, "/", path,
				  " changes the unit of vfio-early");
	else if (strcmp(name, UNIT) && !tree_read(tree, path, FILE_MAX, &text) &&
		 comes_before(text_string(&text), UNIT))
		add_predecessor(tree, path, findings);
	text_done(&text);
}

static void check_other_units(const struct root *tree, const char *directory,
			      struct findings *findings)
{
	char **names = NULL;
	size_t count = 0;

	if (tree_names(tree, directory, &names, &count))
		return;
	for (size_t i = 0; i < count; i++)
		check_other_unit(tree, directory, names[i], findings);
	names_free(names, count);
}

/* /lib can be a symlink to /usr/lib: then its units have been looked at. */
static bool is_same_directory(const struct root *tree)
{
	struct stat st;

	return fstatat(tree->fd, "lib", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static void check_units(const struct root *tree, struct findings *findings)
{
	size_t count = ARRAY_SIZE(unit_directories) - is_same_directory(tree);
	struct text text = { 0 };
	char path[ROOT_PATH_SIZE];

	if (is_masked(tree))
		findings_add_text(findings, FINDING_SCRIPT,
				  "/etc/systemd/system/" UNIT " masks the unit of vfio-early");
	for (size_t i = 0; i < count && !text.length; i++)
		if (string_join(path, sizeof(path), unit_directories[i], "/" UNIT, NULL) &&
		    tree_read(tree, path, FILE_MAX, &text))
			text_done(&text);
	if (!text.length)
		findings_add_text(findings, FINDING_SCRIPT, UNIT " is missing");
	else
		check_unit(text_string(&text), findings);
	if (!has_wants(tree))
		findings_add_text(findings, FINDING_SCRIPT, "sysinit.target does not want " UNIT);
	for (size_t i = 0; i < count; i++)
		check_other_units(tree, unit_directories[i], findings);
	text_done(&text);
}

/* /init is compared with the host's; here only what it goes on with. */
static void check_init(const struct root *tree, struct findings *findings)
{
	if (!tree_has(tree, "init.vfio-early"))
		findings_add_text(findings, FINDING_INIT,
				  "/init.vfio-early, the image's own /init, is missing");
}

void order_check(const struct root *tree, bool init, struct findings *findings)
{
	if (init) {
		check_init(tree, findings);
		return;
	}
	if (tree_has(tree, "init.vfio-early"))
		findings_add_text(findings, FINDING_INIT,
				  "/init is that of vfio-early, but no line says \"start init\"");
	switch (order_layout(tree)) {
	case LAYOUT_INITRAMFS_TOOLS:
		check_order(tree, findings);
		break;
	case LAYOUT_DRACUT:
		check_sourced(tree, findings);
		break;
	case LAYOUT_SYSTEMD:
		check_units(tree, findings);
		break;
	case LAYOUT_OTHER:
		findings_add_text(findings, FINDING_SCRIPT,
				  "neither initramfs-tools nor dracut made the image, so it is "
				  "unknown what runs first");
		break;
	}
}
