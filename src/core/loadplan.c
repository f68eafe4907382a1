/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of modules: made when the image is built, loaded by the boot program. */

#include "loadplan.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "alias.h"

#define LOADPLAN_MAX (256 * 1024)
#define COMPRESSED_FILE 4 /* MODULE_INIT_COMPRESSED_FILE, include/uapi/linux/module.h */

bool loadplan_has_driver(const struct loadplan *plan, const char *driver)
{
	for (size_t i = 0; i < plan->driver_count; i++)
		if (!strcmp(plan->drivers[i], driver))
			return true;
	return false;
}

bool loadplan_has_module(const struct loadplan *plan, const char *driver, const char *path)
{
	for (size_t i = 0; i < plan->count; i++)
		if (!strcmp(plan->modules[i].driver, driver) &&
		    !strcmp(plan->modules[i].path, path))
			return true;
	return false;
}

int loadplan_add_driver(struct loadplan *plan, const char *driver)
{
	char *copy = strdup(driver);

	if (!copy || ARRAY_GROW(plan->drivers, plan->driver_count)) {
		free(copy);
		return -ENOMEM;
	}
	plan->drivers[plan->driver_count++] = copy;
	return 0;
}

int loadplan_add(struct loadplan *plan, const char *path, const char *options)
{
	struct module *module;

	if (ARRAY_GROW(plan->modules, plan->count))
		return -ENOMEM;
	module = &plan->modules[plan->count++];
	*module = (struct module){ .driver = plan->drivers[plan->driver_count - 1],
				   .path = strdup(path),
				   .options = strdup(options) };
	return module->path && module->options ? 0 : -ENOMEM;
}

/* One line, NUL-terminated. */
static int parse_line(struct loadplan *plan, char *line, size_t number)
{
	size_t length = strlen(line);
	char *blank;
	int error;

	if (!length || *line == '#')
		return 0;
	if (*line == '[' && length > 2 && line[length - 1] == ']') {
		line[length - 1] = '\0';
		return loadplan_add_driver(plan, line + 1);
	}
	if (*line != '/' || !plan->driver_count) {
		plan->bad_line = plan->bad_line ? plan->bad_line : number;
		return 0;
	}
	blank = strchr(line, ' ');
	if (blank)
		*blank++ = '\0';
	error = loadplan_add(plan, line, blank ? blank : "");
	if (!error)
		plan->modules[plan->count - 1].line = number;
	return error;
}

int loadplan_parse(struct loadplan *plan, const char *text)
{
	_cleanup_(freep) char *copy = strdup(text);
	char *line = copy;

	if (!copy)
		return -ENOMEM;
	for (size_t number = 1; line; number++) {
		char *newline = strchr(line, '\n');
		int error;

		if (newline)
			*newline++ = '\0';
		error = parse_line(plan, line, number);
		if (error)
			return error;
		line = newline;
	}
	return 0;
}

int loadplan_read(const struct root *root, struct loadplan *ret)
{
	struct text text = { 0 };
	int error = root_read_file(root, LOADPLAN_FILE, LOADPLAN_MAX, &text);

	error = error < 0 ? error : loadplan_parse(ret, text_string(&text));
	text_done(&text);
	return error;
}

/* Takes the whole lines of `text` that are about vfio; the length of what they took up. */
static size_t take_aliases(const char *text, struct text *aliases)
{
	const char *line = text;

	for (const char *next; (next = line_next(line)); line = next)
		if (prefix_skip(line, ALIAS_PREFIX))
			text_add_bytes(aliases, line, next - line);
	return line - text;
}

int loadplan_read_aliases(const struct root *root, const char *release, struct text *aliases)
{
	char piece[4096 + 1], path[ROOT_PATH_SIZE];
	_cleanup_(closep) int fd = -1;
	size_t kept = 0, taken;
	ssize_t length;

	string_join(path, sizeof(path), "lib/modules/", release, "/modules.alias", NULL);
	fd = root_descriptor(root, path, O_RDONLY);
	while (fd >= 0 && (length = read(fd, piece + kept, sizeof(piece) - 1 - kept)) > 0) {
		kept += length;
		piece[kept] = '\0';
		taken = take_aliases(piece, aliases);
		/* A line that fills the whole piece is no alias. */
		kept = taken ? kept - taken : 0;
		memmove(piece, piece + taken, kept);
	}
	return text_error(aliases);
}

void loadplan_format(const struct loadplan *plan, const char *version, struct text *text)
{
	size_t module = 0;

	text_add(text, "# vfio-early: modules for Linux ", version, "\n");
	for (size_t i = 0; i < plan->driver_count; i++) {
		text_add(text, "[", plan->drivers[i], "]\n");
		for (; module < plan->count &&
		       !strcmp(plan->modules[module].driver, plan->drivers[i]);
		     module++)
			text_add(text, plan->modules[module].path,
				 *plan->modules[module].options ? " " : "",
				 plan->modules[module].options, "\n");
	}
}

