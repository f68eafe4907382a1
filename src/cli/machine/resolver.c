/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a driver's name to the module files that have to be loaded: the only user of libkmod. */

#include "machine/resolver.h"

#include <libkmod.h>
#include <stdio.h>
#include <string.h>

struct resolver {
	struct kmod_ctx *kmod;
	const struct cmdline *cmdline;
	size_t root_length; /* of the root's path in front of a module's path */
};

/* What libkmod's print_action can't be handed: it has no parameter for its caller's data. */
static struct {
	const struct resolver *resolver;
	struct loadplan *plan;
	const char *driver;
	int error;
} action;

static char *join(const char *a, const char *b)
{
	char *path;

	return asprintf(&path, "%s%s", a, b) < 0 ? NULL : path;
}

/* The places and their order are modprobe.d(5)'s. */
static const char *const places[] = { "/etc/modprobe.d",	   "/run/modprobe.d",
				      "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
				      "/lib/modprobe.d",	   NULL };

const char *const *resolver_places(void)
{
	return places;
}

/*
 * libkmod prints lines that it can't understand as they are, whatever is in them, unless it is told
 * not to; and that early it listens to its environment alone.
 */
static struct kmod_ctx *new_quietly(const char *modules, const char *const *paths)
{
	static const char priority[] = "KMOD_LOG", critical[] = "2";
	bool own = !getenv(priority) && !setenv(priority, critical, 0);
	struct kmod_ctx *kmod = kmod_new(modules, paths);

	if (own)
		unsetenv(priority);
	return kmod;
}

/* Below `root`, "" for the running system; `modules` NULL: of no kernel. */
static struct kmod_ctx *open_kmod(const char *root, const char *modules)
{
	char *paths[ARRAY_SIZE(places)] = { 0 };
	struct kmod_ctx *kmod = NULL;
	size_t count = 0;

	while (places[count] && (paths[count] = join(root, places[count])))
		count++;
	if (!places[count])
		kmod = new_quietly(modules, (const char *const *)paths);
	while (count)
		free(paths[--count]);
	return kmod;
}

struct resolver *resolver_new(const char *directory, const char *version,
			      const struct cmdline *cmdline)
{
	/* libkmod hands out absolute paths, whatever it was given; the root's is cut off them. */
	_cleanup_(freep) char *real = realpath(directory, NULL);
	const char *root = real ? root_prefix(real) : "";
	_cleanup_(freep) char *modules = NULL;
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (!real || !resolver || asprintf(&modules, "%s/lib/modules/%s", root, version) < 0) {
		modules = NULL;
		goto out;
	}
	resolver->cmdline = cmdline;
	resolver->root_length = strlen(root);
	resolver->kmod = open_kmod(root, modules);
	if (resolver->kmod && !kmod_load_resources(resolver->kmod))
		return resolver;
out:
	resolver_free(resolver);
	return NULL;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	kmod_unref(resolver->kmod);
	free(resolver);
}

/* Removes `word` from the blank-separated `words`, once. */
static void remove_word(char *words, const char *word, size_t length)
{
	for (char *p = words; *p; p += strspn(p, " ")) {
		size_t here = strcspn(p, " ");

		if (here == length && !memcmp(p, word, length)) {
			char *rest = p + length + strspn(p + length, " ");

			memmove(p, rest, strlen(rest) + 1);
			return;
		}
		p += here;
	}
}

/* The options of modprobe.d: those that libkmod found, less those of the kernel command line. */
static char *own_options(const char *module, const char *options)
{
	char *own = strdup(options ? options : "");
	struct text from_cmdline = { 0 };

	if (!own)
		return NULL;
	cmdline_module_options(action.resolver->cmdline, module, &from_cmdline);
	for (const char *p = text_string(&from_cmdline); *p;) {
		p += strspn(p, " ");
		remove_word(own, p, strcspn(p, " "));
		p += strcspn(p, " ");
	}
	text_done(&from_cmdline);
	for (size_t length = strlen(own); length && own[length - 1] == ' ';)
		own[--length] = '\0';
	return own;
}

