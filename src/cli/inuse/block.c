/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block devices, from their names down through their layers to the PCI functions they lie on. */

#include "inuse/block.h"

#include <string.h>

#define CLASS_BLOCK "sys/class/block"
#define LAYERS_MAX 16 /* below each other; more would be a loop */

struct block_walk {
	const struct machine *machine;
	const char *what;
	bool certain;
	struct in_uses *uses;
};

static bool has_block(const struct root *root, const char *name)
{
	char path[ROOT_PATH_SIZE];

	return !strchr(name, '/') && *name &&
	       string_join(path, sizeof(path), CLASS_BLOCK "/", name, NULL) && root_has(root, path);
}

/* The last component of `path`, in BLOCK_NAME_SIZE bytes. */
static void base_name(const char *path, char *name)
{
	const char *slash = strrchr(path, '/');

	string_copy(name, BLOCK_NAME_SIZE, slash ? slash + 1 : path);
}

bool block_property(const struct root *root, const char *name, const char *key, char *value,
		    size_t size)
{
	char path[ROOT_PATH_SIZE], number[32];
	struct text text = { 0 };
	bool found = false;

	string_join(path, sizeof(path), CLASS_BLOCK "/", name, "/dev", NULL);
	if (root_read(root, path, number, sizeof(number)) <= 0)
		return false;
	string_join(path, sizeof(path), "run/udev/data/b", number, NULL);
	if (root_read_file(root, path, 64 * 1024, &text) < 0)
		goto out;
	for (const char *line = text_string(&text); line && !found; line = line_next(line)) {
		const char *rest = prefix_skip(line, "E:");

		rest = rest ? prefix_skip(rest, key) : NULL;
		found = rest && *rest == '=';
		if (found)
			line_copy(value, size, rest + 1);
	}
out:
	text_done(&text);
	return found;
}

/* Calls for each block device until `matches` says yes; its name is in `name` then. */
static bool search(const struct root *root, const char *value, char *name,
		   bool (*matches)(const struct root *root, const char *name, const char *key,
				   const char *value),
		   const char *key)
{
	char **names = NULL;
	size_t count = 0;
	bool found = false;

	if (root_names(root, CLASS_BLOCK, &names, &count))
		return false;
	for (size_t i = 0; i < count && !found; i++) {
		found = matches(root, names[i], key, value);
		if (found)
			string_copy(name, BLOCK_NAME_SIZE, names[i]);
	}
	names_free(names, count);
	return found;
}

static bool has_attribute(const struct root *root, const char *name, const char *key,
			  const char *value)
{
	char path[ROOT_PATH_SIZE], is[256];

	string_join(path, sizeof(path), CLASS_BLOCK "/", name, "/", key, NULL);
	return root_read(root, path, is, sizeof(is)) > 0 && !strcmp(is, value);
}

static bool has_property(const struct root *root, const char *name, const char *key,
			 const char *value)
{
	char is[256];

	return block_property(root, name, key, is, sizeof(is)) && !strcmp(is, value);
}

