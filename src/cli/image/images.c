/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which images there are. */

#include "image/images.h"

#include <string.h>
#include <sys/stat.h>

static const struct {
	const char *directory, *prefix, *suffix;
} places[] = {
	{ "boot", "initrd.img-", "" },	      /* Debian */
	{ "boot", "initramfs-", ".img" },     /* Fedora, Arch */
	{ "boot", "initrd-", "" },	      /* openSUSE */
	{ "boot/efi/EFI/Linux", "", ".efi" }, /* unified kernel images */
	{ "boot/EFI/Linux", "", ".efi" },
	{ "efi/EFI/Linux", "", ".efi" },
};

/* Below these kernel-install makes MACHINE-ID/KERNEL/initrd. */
static const char *const partitions[] = { "boot/efi", "boot", "efi" };

/* Copies that package managers and editors leave behind, and images for other ends. */
static const char *const others[] = { ".dpkg-", ".bak", ".old",	  ".new",
				      ".tmp",	"~",	"rescue", "kdump" };

static bool is_wanted(const char *name, const char *prefix, const char *suffix)
{
	if (!prefix_skip(name, prefix) || !suffix_find(name, suffix))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strstr(name, others[i]))
			return false;
	return true;
}

static bool is_file(const struct root *root, const char *path, struct stat *ret)
{
	return fstatat(root->fd, path, ret, 0) == 0 && S_ISREG(ret->st_mode);
}

/* One partition can be mounted twice, and a file can have two names. */
static bool is_known(const struct root *root, const struct images *images, const struct stat *st)
{
	for (size_t i = 0; i < images->count; i++) {
		struct stat other;

		if (is_file(root, images->paths[i], &other) && other.st_dev == st->st_dev &&
		    other.st_ino == st->st_ino)
			return true;
	}
	return false;
}

static int add_image(const struct root *root, const char *path, struct images *images)
{
	struct stat st;
	char *copy;

	if (!is_file(root, path, &st) || is_known(root, images, &st))
		return 0;
	copy = strdup(path);
	if (!copy || ARRAY_GROW(images->paths, images->count)) {
		free(copy);
		return -ENOMEM;
	}
	images->paths[images->count++] = copy;
	return 0;
}

static int add_matching(const struct root *root, const char *directory, const char *prefix,
			const char *suffix, struct images *images)
{
	char **names = NULL, path[ROOT_PATH_SIZE];
	size_t count = 0;
	int error = 0;

	if (root_names(root, directory, &names, &count)) /* not there, or not to be read */
		return 0;
	for (size_t i = 0; i < count && !error; i++)
		if (is_wanted(names[i], prefix, suffix) &&
		    string_join(path, sizeof(path), directory, "/", names[i], NULL))
			error = add_image(root, path, images);
	names_free(names, count);
	return error;
}

/* Every PARTITION/MACHINE-ID/KERNEL/initrd. */
static int add_installed(const struct root *root, const char *partition, const char *machine_id,
			 struct images *images)
{
	char **names = NULL, directory[ROOT_PATH_SIZE], path[ROOT_PATH_SIZE];
	size_t count = 0;
	int error = 0;

	string_join(directory, sizeof(directory), partition, "/", machine_id, NULL);
	if (root_names(root, directory, &names, &count))
		return 0;
	for (size_t i = 0; i < count && !error; i++)
		if (string_join(path, sizeof(path), directory, "/", names[i], NULL))
			error = add_matching(root, path, "initrd", "", images);
	names_free(names, count);
	return error;
}

int images_find(const struct root *root, struct images *ret)
{
	char machine_id[64];
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !error; i++)
		error = add_matching(root, places[i].directory, places[i].prefix, places[i].suffix,
				     ret);
	if (root_read(root, "etc/machine-id", machine_id, sizeof(machine_id)) <= 0 ||
	    strchr(machine_id, '/'))
		return error;
	for (size_t i = 0; i < ARRAY_SIZE(partitions) && !error; i++)
		error = add_installed(root, partitions[i], machine_id, ret);
	return error;
}

void images_done(struct images *images)
{
	names_free(images->paths, images->count);
	*images = (struct images){ 0 };
}
