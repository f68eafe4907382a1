/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words in other tools' files that a machine with vfio-early no longer needs. */

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
	struct text what;	  /* the words to delete; empty: all words of the line */
	struct text loader_words; /* those of boot loaders' files, a blank around each */
};

/* Drivers that recipes blacklist although they may have no module here. */
static const char usual_drivers[] =
	"nouveau, nvidia, nvidiafb, nvidia_drm, nvidia_modeset, nvidia_uvm, amdgpu, radeon, "
	"i915, xe, snd_hda_intel";

static const char vfio_modules[] = "vfio, vfio_iommu_type1, vfio_pci, vfio_pci_core";

/* Adds a word of `length` bytes, after a blank. */
static void add_word(struct text *what, const char *word, size_t length)
{
	text_add(what, what->length ? " " : "");
	text_add_bytes(what, word, length);
}

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

/*
 * Adds the modules of vfio in a list to the words to delete. Adds nothing if the list has no other
 * modules: then the whole statement can go.
 */
static void add_vfio_modules(struct search *search, const char *list)
{
	static const char between[] = BLANKS "\"'";
	bool others = false;

	for (list += strspn(list, between); *list; list += strspn(list, between)) {
		size_t length = strcspn(list, between);

		if (prefix_skip(list, "vfio"))
			add_word(&search->what, list, length);
		else if (list[length - 1] != ':') /* "pre:" of a softdep */
			others = true;
		list += length;
	}
	if (!others)
		text_done(&search->what);
}

/* Returns whether `options` has ids=, and adds that word alone if there are other options. */
static bool add_ids(struct search *search, const char *options)
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
		add_word(&search->what, ids, strcspn(ids, BLANKS));
	return ids;
}

static const char *step_in_modprobe(struct search *search, const char *text)
{
	const char *rest;

	if ((rest = words_behind(text, "options")) && is_among(rest, "vfio_pci") &&
	    add_ids(search, rest))
		return "ids= takes every device of that model";
	if ((rest = words_behind(text, "softdep")) && strstr(rest, "vfio")) {
		add_vfio_modules(search, rest + strcspn(rest, BLANKS));
		return "listed devices are fenced before any driver is loaded";
	}
	if ((rest = words_behind(text, "blacklist")) &&
	    (is_among(rest, usual_drivers) || is_among(rest, search->drivers)))
		return "this driver cannot take listed devices, and other devices may need it";
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
	const char *list = strchr(text, '=');

	if (!list || !strstr(text, "drivers") || !strstr(list, "vfio"))
		return NULL;
	add_vfio_modules(search, list + 1);
	return "each image gets what its kernel has";
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

/* Adds to `what` the words that are to be deleted, and no others. */
static void add_step_words(const char *text, struct text *what)
{
	static const char between[] = BLANKS "\n\"'";

	for (text += strspn(text, between); *text; text += strspn(text, between)) {
		size_t length = strcspn(text, between);

		if (is_step_word(text))
			add_word(what, text, length);
		text += length;
	}
}

/* The files from which boot loaders take the kernel command line. */
static const char *step_in_cmdline(struct search *search, const char *text)
{
	add_step_words(text, &search->what);
	text_add(&search->loader_words, " ", text_string(&search->what), " ");
	return search->what.length ? "the config lists these devices now" : NULL;
}

/* Does a command in `text` give a device to vfio-pci by way of sysfs? */
static bool binds(const char *text)
{
	return strstr(text, "driver_override") || strstr(text, "drivers/vfio-pci/");
}

static const char *step_in_script(struct search *search, const char *text)
{
	(void)search;
	return binds(text) || prefix_skip(text, "DEVS=")
		       ? "the boot program does this before any script runs"
		       : NULL;
}

static const char *step_in_unit(struct search *search, const char *text)
{
	(void)search;
	return prefix_skip(text, "Exec") && binds(text)
		       ? "the boot program does this before systemd starts any unit"
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
	{ "etc/rc.local", NULL, step_in_script },
	{ "etc/systemd/system", ".service", step_in_unit },
	{ "etc/dracut.conf", NULL, step_in_dracut },
	{ "etc/dracut.conf.d", ".conf", step_in_dracut },
	{ "etc/default/grub", NULL, step_in_cmdline },
	{ "etc/default/grub.d", ".cfg", step_in_cmdline },
	{ "etc/kernel/cmdline", NULL, step_in_cmdline },
	{ "boot/loader/entries", ".conf", step_in_cmdline },
	{ "boot/config/vfio-pci.cfg", NULL, step_in_binding },
};

/* "in /etc/default/grub:1, delete: vfio-pci.ids=1000:0072 (WHY)" */
static void report_step(struct search *search, const struct file_line *line, const char *why)
{
	bool words = search->what.length;
	struct text leftover = { 0 };

	text_add(&leftover, "in ");
	lines_add_place(line, &leftover);
	text_add(&leftover, ", delete: ");
	printable_add(&leftover, words ? text_string(&search->what) : line->text);
	text_add(&leftover, " (", why, ")");
	search->report(search->context, text_string(&leftover));
	text_done(&leftover);
}

/* Is the word in a boot loader's file? Such a file has it with file and line. */
static bool is_of_loader(const struct search *search, const char *word)
{
	struct text whole = { 0 };
	bool found;

	text_add(&whole, " ", word, " ");
	found = strstr(text_string(&search->loader_words), text_string(&whole));
	text_done(&whole);
	return found;
}

/* Reports what is on the kernel command line, but in no boot loader's file that is known. */
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
		if (is_of_loader(search, word))
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

/* Is it Debian's link from modules-load.d to /etc/modules, which is read by its own name? */
static bool is_modules_again(const struct file_search *file, const struct file_line *line)
{
	char target[16];

	return !strcmp(line->path, "etc/modules-load.d/modules.conf") &&
	       !root_link_name(file->root, line->path, target, sizeof(target)) &&
	       !strcmp(target, "modules");
}

/* Proxmox VE installs this file, which blacklists a driver that no device there needs. */
static bool is_of_proxmox(const struct file_line *line)
{
	return !strcmp(line->path, "etc/modprobe.d/pve-blacklist.conf");
}

static int inspect_line(void *context, struct file_line *line)
{
	const struct file_search *file = context;
	const char *why;

	text_done(&file->search->what);
	why = file->find_step(file->search, line->text);
	if (why && !is_modules_again(file, line) && !is_of_proxmox(line))
		report_step(file->search, line, why);
	return 0;
}

/* Reports a file of driverctl, which is one step. */
static int inspect_override(void *context, const char *path, const char *name)
{
	const struct file_search *file = context;
	char driver[64];
	struct file_line line = { .path = path, .text = driver };

	text_done(&file->search->what);
	if (prefix_skip(name, "pci-") && root_read(file->root, path, driver, sizeof(driver)) > 0 &&
	    !strcmp(driver, "vfio-pci"))
		report_step(file->search, &line,
			    "delete this file; driverctl unset-override would also release the "
			    "device now");
	return 0;
}

int leftovers_find(const struct root *root, const char *drivers, leftover_reporter *report,
		   void *context)
{
	struct search search = { .drivers = drivers, .report = report, .context = context };
	struct file_search overrides = { root, &search, NULL };
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
	if (!error)
		error = files_each(root, "etc/driverctl.d", "", inspect_override, &overrides);
	text_done(&search.what);
	text_done(&search.loader_words);
	return error;
}