void loadplan_module_name(const char *path, char *name)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t length = 0;

	for (; base[length] && base[length] != '.' && length < PCI_DRIVER_SIZE - 1; length++)
		name[length] = base[length] == '-' ? '_' : base[length];
	name[length] = '\0';
}

size_t loadplan_plain_length(const char *path)
{
	static const char *const compressions[] = { ".xz", ".zst", ".gz" };
	const char *suffix = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(compressions) && !suffix; i++)
		suffix = suffix_find(path, compressions[i]);
	return suffix ? (size_t)(suffix - path) : strlen(path);
}

/*
 * The module's file: mkinitramfs of Debian 12 unpacks modules after the hooks ran, so that the
 * suffix in the plan need not be the file's. `*ret_compressed` is for the file that was found.
 */
static int open_module(const struct root *root, const char *path, bool *ret_compressed)
{
	_cleanup_(freep) char *plain = NULL;
	size_t length = loadplan_plain_length(path);
	int fd = root_descriptor(root, path, O_RDONLY);

	*ret_compressed = path[length] != '\0';
	if (fd != -ENOENT || !*ret_compressed)
		return fd;
	plain = strndup(path, length);
	if (!plain)
		return -ENOMEM;
	*ret_compressed = false;
	return root_descriptor(root, plain, O_RDONLY);
}

/* Cuts `options` at its blanks and appends the words to `arguments`, which ends with NULL. */
static void split_words(char *options, char **arguments, size_t room)
{
	size_t count = 0;

	while (arguments[count])
		count++;
	for (options += strspn(options, " "); *options && count + 1 < room;
	     options += strspn(options, " ")) {
		arguments[count++] = options;
		options += strcspn(options, " ");
		if (*options)
			*options++ = '\0';
	}
	arguments[count] = NULL;
}

/*
 * For a kernel that can't unpack modules itself: modprobe unpacks in user space. Returns whether it
 * loaded the module. initramfs-tools exports options for modprobe, with which a blacklisted module
 * counts as loaded: they are not passed on.
 */
static bool load_by_modprobe(char *name, char *options)
{
	static char program[] = "/sbin/modprobe";
	char *arguments[32] = { program, name };
	int status;
	pid_t child = fork();

	if (child < 0)
		return false;
	if (child == 0) {
		unsetenv("MODPROBE_OPTIONS");
		split_words(options, arguments, ARRAY_SIZE(arguments));
		execv(program, arguments);
		_exit(127);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void gather_options(const struct module *module, const char *name, const struct conf *conf,
			   const struct cmdline *cmdline, struct text *options)
{
	text_add(options, module->options);
	for (size_t i = 0; i < conf->count; i++) {
		const struct rule *rule = &conf->rules[i];

		if (rule->statement == STATEMENT_OPTION && cmdline_activates(cmdline, rule) &&
		    module_name_equal(rule->module, strlen(rule->module), name))
			text_add(options, " ", rule->options);
	}
	cmdline_module_options(cmdline, name, options);
}

/*
 * The kernel checks a module's signature, ten million instructions and more, before it finds that
 * it has it. Only a module that is there and started says "live" (kernel/module/sysfs.c).
 */
static bool is_loaded(const struct root *root, const char *name)
{
	char path[ROOT_PATH_SIZE], state[sizeof("live")];

	string_join(path, sizeof(path), "sys/module/", name, "/initstate", NULL);
	return root_read(root, path, state, sizeof(state)) > 0 && *state == 'l';
}

int loadplan_load(const struct root *root, const struct module *module, const struct conf *conf,
		  const struct cmdline *cmdline)
{
	_cleanup_(closep) int fd = -1;
	char name[PCI_DRIVER_SIZE];
	struct text options = { 0 };
	bool compressed;
	int error;

	if (!root->live)
		return -EXDEV;
	loadplan_module_name(module->path, name);
	if (cmdline_blacklists(cmdline, name))
		return -ECANCELED;
	if (is_loaded(root, name))
		return 0;
	fd = open_module(root, module->path + 1, &compressed);
	if (fd < 0)
		return fd;
	gather_options(module, name, conf, cmdline, &options);
	error = text_error(&options);
	if (!error) {
		error = module_insert(fd, text_string(&options), compressed ? COMPRESSED_FILE : 0);
		/*
		 * Linux before 5.17 answers EINVAL, one without MODULE_DECOMPRESS EOPNOTSUPP. If
		 * modprobe fails, too, the kernel's own answer is the best there is.
		 */
		if (compressed && (error == -EOPNOTSUPP || error == -EINVAL) &&
		    load_by_modprobe(name, options.data))
			error = 0;
		if (error == -EOPNOTSUPP)
			error = -ENOEXEC;
	}
	text_done(&options);
	return error == -EEXIST ? 0 : error;
}

void loadplan_done(struct loadplan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->modules[i].path);
		free(plan->modules[i].options);
	}
	for (size_t i = 0; i < plan->driver_count; i++)
		free(plan->drivers[i]);
	free(plan->modules);
	free(plan->drivers);
	*plan = (struct loadplan){ 0 };
}
