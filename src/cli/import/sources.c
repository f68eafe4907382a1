/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files in which other tools list devices. */

#include "import/sources.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "import/format.h"
#include "import/libvirt.h"
#include "import/proxmox.h"
#include "machine/resolver.h"

#define CMDLINE "proc/cmdline"
#define DRIVERCTL "etc/driverctl.d"
#define BLANKS " \t\n"

struct source {
	struct reading reading;
	const char *sought;	/* find_option(): the options that libkmod found */
	struct file_line found; /* and where */
	/* sources_read(): what kind of file it is */
	bool mapping, guest; /* of Proxmox VE */
	bool xml;	     /* of libvirt */
};

/* What is in front of devices, in files and on the kernel command line. */
static const struct {
	const char *prefix;
	int (*add)(const struct reading *reading, const struct file_line *line, char *rest);
} forms[] = {
	{ "BIND=", format_add_pairs },
	{ "DEVS=", format_add_pairs },
	{ "map ", proxmox_add_mapping },
	{ "map\t", proxmox_add_mapping },
	{ "vfio-pci.ids=", format_add_ids },
	{ "vfio_pci.ids=", format_add_ids },
	{ "rd.qubes.hide_pci=", format_add_hidden },
};

/* Adds the entries of a text that starts with one of the forms. -ENOENT for any other text. */
static int add_form(const struct reading *reading, const struct file_line *line, char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (prefix_skip(text, forms[i].prefix))
			return forms[i].add(reading, line, text + strlen(forms[i].prefix));
	return -ENOENT;
}

static int add_known(void *context, struct file_line *line)
{
	const struct source *source = context;
	int error = add_form(&source->reading, line, line->text);

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
		error = add_form(&source->reading, line, word);
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
	error = add_form(&source->reading, line, line->text);
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

/* driverctl: a file "pci-ADDRESS" that contains the name of the driver. */
static int add_override(void *context, const char *path, const char *name)
{
	const struct source *source = context;
	const struct file_line line = { .path = path };
	char plain[64], driver[PCI_DRIVER_SIZE];
	const char *address;
	struct entry *entry;

	unescape(name, plain, sizeof(plain));
	address = prefix_skip(plain, "pci-");
	if (!address || root_read(&source->reading.machine->root, path, driver, sizeof(driver)) < 0)
		return 0;
	entry = entry_add(source->reading.entries, &line, address);
	if (!entry)
		return -ENOMEM;
	if (strcmp(driver, "vfio-pci"))
		entry->problem = "bound to another driver than vfio-pci";
	else if (!format_parse_address(address, entry))
		entry->problem = "not a PCI address";
	return 0;
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
		error = files_each(root, DRIVERCTL, "", add_override, &source);
	if (!error)
		error = lines_read(root, "boot/config/vfio-pci.cfg", add_known, &source);
	if (!error)
		error = lines_read(root, PROXMOX_MAPPINGS, add_known, &source);
	if (!error)
		error = lines_read_all(root, "etc/initramfs-tools/scripts/init-top", "", add_known,
				       &source);
	if (!error)
		error = proxmox_read_guests(&source.reading);
	if (!error)
		error = libvirt_read_guests(&source.reading);
	return error;
}

/* Of a file with mappings only the lines with devices count: others have names and notes. */
static int add_named(void *context, struct file_line *line)
{
	const struct source *source = context;

	if (source->mapping && strncmp(line->text, "map", 3))
		return 0;
	return add_any(context, line);
}

/* Notes of which kind a file with this line is. */
static int note_kind(void *context, struct file_line *line)
{
	struct source *source = context;

	if (prefix_skip(line->text, "map ") || prefix_skip(line->text, "map\t"))
		source->mapping = true;
	source->guest |= proxmox_is_hostpci(line->text);
	source->xml |= *line->text == '<';
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
	error = lines_read(&here, path + 1, note_kind, &source);
	if (!error && source.xml)
		return libvirt_read_guest(&source.reading, &here, path + 1);
	if (!error && source.guest)
		return proxmox_read_guest(&source.reading, &here, path + 1);
	return error ? error : lines_read(&here, path + 1, add_named, &source);
}