/* KEY=VALUE, as fstab(5) and resume= have it */
static bool find_tag(const struct root *root, const char *source, char *name)
{
	static const struct {
		const char *tag, *property;
	} tags[] = {
		{ "UUID=", "ID_FS_UUID" },
		{ "LABEL=", "ID_FS_LABEL" },
		{ "PARTUUID=", "ID_PART_ENTRY_UUID" },
		{ "PARTLABEL=", "ID_PART_ENTRY_NAME" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		const char *value = prefix_skip(source, tags[i].tag);

		if (value)
			return search(root, value, name, has_property, tags[i].property);
	}
	return false;
}

/* /dev/NAME, or a symbolic link to it as /dev/mapper/NAME and /dev/disk/by-.../NAME are. */
static bool find_path(const struct root *root, const char *path, char *name)
{
	const char *mapper = prefix_skip(path, "/dev/mapper/");

	if (root_link_name(root, path + 1, name, BLOCK_NAME_SIZE))
		base_name(path, name);
	if (has_block(root, name))
		return true;
	return mapper && search(root, mapper, name, has_attribute, "dm/name");
}

bool block_find(const struct root *root, const char *source, char *name)
{
	char path[ROOT_PATH_SIZE];

	if (prefix_skip(source, "/dev/"))
		return find_path(root, source, name);
	if (strchr(source, '='))
		return find_tag(root, source, name);
	return string_join(path, sizeof(path), "sys/dev/block/", source, NULL) &&
	       !root_link_name(root, path, name, BLOCK_NAME_SIZE);
}

static int descend(const struct block_walk *descent, const char *name, int layers);

/* Every member of a directory of links, as `slaves` is, whose names start with `prefix`. */
static int descend_into(const struct block_walk *descent, const char *directory, int layers)
{
	char **names = NULL;
	size_t count = 0;
	int error = root_names_if_any(&descent->machine->root, directory, &names, &count);

	for (size_t i = 0; i < count && !error; i++)
		error = descend(descent, names[i], layers);
	names_free(names, count);
	return error;
}

/*
 * An NVMe namespace that several controllers can reach: .../nvme-subsystem/nvme-subsysN/nvmeXnY,
 * with links to its controllers, nvmeN, beside it.
 */
static int descend_multipath(const struct block_walk *descent, const char *link)
{
	const struct root *root = &descent->machine->root;
	const char *subsystem = strstr(link, "/nvme-subsystem/");
	char directory[ROOT_PATH_SIZE], path[ROOT_PATH_SIZE], controller[ROOT_PATH_SIZE];
	char **names = NULL;
	size_t count = 0, length;
	int error = 0;

	if (!subsystem)
		return 0;
	length = strlen("/nvme-subsystem/");
	length += strcspn(subsystem + length, "/");
	string_join(path, sizeof(path), "sys/class", subsystem, NULL);
	string_copy(directory, length + sizeof("sys/class"), path);
	if (root_names(root, directory, &names, &count))
		return 0;
	for (size_t i = 0; i < count && !error; i++) {
		string_join(path, sizeof(path), directory, "/", names[i], NULL);
		if (!root_link(root, path, controller, sizeof(controller)))
			error = in_uses_add(descent->uses, descent->machine, controller,
					    descent->what, descent->certain);
	}
	names_free(names, count);
	return error;
}

/* The disk of a partition: the component in front of the last one. */
static bool parent_of(const struct root *root, const char *name, char *link, char *parent)
{
	char path[ROOT_PATH_SIZE];
	char *slash = strrchr(link, '/');

	string_join(path, sizeof(path), CLASS_BLOCK "/", name, "/partition", NULL);
	if (!slash || !root_has(root, path))
		return false;
	*slash = '\0';
	base_name(link, parent);
	return true;
}

static int descend(const struct block_walk *descent, const char *name, int layers)
{
	const struct root *root = &descent->machine->root;
	char path[ROOT_PATH_SIZE], link[ROOT_PATH_SIZE], parent[BLOCK_NAME_SIZE];
	int error;

	string_join(path, sizeof(path), CLASS_BLOCK "/", name, NULL);
	if (!layers || root_link(root, path, link, sizeof(link)))
		return 0;
	error = in_uses_add(descent->uses, descent->machine, link, descent->what, descent->certain);
	if (!error)
		error = descend_multipath(descent, link);
	string_join(path, sizeof(path), CLASS_BLOCK "/", name, "/slaves", NULL);
	if (!error)
		error = descend_into(descent, path, layers - 1);
	if (!error && parent_of(root, name, link, parent))
		error = descend(descent, parent, layers - 1);
	return error;
}

int block_add_use(const struct machine *machine, const char *name, const char *what, bool certain,
		  struct in_uses *uses)
{
	const struct block_walk descent = { machine, what, certain, uses };

	return descend(&descent, name, LAYERS_MAX);
}
