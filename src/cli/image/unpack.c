/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images taken apart by the programs of those who make them: what a boot would see is what
 * they see, whatever the compression and however many archives lie in front.
 */

#include "image/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/tree.h"
#include "lib/interrupt.h"
#include "lib/program.h"

/*
 * Where the main archive is: unmkinitramfs takes an uncompressed one for a further early
 * one.
 */
static const char *const places[] = { "main", ".", "early", "early2", "early3", "early4" };
enum { UNDIVIDED = 1, FIRST_EARLY }; /* in `places` */

#define DIRECTORY_ITSELF (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

struct unpacker {
	const char *program;
	int (*run)(const char *image, const char *directory, struct text *why);
};

static int run_unmkinitramfs(const char *image, const char *directory, struct text *why)
{
	const char *arguments[] = { "unmkinitramfs", image, directory, NULL };

	return program_run_quietly(arguments, NULL, why);
}

/* It unpacks into the directory in which it runs. */
static int run_lsinitrd(const char *image, const char *directory, struct text *why)
{
	const char *arguments[] = { "lsinitrd", "--unpack", image, NULL };

	return program_run_quietly(arguments, directory, why);
}

static const struct unpacker unpackers[] = {
	{ "unmkinitramfs", run_unmkinitramfs },
	{ "lsinitrd", run_lsinitrd },
};

/* /init can be a symlink that leads nowhere but in a running system. */
static bool has_init(const struct root *tree)
{
	struct stat st;

	return fstatat(tree->fd, "init", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * Moves what is in `from` into `to`, where it isn't there already: the kernel unpacks one
 * archive over the other, and the main one comes last. Ubuntu has the modules in an early
 * one.
 */
static void merge(const struct root *from, const struct root *to)
{
	char **names = NULL;
	size_t count = 0;

	if (root_names(from, ".", &names, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		_cleanup_(root_done) struct root source = ROOT_NONE, target = ROOT_NONE;

		if (!renameat2(from->fd, names[i], to->fd, names[i], RENAME_NOREPLACE) ||
		    errno != EEXIST)
			continue;
		source.fd = root_descriptor(from, names[i], DIRECTORY_ITSELF);
		target.fd = root_descriptor(to, names[i], DIRECTORY_ITSELF);
		if (source.fd >= 0 && target.fd >= 0)
			merge(&source, &target);
	}
	names_free(names, count);
}

static bool open_place(const char *directory, const char *place, struct root *ret)
{
	char path[ROOT_PATH_SIZE + 16];

	string_join(path, sizeof(path), directory, "/", place, NULL);
	return root_open(ret, path) == 0;
}

static void merge_early(const char *directory, const struct root *tree)
{
	for (size_t i = FIRST_EARLY; i < ARRAY_SIZE(places); i++) {
		_cleanup_(root_done) struct root early = ROOT_NONE;

		if (open_place(directory, places[i], &early) && !has_init(&early))
			merge(&early, tree);
	}
}

static bool find_tree(const char *directory, struct root *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_(root_done) struct root tree = ROOT_NONE;

		if (!open_place(directory, places[i], &tree) || !has_init(&tree))
			continue;
		if (i != UNDIVIDED)
			merge_early(directory, &tree);
		*ret = tree;
		tree = ROOT_NONE;
		return true;
	}
	return false;
}

/*
 * A status other than 0 means little: cpio can't make device nodes where we aren't root,
 * and unmkinitramfs finds nothing behind an uncompressed archive. What counts is what is
 * there.
 */
static int try_unpacker(const struct unpacker *unpacker, const char *image, struct unpacked *ret,
			struct text *why)
{
	char directory[ROOT_PATH_SIZE];
	struct text line = { 0 };
	int result;

	if (!string_join(directory, sizeof(directory), ret->scratch.path, "/", unpacker->program,
			 NULL))
		return -ENAMETOOLONG;
	if (mkdir(directory, 0700) < 0)
		return -errno;
	/* Whether it did its work is seen from the tree. */
	(void)unpacker->run(image, directory, &line);
	if (interrupt_caught()) {
		result = -EINTR;
	} else if (find_tree(directory, &ret->tree)) {
		result = 0;
	} else {
		text_add(why, why->length ? "; " : "", unpacker->program, " finds no /init",
			 line.length ? ": " : "", text_string(&line));
		result = -EINVAL;
	}
	text_done(&line);
	return result;
}

static int unpack_archive(const char *image, struct unpacked *ret, struct text *why)
{
	int error = -ENOPKG;

	for (size_t i = 0; i < ARRAY_SIZE(unpackers); i++) {
		if (!program_exists(unpackers[i].program))
			continue;
		error = try_unpacker(&unpackers[i], image, ret, why);
		if (error != -EINVAL)
			break;
	}
	if (error == -ENOPKG)
		text_add(why, "neither unmkinitramfs (initramfs-tools-core) nor lsinitrd "
			      "(dracut-core) is installed");
	return error;
}

/* A unified kernel image is a program for the firmware: it starts as those of DOS do. */
static bool is_unified(int fd)
{
	char start[2];

	return pread(fd, start, sizeof(start), 0) == sizeof(start) &&
	       !memcmp(start, "MZ", sizeof(start));
}

static int unpack_unified(const char *image, struct unpacked *ret, struct text *why)
{
	char archive[ROOT_PATH_SIZE];
	const char *arguments[] = { "objcopy", "-O",	"binary", "--only-section=.initrd",
				    image,     archive, NULL };
	int result;

	if (!string_join(archive, sizeof(archive), ret->scratch.path, "/initrd", NULL))
		return -ENAMETOOLONG;
	if (!program_exists("objcopy")) {
		text_add(why,
			 "a unified kernel image needs objcopy (binutils), which is not installed");
		return -ENOPKG;
	}
	result = program_run_quietly(arguments, NULL, why);
	if (result)
		return interrupt_caught() ? -EINTR : -EINVAL;
	return unpack_archive(archive, ret, why);
}

int unpack_image(const char *path, struct unpacked *ret, struct text *why)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(freep) char *absolute = fd < 0 ? NULL : realpath(path, NULL);
	int error = absolute ? scratch_open(&ret->scratch) : -errno;

	if (error) {
		text_add(why, strerror(-error));
		return error;
	}
	return is_unified(fd) ? unpack_unified(absolute, ret, why)
			      : unpack_archive(absolute, ret, why);
}

void unpacked_done(struct unpacked *unpacked)
{
	root_done(&unpacked->tree);
	scratch_done(&unpacked->scratch);
}
