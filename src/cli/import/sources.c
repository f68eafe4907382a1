/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recipes of others: where they are written down. */

#include "import/sources.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "import/format.h"
#include "machine/resolver.h"

#define CMDLINE "proc/cmdline"
#define DRIVERCTL "etc/driverctl.d"
#define BLANKS " \t\n"

struct source {
	struct reading reading;
	const char *sought;	/* find_option(): the options that libkmod found */
	struct file_line found; /* and where */
	bool mapping;		/* add_named(): the file is one of Proxmox' */
};

static int add_known(void *context, struct file_line *line)
{
	const struct source *source = context;
	int error = format_add(&source->reading, line, line->text);

	return error == -ENOENT ? 0 : error;
}

/* Each word for itself: the kernel command line. */
static int add_words(void *context, struct file_line *line)
{
	const struct source *source = context;
	int error = 0;
	char *rest;

	for (char *word = strtok_r(line->text, BLANKS, &rest); word && (!error || error == -ENOENT);
	     word = strtok_r(NULL, BLANKS, &rest))
		error = format_add(&source->reading, line, word);
	return error == -ENOENT ? 0 : error;
}

/* ids= among the options of a modprobe.d line, which is changed; NULL without it. */
static char *find_ids(char *options)
{
	char *rest;

	for (char *word = strtok_r(options, BLANKS, &rest); word;
	     word = strtok_r(NULL, BLANKS, &rest))
		if (prefix_skip(word, "ids="))
			return word + 4;
	return NULL;
}

/* "options vfio-pci ids=..." of a file that somebody names; any other line is a list. */
static int add_any(void *context, struct file_line *line)
{
	const struct source *source = context;
	const char *options = prefix_skip(line->text, "options ");
	char *ids;
	int error;

	if (options && module_name_equal(options, strcspn(options, BLANKS), "vfio_pci")) {
		ids = find_ids((char *)options);
		return ids ? format_add_ids(&source->reading, line, ids) : 0;
	}
	error = format_add(&source->reading, line, line->text);
	return error == -ENOENT ? format_add_pairs(&source->reading, line, line->text) : error;
}

static int find_option(void *context, struct file_line *line)
{
	struct source *source = context;

	if (!source->found.path && strstr(line->text, source->sought)) {
		source->found = *line;
		source->found.path = strdup(line->path);
		source->found.text = NULL;
	}
	return 0;
}

/*
 * Where modprobe.d has these options: libkmod tells what is in force, and not from which file.
 * What is in none is of the kernel command line, which libkmod reads as well.
 */
static int locate(struct source *source, const char *options)
{
	const struct root *root = &source->reading.machine->root;
	int error = 0;

	source->sought = options;
	source->found = (struct file_line){ 0 };
	for (const char *const *place = resolver_places(); *place && !error; place++)
		error = lines_read_all(root, *place + 1, ".conf", find_option, source);
	return error;
}

static int add_option(void *context, const char *module, const char *options)
{
	struct source *source = context;
	_cleanup_(freep) char *copy = NULL;
	int error;
	char *ids;

	if (!module_name_equal(module, strlen(module), "vfio_pci"))
		return 0;
	error = locate(source, options);
	if (error || !source->found.path)
		return error;
	copy = strdup(options);
	ids = copy ? find_ids(copy) : NULL;
	error = !copy ? -ENOMEM : ids ? format_add_ids(&source->reading, &source->found, ids) : 0;
	free((char *)source->found.path);
	return error;
}

/* systemd escapes what can't stand in the name of a unit, as \xHH. */
static void unescape(const char *name, char *out, size_t size)
{
	size_t length = 0;
	uint32_t byte;

	for (; *name && length + 1 < size; length++) {
		bool escaped = !strncmp(name, "\\x", 2) && hex_parse(name + 2, 2, &byte);

		out[length] = escaped ? (char)byte : *name;
		name += escaped ? 4 : 1;
	}
	out[length] = '\0';
}

/* driverctl: a file "pci-ADDRESS" with the name of the driver in it. */
static int add_override(struct source *source, const char *name)
{
	char path[ROOT_PATH_SIZE], plain[64], driver[PCI_DRIVER_SIZE];
	const char *address;
	struct entry *entry;

	unescape(name, plain, sizeof(plain));
	address = prefix_skip(plain, "pci-");
	if (!address || !string_join(path, sizeof(path), DRIVERCTL "/", name, NULL) ||
	    root_read(&source->reading.machine->root, path, driver, sizeof(driver)) < 0)
		return 0;
	entry = entry_add(source->reading.entries, path, 0, address);
	if (!entry)
		return -ENOMEM;
	if (strcmp(driver, "vfio-pci"))
		entry->problem = "is given to another driver than vfio-pci";
	else if (!format_parse_address(address, entry))
		entry->problem = "is no address";
	return 0;
}

static int add_overrides(struct source *source)
{
	char **names = NULL;
	size_t count = 0;
	int error = 0;

	if (root_names(&source->reading.machine->root, DRIVERCTL, &names, &count))
		return 0;
	for (size_t i = 0; i < count && !error; i++)
		error = add_override(source, names[i]);
	names_free(names, count);
	return error;
}

/* The command line as a line; a file of /proc has no size. */
static int read_cmdline(struct source *source)
{
	struct file_line line = { .path = CMDLINE };
	int error;

	line.text = strdup(source->reading.machine->cmdline.text);
	error = line.text ? add_words(source, &line) : -ENOMEM;
	free(line.text);
	return error;
}

int sources_find(const struct machine *machine, struct entries *ret)
{
	struct source source = { .reading = { machine, ret } };
	const struct root *root = &machine->root;
	int error = resolver_each_option(machine->directory, add_option, &source);

	if (!error)
		error = read_cmdline(&source);
	if (!error)
		error = add_overrides(&source);
	if (!error)
		error = lines_read(root, "boot/config/vfio-pci.cfg", add_known, &source);
	if (!error)
		error = lines_read(root, "etc/pve/mapping/pci.cfg", add_known, &source);
	if (!error)
		error = lines_read_all(root, "etc/initramfs-tools/scripts/init-top", "", add_known,
				       &source);
	return error;
}

/* A mapping's name stands on a line of its own: only the lines below it count. */
static int add_named(void *context, struct file_line *line)
{
	const struct source *source = context;

	if (source->mapping && strncmp(line->text, "map", 3))
		return 0;
	return add_any(context, line);
}

static int note_mapping(void *context, struct file_line *line)
{
	struct source *source = context;

	if (prefix_skip(line->text, "map ") || prefix_skip(line->text, "map\t"))
		source->mapping = true;
	return 0;
}

int sources_read(const struct machine *machine, const char *file, struct entries *ret)
{
	_cleanup_(root_done) struct root here = ROOT_NONE;
	struct source source = { .reading = { machine, ret } };
	_cleanup_(freep) char *path = realpath(file, NULL);
	int error;

	if (!path)
		return -errno;
	here.fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (here.fd < 0 || access(path, R_OK) < 0)
		return -errno;
	error = lines_read(&here, path + 1, note_mapping, &source);
	return error ? error : lines_read(&here, path + 1, add_named, &source);
}
