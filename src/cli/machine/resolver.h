/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_RESOLVER_H
#define VFIO_EARLY_RESOLVER_H

#include "cmdline.h"
#include "loadplan.h"
#include "util.h"

/* The modules of one kernel below a root directory. Opaque: libkmod's context. */
struct resolver;

/*
 * Opens the modules of kernel `version` below `directory` ("/" for the running system),
 * with that root's modprobe.d. libkmod also reads module options from the running
 * kernel's command line (`cmdline`). They belong to this boot and not into an image, so
 * the resolver removes them. Returns NULL if the kernel's modules cannot be read.
 */
struct resolver *resolver_new(const char *directory, const char *version,
			      const struct cmdline *cmdline);
void resolver_free(struct resolver *resolver);

/*
 * Adds a heading for `driver` to the plan, then the modules to load, in order:
 * dependencies and soft dependencies first, each with its options from modprobe.d.
 * Built-in modules are left out. `first`: a module that must be loaded earlier, or NULL.
 * Returns 0 or -errno: -ENOENT if the kernel has neither a module nor a built-in driver
 * of that name.
 */
int resolver_add(struct resolver *resolver, const char *driver, const char *first,
		 struct loadplan *plan) _must_check_;

/*
 * Adds the names of the modules that match the modalias, separated by ", ", in the order
 * of modules.alias, as `lspci -k` prints them. Returns 0 or -errno.
 */
int resolver_add_names(struct resolver *resolver, const char *modalias,
		       struct text *text) _must_check_;

/*
 * Stores the first built-in driver that matches the modalias in `size` bytes at `name`.
 * Returns false if there is none. `name` must contain "" before the call.
 */
bool resolver_built_in(struct resolver *resolver, const char *modalias, char *name, size_t size);

/* Returns whether the kernel has a driver of that name, as a module or built in. */
bool resolver_has_driver(struct resolver *resolver, const char *driver);

/* Returns whether there is a module file of that name. Built-in modules have none. */
bool resolver_has_file(struct resolver *resolver, const char *module);

/*
 * Calls `use` for every effective "options" line of the modprobe.d below `directory`, and for the
 * module options of the running kernel's command line. Returns 0 or -errno, also of `use`.
 */
int resolver_each_option(const char *directory,
			 int (*use)(void *context, const char *module, const char *options),
			 void *context) _must_check_;

/*
 * Returns the absolute directories of modprobe.d in the order of their priority. Ends
 * with NULL.
 */
const char *const *resolver_places(void);

#endif