/* libkmod tells of a module that it would load now. The same one can come twice. */
static void add_module(struct kmod_module *module, bool install, const char *options)
{
	const char *path = kmod_module_get_path(module);
	_cleanup_(freep) char *own = NULL;

	if (!path || action.error)
		return;
	if (install) /* `options` is a command then: left aside, no shell is in an image */
		options = kmod_module_get_options(module);
	path += action.resolver->root_length;
	if (loadplan_has_module(action.plan, action.driver, path))
		return;
	own = own_options(kmod_module_get_name(module), options);
	action.error = own ? loadplan_add(action.plan, path, own) : -ENOMEM;
}

static int add_modules(struct resolver *resolver, struct kmod_list *list)
{
	/* KMOD_PROBE_IGNORE_COMMAND would leave out the soft dependencies of the module itself. */
	const unsigned int flags = KMOD_PROBE_DRY_RUN | KMOD_PROBE_IGNORE_LOADED;
	struct kmod_list *item;

	(void)resolver;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);
		int error = kmod_module_probe_insert_module(module, flags, NULL, NULL, NULL,
							    add_module);

		kmod_module_unref(module);
		if (error < 0)
			return error;
	}
	return action.error;
}

static int add_by_name(struct resolver *resolver, const char *name)
{
	struct kmod_list *list = NULL;
	int error = kmod_module_new_from_lookup(resolver->kmod, name, &list);

	if (error >= 0)
		error = list ? add_modules(resolver, list) : -ENOENT;
	kmod_module_unref_list(list);
	return error;
}

int resolver_add(struct resolver *resolver, const char *driver, const char *first,
		 struct loadplan *plan)
{
	int error = loadplan_add_driver(plan, driver);

	action.resolver = resolver;
	action.plan = plan;
	action.driver = driver;
	action.error = 0;
	if (!error && first)
		error = add_by_name(resolver, first);
	return error ? error : add_by_name(resolver, driver);
}

bool resolver_has_file(struct resolver *resolver, const char *module)
{
	struct kmod_module *found = NULL;
	bool has = kmod_module_new_from_name(resolver->kmod, module, &found) >= 0 &&
		   kmod_module_get_path(found);

	kmod_module_unref(found);
	return has;
}

int resolver_add_names(struct resolver *resolver, const char *modalias, struct text *text)
{
	struct kmod_list *list = NULL, *item;
	int error = kmod_module_new_from_lookup(resolver->kmod, modalias, &list);

	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);

		text_add(text, text->length ? ", " : "", kmod_module_get_name(module));
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	return error < 0 ? error : text_error(text);
}

bool resolver_built_in(struct resolver *resolver, const char *modalias, char *name, size_t size)
{
	struct kmod_list *list = NULL, *item;
	bool found = false;

	if (kmod_module_new_from_lookup(resolver->kmod, modalias, &list) < 0)
		return false;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);

		found = found || kmod_module_get_initstate(module) == KMOD_MODULE_BUILTIN;
		if (found && !*name)
			string_copy(name, size, kmod_module_get_name(module));
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	return found;
}

bool resolver_has_driver(struct resolver *resolver, const char *driver)
{
	struct kmod_list *list = NULL;
	bool has = kmod_module_new_from_lookup(resolver->kmod, driver, &list) >= 0 && list;

	kmod_module_unref_list(list);
	return has;
}

int resolver_each_option(const char *directory,
			 int (*use)(void *context, const char *module, const char *options),
			 void *context)
{
	_cleanup_(freep) char *real = realpath(directory, NULL);
	struct kmod_ctx *kmod = real ? open_kmod(root_prefix(real), NULL) : NULL;
	struct kmod_config_iter *options = kmod ? kmod_config_get_options(kmod) : NULL;
	int error = !real ? -errno : !kmod ? -ENOMEM : 0;

	while (options && !error && kmod_config_iter_next(options))
		error = use(context, kmod_config_iter_get_key(options),
			    kmod_config_iter_get_value(options));
	if (options) /* libkmod looks into it */
		kmod_config_iter_free_iter(options);
	kmod_unref(kmod);
	return error;
}
