/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ROOT_H
#define VFIO_EARLY_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

#include "text.h"
#include "util.h"

/*
 * The directory tree that the program looks at: the running system, an image being built, or a
 * captured machine. Every path below is relative to it and has no leading slash. Starts as
 * ROOT_NONE; root_done() closes it.
 */
struct root {
	int fd;
	bool live; /* "/": the running system itself */
};

#define ROOT_PATH_SIZE 512 /* of paths that are put together, with the NUL */

#define ROOT_NONE ((struct root){ .fd = -1 })

/*
 * Opens `directory`, "/" for the running system. -EXDEV if another directory has the running
 * kernel's /sys in it: what is done below it would be done to this machine.
 */
int root_open(struct root *root, const char *directory) _must_check_;

/* What stands before "/etc" to name that of `directory`: "" for "/", any other as it is. */
static inline const char *root_prefix(const char *directory)
{
	return strcmp(directory, "/") ? directory : "";
}
void root_done(struct root *root);

/* A descriptor for `path` with open(2)'s `flags` and O_CLOEXEC, or -errno. */
int root_descriptor(const struct root *root, const char *path, int flags) _must_check_;

/*
 * Reads a small file, an attribute of sysfs, in one read: its length without the last newline,
 * NUL-terminated in `buffer`, which has `size` bytes. Cut if larger. -errno, and "" in buffer.
 */
ssize_t root_read(const struct root *root, const char *path, char *buffer, size_t size);

/* Reads up to `size` bytes from `offset`: how many, or -errno. */
ssize_t root_read_at(const struct root *root, const char *path, void *buffer, size_t size,
		     off_t offset);

/*
 * Adds a whole regular file to `text`, at most `limit` bytes of it: 1 if there was more, 0 if not.
 * -EISDIR, -EINVAL for another kind of file (one that might block), or -errno.
 */
int root_read_file(const struct root *root, const char *path, size_t limit,
		   struct text *text) _must_check_;

/* As root_read_file(), for files of /proc, whose size the kernel does not know beforehand. */
int root_read_proc(const struct root *root, const char *path, size_t limit,
		   struct text *text) _must_check_;

/* Writes an attribute of sysfs in one write; never creates it. 0 or -errno. */
int root_write(const struct root *root, const char *path, const char *string) _must_check_;

/*
 * Writes a file anew, with its missing parent directories, by way of a temporary file. 0 or
 * -errno.
 */
int root_create(const struct root *root, const char *path, const char *bytes,
		size_t length) _must_check_;

/* The last component of where the symbolic link `path` leads; or all of it. 0 or -errno. */
int root_link_name(const struct root *root, const char *path, char *buffer,
		   size_t size) _must_check_;
int root_link(const struct root *root, const char *path, char *buffer, size_t size) _must_check_;

bool root_has(const struct root *root, const char *path);

/*
 * Calls `each` with every name in a directory, in no order, without those that start with a dot,
 * until it returns something else than 0, which is returned; or -errno.
 */
int root_each_name(const struct root *root, const char *path,
		   int (*each)(void *context, const char *name), void *context) _must_check_;

/*
 * The names in a directory, in byte order, without those that start with a dot: `*ret` is a heap
 * array of `*ret_count` heap strings; names_free() frees both. 0 or -errno.
 */
int root_names(const struct root *root, const char *path, char ***ret,
	       size_t *ret_count) _must_check_;
void names_free(char **names, size_t count);

/* The same, where a directory that can't be read has no names: 0 or -ENOMEM. */
int root_names_if_any(const struct root *root, const char *path, char ***ret,
		      size_t *ret_count) _must_check_;

#endif
