/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_RESOLVER_H
#define VFIO_EARLY_RESOLVER_H

#include "cmdline.h"
#include "loadplan.h"
#include "util.h"

/* The modules of one kernel, below a root directory. Opaque: libkmod's context. */
struct resolver;

/*
 * For `version` below `directory` ("/" for the running system), with that root's modprobe.d.
 * `cmdline` is the running machine's: libkmod takes module options from there as well, which
 * belong to this boot and not into an image; they are taken out again. NULL if the kernel's
 * modules can't be read.
 */
struct resolver *resolver_new(const char *directory, const char *version,
			      const struct cmdline *cmdline);
void resolver_free(struct resolver *resolver);

/*
 * Adds a heading for `driver` to the plan, and all modules that its loading loads, in that
 * order: dependencies and soft dependencies first, each with its options from modprobe.d; what
 * is built into the kernel is left out. `first`: a module that goes before, or NULL. 0;
 * -ENOENT if the kernel has no module and no built-in driver of that name; or -errno.
 */
int resolver_add(struct resolver *resolver, const char *driver, const char *first,
		 struct loadplan *plan) _must_check_;

/*
 * Adds the names of the modules that would take a device with this modalias, ", " between them,
 * in the order of modules.alias, as `lspci -k` has them. 0 or -errno.
 */
int resolver_add_names(struct resolver *resolver, const char *modalias,
		       struct text *text) _must_check_;

/*
 * The first driver built into the kernel that would take a device with this modalias, in `size`
 * bytes at `name`. False if there is none.
 */
bool resolver_built_in(struct resolver *resolver, const char *modalias, char *name,
		       size_t size);

/* Has the kernel a driver of that name, as a module or built in? */
bool resolver_has_driver(struct resolver *resolver, const char *driver);

/* Is there a module file of that name, not built in? */
bool resolver_has_file(struct resolver *resolver, const char *module);

/*
 * Calls `use` for every "options" line of the modprobe.d below `directory` that is in force,
 * and for the module options of the running kernel's command line. 0, or -errno, of `use`
 * too.
 */
int resolver_each_option(const char *directory,
			 int (*use)(void *context, const char *module,
				    const char *options),
			 void *context) _must_check_;

/* The directories of modprobe.d, absolute, in their order; ends with NULL. */
const char *const *resolver_places(void);

#endif
