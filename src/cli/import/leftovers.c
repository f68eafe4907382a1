/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What old recipes leave lying about. */

#include "import/leftovers.h"

#include <string.h>

#include "cmdline.h"
#include "import/lines.h"
#include "lib/printable.h"

#define BLANKS " \t"

struct search {
	const char *drivers;
	leftover_reporter *report;
	void *context;
	struct text what;	  /* the words to remove; empty: the line as a whole */
	struct text loader_words; /* what boot loaders' files have */
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

/* The word ids= alone if the line has other options, which stay. */
static void add_ids(struct search *search, const char *options)
{
	const char *word = options + strcspn(options, BLANKS);
	const char *ids = NULL;
	size_t count = 0;

	for (word += strspn(word, BLANKS); *word; word += strspn(word, BLANKS)) {
		ids = prefix_skip(word, "ids=") ? word : ids;
		word += strcspn(word, BLANKS);
		count++;
	}
	if (ids && count > 1)
		text_add_bytes(&search->what, ids, strcspn(ids, BLANKS));
}

static const char *step_in_modprobe(struct search *search, const char *text)
{
	const char *rest;

	if ((rest = words_behind(text, "options")) && is_among(rest, "vfio_pci") &&
	    strstr(rest, "ids=")) {
		add_ids(search, rest);
		return "ids= takes every device of that model";
	}
	if (words_behind(text, "softdep") && strstr(text, "vfio"))
		return "listed devices are fenced before any driver is loaded";
	if ((rest = words_behind(text, "blacklist")) &&
	    (is_among(rest, usual_drivers) || is_among(rest, search->drivers)))
		return "listed devices are out of its reach, and the host may need it for others";
	if (words_behind(text, "install") && strstr(text, "vfio"))
		return "listed devices are fenced before any driver is loaded";
	return NULL;
}

static const char *step_in_module(struct search *search, const char *text)
{
	(void)search;
	if (is_among(text, "vfio_virqfd"))
		return "a part of vfio since Linux 6.2; each image gets what its kernel has";
	return is_among(text, vfio_modules) ? "each image gets what its kernel has" : NULL;
}

static const char *step_in_dracut(struct search *search, const char *text)
{
	(void)search;
	return strstr(text, "drivers") && strstr(text, "vfio")
		       ? "each image gets what its kernel has"
		       : NULL;
}

/* Is it a word of the kernel command line that an old recipe needs? */
static bool is_step_word(const char *word)
{
	static const char *const leftovers[] = { "vfio-pci.ids=", "vfio_pci.ids=",
						 "rd.qubes.hide_pci=", "rd.driver.pre=vfio" };

	for (size_t i = 0; i < ARRAY_SIZE(leftovers); i++)
		if (prefix_skip(word, leftovers[i]))
			return true;
	return false;
}

/* Adds to `what` the words that are to be removed, and no others. */
static void add_step_words(const char *text, struct text *what)
{
	static const char between[] = BLANKS "\n\"'";

	for (text += strspn(text, between); *text; text += strspn(text, between)) {
		size_t length = strcspn(text, between);

		if (is_step_word(text)) {
			text_add(what, what->length ? " " : "");
			text_add_bytes(what, text, length);
		}
		text += length;
	}
}

/* Boot loaders' files; what they make the kernel command line of. */
static const char *step_in_cmdline(struct search *search, const char *text)
{
	add_step_words(text, &search->what);
	text_add(&search->loader_words, text_string(&search->what), " ");
	return search->what.length ? "the config lists these devices now" : NULL;
}

static const char *step_in_script(struct search *search, const char *text)
{
	(void)search;
	return strstr(text, "driver_override") || prefix_skip(text, "DEVS=")
		       ? "the boot program does that, before any script"
		       : NULL;
}

static const char *step_in_binding(struct search *search, const char *text)
{
	(void)search;
	return prefix_skip(text, "BIND=") ? "the config lists these devices now" : NULL;
}

static const struct {
	const char *path, *suffix; /* NULL: a file */
	const char *(*find_step)(struct search *search, const char *text);
} places[] = {
	{ "etc/modprobe.d", ".conf", step_in_modprobe },
	{ "etc/modules", NULL, step_in_module },
	{ "etc/modules-load.d", ".conf", step_in_module },
	{ "etc/initramfs-tools/modules", NULL, step_in_module },
	{ "etc/initramfs-tools/scripts/init-top", "", step_in_script },
	{ "etc/dracut.conf", NULL, step_in_dracut },
	{ "etc/dracut.conf.d", ".conf", step_in_dracut },
	{ "etc/default/grub", NULL, step_in_cmdline },
	{ "etc/default/grub.d", ".cfg", step_in_cmdline },
	{ "etc/kernel/cmdline", NULL, step_in_cmdline },
	{ "boot/loader/entries", ".conf", step_in_cmdline },
	{ "boot/config/vfio-pci.cfg", NULL, step_in_binding },
};

/* "in /etc/default/grub:1, remove: vfio-pci.ids=1000:0072 (WHY)" */
static void report_step(struct search *search, const struct file_line *line, const char *why)
{
	bool words = search->what.length;
	struct text leftover = { 0 };

	text_add(&leftover, "in ");
	lines_add_place(line->path, line->number, &leftover);
	text_add(&leftover, words ? ", remove: " : ", remove the line: ");
	printable_add(&leftover, words ? text_string(&search->what) : line->text);
	text_add(&leftover, " (", why, ")");
	search->report(search->context, text_string(&leftover));
	text_done(&leftover);
}

/* What is on the kernel command line, and in no boot loader's file that was looked at. */
static void find_on_cmdline(const struct root *root, struct search *search)
{
	char cmdline[4096];
	struct file_line line = { .path = "proc/cmdline" };
	struct text words = { 0 };
	char *rest;

	if (root_read(root, line.path, cmdline, sizeof(cmdline)) <= 0)
		return;
	add_step_words(cmdline, &words);
	for (char *word = words.data ? strtok_r(words.data, " ", &rest) : NULL; word;
	     word = strtok_r(NULL, " ", &rest)) {
		if (strstr(text_string(&search->loader_words), word))
			continue;
		text_done(&search->what);
		text_add(&search->what, word);
		report_step(search, &line,
			    "the boot loader adds it from a file that import does not know");
	}
	text_done(&words);
}

struct file_search {
	const struct root *root;
	struct search *search;
	const char *(*find_step)(struct search *search, const char *text);
};

/* Debian's link from modules-load.d to /etc/modules, which is looked at by its own name. */
static bool is_modules_again(const struct file_search *file, const struct file_line *line)
{
	char target[16];

	return !strcmp(line->path, "etc/modules-load.d/modules.conf") &&
	       !root_link_name(file->root, line->path, target, sizeof(target)) &&
	       !strcmp(target, "modules");
}

static int inspect_line(void *context, struct file_line *line)
{
	const struct file_search *file = context;
	const char *why;

	text_done(&file->search->what);
	why = file->find_step(file->search, line->text);
	if (why && !is_modules_again(file, line))
		report_step(file->search, line, why);
	return 0;
}

/* driverctl's files are of no lines: each is one step. */
static void find_overrides(const struct root *root, struct search *search)
{
	static const char directory[] = "etc/driverctl.d";
	char **names = NULL, path[ROOT_PATH_SIZE], driver[64];
	size_t count = 0;

	text_done(&search->what);
	if (root_names(root, directory, &names, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		struct file_line line = { .path = path, .text = driver };

		if (prefix_skip(names[i], "pci-") &&
		    string_join(path, sizeof(path), directory, "/", names[i], NULL) &&
		    root_read(root, path, driver, sizeof(driver)) > 0 &&
		    !strcmp(driver, "vfio-pci"))
			report_step(search, &line, "with driverctl unset-override");
	}
	names_free(names, count);
}

int leftovers_find(const struct root *root, const char *drivers, leftover_reporter *report,
		   void *context)
{
	struct search search = { .drivers = drivers, .report = report, .context = context };
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !error; i++) {
		struct file_search file = { root, &search, places[i].find_step };

		if (places[i].suffix)
			error = lines_read_all(root, places[i].path, places[i].suffix, inspect_line,
					       &file);
		else
			error = lines_read(root, places[i].path, inspect_line, &file);
	}
	find_on_cmdline(root, &search);
	find_overrides(root, &search);
	text_done(&search.what);
	text_done(&search.loader_words);
	return error;
}
