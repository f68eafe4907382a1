/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What hangs on each function: the names by which people recognize a controller. */

#include "inuse/attached.h"

#include <string.h>

#include "inuse/block.h"

#define CLASS_BLOCK "sys/class/block"
#define NAME_SIZE 128 /* of what a device says of itself */

/* Reads DIRECTORY/NAME/ATTRIBUTE without the blanks at its end. Returns whether there is any. */
static bool read_name(const struct machine *machine, const char *directory, const char *name,
		      const char *attribute, char value[NAME_SIZE])
{
	char path[ROOT_PATH_SIZE];
	size_t length;

	value[0] = '\0';
	string_join(path, sizeof(path), directory, "/", name, "/", attribute, NULL);
	if (root_read(&machine->root, path, value, NAME_SIZE) <= 0)
		return false;
	for (length = strlen(value); length && value[length - 1] == ' '; length--)
		value[length - 1] = '\0';
	return length;
}

static bool has(const struct machine *machine, const char *directory, const char *name,
		const char *attribute)
{
	char path[ROOT_PATH_SIZE];

	return string_join(path, sizeof(path), directory, "/", name, "/", attribute, NULL) &&
	       root_has(&machine->root, path);
}

/* Adds `what` to the functions that the link DIRECTORY/NAME leads to. */
static int add_link(const struct machine *machine, const char *directory, const char *name,
		    const char *what, struct in_uses *ret)
{
	char path[ROOT_PATH_SIZE], link[ROOT_PATH_SIZE];

	string_join(path, sizeof(path), directory, "/", name, NULL);
	if (root_link(&machine->root, path, link, sizeof(link)))
		return 0;
	return in_uses_add(ret, machine, link, what, true);
}

static int add_interface(const struct machine *machine, const char *name, struct in_uses *ret)
{
	return add_link(machine, "sys/class/net", name, name, ret);
}

/* "8 TB", "1.9 TB", "500 GB": as the label of a disk has it. */
static void add_size(uint64_t bytes, struct text *text)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB" };
	uint64_t tenths = bytes / 100;
	size_t unit = 0;

	for (; tenths >= 9995 && unit < ARRAY_SIZE(units) - 1; unit++)
		tenths /= 1000;
	if (tenths >= 100 || tenths % 10 == 0) {
		text_add_number(text, (tenths + 5) / 10, 10, 1);
	} else {
		text_add_number(text, tenths / 10, 10, 1);
		text_add(text, ".");
		text_add_number(text, tenths % 10, 10, 1);
	}
	text_add(text, " ", units[unit]);
}

/*
 * Partitions and volumes are no disks. A disk with several paths has a hidden device for each,
 * nvme0c1n1 (drivers/nvme/host/multipath.c of Linux).
 */
static bool is_disk(const struct machine *machine, const char *name)
{
	const char *nvme = prefix_skip(name, "nvme");
	char path[ROOT_PATH_SIZE], **slaves = NULL;
	size_t count = 0;

	if ((nvme && strchr(nvme, 'c')) || has(machine, CLASS_BLOCK, name, "partition"))
		return false;
	string_join(path, sizeof(path), CLASS_BLOCK "/", name, "/slaves", NULL);
	if (!root_names(&machine->root, path, &slaves, &count))
		names_free(slaves, count);
	return !count;
}

/* "sda ST8000VN004 8 TB" */
static int add_disk(const struct machine *machine, const char *name, struct in_uses *ret)
{
	char model[NAME_SIZE], size[NAME_SIZE];
	struct text what = { 0 };
	uint64_t sectors;
	int error;

	if (!is_disk(machine, name))
		return 0;
	text_add(&what, name);
	if (read_name(machine, CLASS_BLOCK, name, "device/model", model))
		text_add(&what, " ", model);
	if (read_name(machine, CLASS_BLOCK, name, "size", size) &&
	    number_parse(size, 10, UINT64_MAX / 512, &sectors) && sectors) {
		text_add(&what, " ");
		add_size(sectors * 512, &what);
	}
	error = text_error(&what);
	if (!error)
		error = block_add_use(machine, name, text_string(&what), true, ret);
	text_done(&what);
	return error;
}

/* A hub is no device that anybody looks for, and an interface is a part of a device. */
static int add_usb(const struct machine *machine, const char *name, struct in_uses *ret)
{
	static const char directory[] = "sys/bus/usb/devices";
	char class[NAME_SIZE], product[NAME_SIZE];

	if (strchr(name, ':') || prefix_skip(name, "usb") ||
	    !read_name(machine, directory, name, "product", product) ||
	    (read_name(machine, directory, name, "bDeviceClass", class) && !strcmp(class, "09")))
		return 0;
	return add_link(machine, directory, name, product, ret);
}

/* "monitor on HDMI-A-1", of card0-HDMI-A-1 */
static int add_monitor(const struct machine *machine, const char *name, struct in_uses *ret)
{
	static const char directory[] = "sys/class/drm";
	const char *connector = strchr(name, '-');
	char status[NAME_SIZE], what[NAME_SIZE];

	if (!connector || !read_name(machine, directory, name, "status", status) ||
	    strcmp(status, "connected"))
		return 0;
	string_join(what, sizeof(what), "monitor on ", connector + 1, NULL);
	return add_link(machine, directory, name, what, ret);
}

int attached_find(const struct machine *machine, struct in_uses *ret)
{
	static const struct {
		const char *directory;
		int (*add)(const struct machine *machine, const char *name, struct in_uses *ret);
	} kinds[] = {
		{ "sys/class/net", add_interface },
		{ CLASS_BLOCK, add_disk },
		{ "sys/bus/usb/devices", add_usb },
		{ "sys/class/drm", add_monitor },
	};
	int error = 0;

	ret->all = true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !error; i++)
		error = in_uses_add_each(machine, kinds[i].directory, kinds[i].add, ret);
	return error;
}
