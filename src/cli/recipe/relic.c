/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What old recipes leave lying about. */

#include "relic.h"

#include <string.h>

#include "cmdline.h"
#include "lines.h"
#include "printable.h"

struct search {
	const char *drivers;
	relic_teller *tell;
	void *context;
};

/* Drivers that recipes blacklist although they may have no module here. */
static const char usual_drivers[] =
	"nouveau, nvidia, nvidiafb, nvidia_drm, nvidia_modeset, nvidia_uvm, amdgpu, radeon, "
	"i915, xe, snd_hda_intel";

static const char vfio_modules[] = "vfio, vfio_iommu_type1, vfio_pci, vfio_pci_core";

/* Is the first word of `text` one of `names`, ", " between them? - and _ are the same. */
static bool is_among(const char *text, const char *names)
{
	size_t length = strcspn(text, " \t");

	for (const char *name = names; *name;) {
		char own[64];
		size_t end = strcspn(name, ",");

		string_copy(own, end < sizeof(own) ? end + 1 : sizeof(own), name);
		if (length && module_name_equal(text, length, own))
			return true;
		name += end;
		name += strspn(name, ", ");
	}
	return false;
}

/* The words behind the first one, or NULL if that is another one. */
static const char *words_behind(const char *text, const char *first)
{
	const char *rest = prefix_skip(text, first);

	if (!rest || !strchr(" \t", *rest) || !*rest)
		return NULL;
	return rest + strspn(rest, " \t");
}

static const char *judge_modprobe(const struct search *search, const char *text)
{
	const char *rest;

	if ((rest = words_behind(text, "options")) && is_among(rest, "vfio_pci") &&
	    strstr(rest, "ids="))
		return "ids= takes every device of that model";
	if (words_behind(text, "softdep") && strstr(text, "vfio"))
		return "listed devices are fenced before any driver is loaded";
	if ((rest = words_behind(text, "blacklist")) &&
	    (is_among(rest, usual_drivers) || is_among(rest, search->drivers)))
		return "listed devices are out of its reach, and the host may need it for others";
	if (words_behind(text, "install") && strstr(text, "vfio"))
		return "listed devices are fenced before any driver is loaded";
	return NULL;
}

static const char *judge_module(const struct search *search, const char *text)
{
	(void)search;
	if (is_among(text, "vfio_virqfd"))
		return "a part of vfio since Linux 6.2; each image gets what its kernel has";
	return is_among(text, vfio_modules) ? "each image gets what its kernel has"
					    : NULL;
}

static const char *judge_dracut(const struct search *search, const char *text)
{
	(void)search;
	return strstr(text, "drivers") && strstr(text, "vfio")
		       ? "each image gets what its kernel has"
		       : NULL;
}

/* Boot loaders' files; what they make the kernel command line of. */
static const char *judge_cmdline(const struct search *search, const char *text)
{
	static const char *const words[] = { "vfio-pci.ids=", "vfio_pci.ids=",
					     "rd.qubes.hide_pci=", "rd.driver.pre=vfio" };

	(void)search;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(text, words[i]))
			return words[i];
	return NULL;
}

static const char *judge_script(const struct search *search, const char *text)
{
	(void)search;
	return strstr(text, "driver_override") || prefix_skip(text, "DEVS=")
		       ? "the boot program does that, before any script"
		       : NULL;
}

static const char *judge_binding(const struct search *search, const char *text)
{
	(void)search;
	return prefix_skip(text, "BIND=") ? "the config lists these devices now" : NULL;
}

static const struct {
	const char *path, *suffix; /* NULL: a file */
	const char *(*judge)(const struct search *search, const char *text);
} places[] = {
	{ "etc/modprobe.d", ".conf", judge_modprobe },
	{ "etc/modules", NULL, judge_module },
	{ "etc/modules-load.d", ".conf", judge_module },
	{ "etc/initramfs-tools/modules", NULL, judge_module },
	{ "etc/initramfs-tools/scripts/init-top", "", judge_script },
	{ "etc/dracut.conf", NULL, judge_dracut },
	{ "etc/dracut.conf.d", ".conf", judge_dracut },
	{ "etc/default/grub", NULL, judge_cmdline },
	{ "etc/default/grub.d", ".cfg", judge_cmdline },
	{ "etc/kernel/cmdline", NULL, judge_cmdline },
	{ "boot/loader/entries", ".conf", judge_cmdline },
	{ "boot/config/vfio-pci.cfg", NULL, judge_binding },
};

static void tell_step(const struct search *search, const struct line *line,
		      const char *why)
{
	struct text relic = { 0 };

	lines_add_place(line->path, line->number, &relic);
	text_add(&relic, ": ");
	printable_add(&relic, line->text);
	text_add(&relic, " (", why, ")");
	search->tell(search->context, text_string(&relic));
	text_done(&relic);
}

struct looking {
	const struct root *root;
	const struct search *search;
	const char *(*judge)(const struct search *search, const char *text);
};

/* Debian's link from modules-load.d to /etc/modules, which is looked at by its own name. */
static bool is_modules_again(const struct looking *looking, const struct line *line)
{
	char target[16];

	return !strcmp(line->path, "etc/modules-load.d/modules.conf") &&
	       !root_link_name(looking->root, line->path, target, sizeof(target)) &&
	       !strcmp(target, "modules");
}

static int take(void *context, struct line *line)
{
	const struct looking *looking = context;
	const char *why = looking->judge(looking->search, line->text);

	if (why && !is_modules_again(looking, line))
		tell_step(looking->search, line, why);
	return 0;
}

/* driverctl's files are of no lines: each is one step. */
static void find_overrides(const struct root *root, const struct search *search)
{
	static const char directory[] = "etc/driverctl.d";
	char **names = NULL, path[ROOT_PATH_SIZE], driver[64];
	size_t count = 0;

	if (root_names(root, directory, &names, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		struct line line = { .path = path, .text = driver };

		if (prefix_skip(names[i], "pci-") &&
		    string_join(path, sizeof(path), directory, "/", names[i], NULL) &&
		    root_read(root, path, driver, sizeof(driver)) > 0 &&
		    !strcmp(driver, "vfio-pci"))
			tell_step(search, &line, "with driverctl unset-override");
	}
	names_free(names, count);
}

int relics_find(const struct root *root, const char *drivers, relic_teller *tell,
		void *context)
{
	struct search search = { drivers, tell, context };
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !error; i++) {
		struct looking looking = { root, &search, places[i].judge };

		if (places[i].suffix)
			error = lines_read_all(root, places[i].path, places[i].suffix,
					       take, &looking);
		else
			error = lines_read(root, places[i].path, take, &looking);
	}
	find_overrides(root, &search);
	return error;
}
