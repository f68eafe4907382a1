/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_LOADPLAN_H
#define VFIO_EARLY_LOADPLAN_H

#include <stddef.h>

#include "cmdline.h"
#include "conf.h"
#include "root.h"
#include "util.h"

#define LOADPLAN_FILE "usr/lib/vfio-early/modules"

/* One module file to be loaded for a target driver. */
struct module {
	const char *driver; /* the target driver, as "vfio-pci": one of the plan's */
	char *path;	    /* absolute, in the image */
	char *options;	    /* from modprobe.d; "" for none */
	size_t line;	    /* in the file */
};

/*
 * Which modules each target driver needs in this kernel, in the order of loading:
 *
 *   file := { line "\n" }
 *   line := "# " comment | "[" DRIVER "]" | PATH [" " OPTIONS]
 *
 * A driver without modules is built in. Starts zeroed.
 */
struct loadplan {
	struct module *modules;
	size_t count;
	char **drivers; /* those with a heading */
	size_t driver_count;
	size_t bad_line; /* the first line that can't be understood, 0 for none */
};

int loadplan_parse(struct loadplan *plan, const char *text) _must_check_;

/* Reads LOADPLAN_FILE. 0 or -errno. */
int loadplan_read(const struct root *root, struct loadplan *ret) _must_check_;

/*
 * Adds the lines about vfio (ALIAS_PREFIX) of the modules.alias of Linux `release` to `aliases`.
 * It is read in pieces: the whole of it can have more than a megabyte. 0, also where there is no
 * such file, or -ENOMEM.
 */
int loadplan_read_aliases(const struct root *root, const char *release,
			  struct text *aliases) _must_check_;

/* Adds a heading, and modules below the last one; the strings are copied. 0 or -ENOMEM. */
int loadplan_add_driver(struct loadplan *plan, const char *driver) _must_check_;
int loadplan_add(struct loadplan *plan, const char *path, const char *options) _must_check_;

bool loadplan_has_driver(const struct loadplan *plan, const char *driver);
bool loadplan_has_module(const struct loadplan *plan, const char *driver, const char *path);

/* The file, for a kernel of this version. */
void loadplan_format(const struct loadplan *plan, const char *version, struct text *text);

/* The module's name in a path: "vfio_pci" in PCI_DRIVER_SIZE bytes for ".../vfio-pci.ko.xz". */
void loadplan_module_name(const char *path, char *name);

/* The length of a module's path without the suffix of a compressed file. */
size_t loadplan_plain_length(const char *path);

/*
 * Loads one module, with its own options, those of the config's active option lines, and those of
 * the kernel command line, in that order (the last one wins in the kernel). 0, also if it is
 * loaded already, or -errno: -EXDEV if `root` is not the running system, whose kernel is left
 * alone; -ECANCELED if modprobe.blacklist= names it.
 */
int loadplan_load(const struct root *root, const struct module *module, const struct conf *conf,
		  const struct cmdline *cmdline) _must_check_;

void loadplan_done(struct loadplan *plan);

#endif
