/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths: the only file that opens any. All are relative to one directory handle, so that a
 * test's fake machine, an image being built and the running system need no special case.
 */

#include "root.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define SYSFS_MAGIC 0x62656572 /* include/uapi/linux/magic.h */

static bool has_live_sysfs(int fd)
{
	_cleanup_(closep) int sys = openat(fd, "sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	return sys >= 0 && fstatfs(sys, &fs) == 0 && fs.f_type == SYSFS_MAGIC;
}

int root_open(struct root *root, const char *directory)
{
	bool live = strcmp(directory, "/") == 0;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!live && has_live_sysfs(fd)) {
		close(fd);
		return -EXDEV;
	}
	root->fd = fd;
	root->live = live;
	return 0;
}

void root_done(struct root *root)
{
	closep(&root->fd);
	*root = ROOT_NONE;
}

int root_descriptor(const struct root *root, const char *path, int flags)
{
	int fd = openat(root->fd, path, flags | O_CLOEXEC, 0666);

	return fd < 0 ? -errno : fd;
}

ssize_t root_read_at(const struct root *root, const char *path, void *buffer, size_t size,
		     off_t offset)
{
	_cleanup_(closep) int fd = root_descriptor(root, path, O_RDONLY);
	ssize_t length;

	if (fd < 0)
		return fd;
	length = offset ? pread(fd, buffer, size, offset) : read(fd, buffer, size);
	return length < 0 ? -errno : length;
}

ssize_t root_read(const struct root *root, const char *path, char *buffer, size_t size)
{
	ssize_t length = root_read_at(root, path, buffer, size - 1, 0);

	buffer[length > 0 ? length : 0] = '\0';
	if (length > 0 && buffer[length - 1] == '\n')
		buffer[--length] = '\0';
	return length;
}

/*
 * Adds what is left of `fd`, `limit` bytes at most: 1 if there is more, 0 if not, or -errno.
 * `regular`: a read that comes short is the end.
 */
static int add_descriptor(int fd, size_t limit, size_t chunk, bool regular, struct text *text)
{
	for (size_t done = 0;;) {
		char *end = text_reserve(text, chunk);
		ssize_t length;

		if (!end)
			return -ENOMEM;
		length = read(fd, end, chunk);
		if (length < 0)
			return -errno;
		if (done + length > limit) {
			text->length += limit - done;
			text->data[text->length] = '\0';
			return 1;
		}
		end[length] = '\0';
		text->length += length;
		done += length;
		if (length == 0 || (regular && (size_t)length < chunk))
			return 0;
	}
}

int root_read_proc(const struct root *root, const char *path, size_t limit, struct text *text)
{
	_cleanup_(closep) int fd = root_descriptor(root, path, O_RDONLY);

	return fd < 0 ? fd : add_descriptor(fd, limit, 4096, false, text);
}

int root_read_file(const struct root *root, const char *path, size_t limit, struct text *text)
{
	/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
	_cleanup_(closep) int fd = root_descriptor(root, path, O_RDONLY | O_NONBLOCK);
	struct stat st;
	size_t size;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	size = (size_t)st.st_size < limit ? (size_t)st.st_size : limit;
	return add_descriptor(fd, limit, size + 1, true, text);
}

int root_write(const struct root *root, const char *path, const char *string)
{
	_cleanup_(closep) int fd = root_descriptor(root, path, O_WRONLY | O_TRUNC);
	size_t length = strlen(string);
	ssize_t written;

	if (fd < 0)
		return fd;
	written = write(fd, string, length);
	if (written < 0)
		return -errno;
	return (size_t)written == length ? 0 : -EIO;
}

/* mkdir -p for what lies before the last slash of `path`, from the inside: it is mostly there. */
static int make_parent(const struct root *root, const char *path)
{
	char parent[ROOT_PATH_SIZE];
	char *slash;
	int error;

	string_copy(parent, sizeof(parent), path);
	slash = strrchr(parent, '/');
	if (!slash)
		return 0;
	*slash = '\0';
	if (!mkdirat(root->fd, parent, 0755) || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	error = make_parent(root, parent);
	if (!error && mkdirat(root->fd, parent, 0755) < 0)
		error = -errno;
	return error;
}

int root_create(const struct root *root, const char *path, const char *bytes, size_t length)
{
	char temporary[ROOT_PATH_SIZE];
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	int fd, error;

	if (!string_join(temporary, sizeof(temporary), path, ".new", NULL))
		return -ENAMETOOLONG;
	fd = openat(root->fd, temporary, flags, 0644);
	if (fd < 0 && errno == ENOENT) {
		error = make_parent(root, path);
		if (error)
			return error;
		fd = openat(root->fd, temporary, flags, 0644);
	}
	if (fd < 0)
		return -errno;
	error = write_all(fd, bytes, length);
	close(fd);
	if (!error && renameat(root->fd, temporary, root->fd, path) < 0)
		error = -errno;
	if (error)
		unlinkat(root->fd, temporary, 0);
	return error;
}

int root_link(const struct root *root, const char *path, char *buffer, size_t size)
{
	ssize_t length = readlinkat(root->fd, path, buffer, size);

	if (length < 0)
		return -errno;
	if ((size_t)length == size)
		return -ENAMETOOLONG;
	buffer[length] = '\0';
	return 0;
}

int root_link_name(const struct root *root, const char *path, char *buffer, size_t size)
{
	char target[512];
	const char *slash;
	int error = root_link(root, path, target, sizeof(target));

	if (error)
		return error;
	slash = strrchr(target, '/');
	string_copy(buffer, size, slash ? slash + 1 : target);
	return 0;
}

bool root_has(const struct root *root, const char *path)
{
	return faccessat(root->fd, path, F_OK, 0) == 0;
}

static void closedirp(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

int root_each_name(const struct root *root, const char *path,
		   int (*each)(void *context, const char *name), void *context)
{
	_cleanup_(closedirp) DIR *directory = NULL;
	struct dirent *entry;
	int error = 0, fd = root_descriptor(root, path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return -ENOMEM;
	}
	for (errno = 0; !error && (entry = readdir(directory)); errno = 0)
		if (entry->d_name[0] != '.')
			error = each(context, entry->d_name);
	return error ? error : -errno;
}

struct name_list {
	char **names;
	size_t count;
};

static int add_name(void *context, const char *name)
{
	struct name_list *names = context;
	char *copy = strdup(name);

	if (!copy || ARRAY_GROW(names->names, names->count)) {
		free(copy);
		return -ENOMEM;
	}
	names->names[names->count++] = copy;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int root_names(const struct root *root, const char *path, char ***ret, size_t *ret_count)
{
	struct name_list names = { 0 };
	int error = root_each_name(root, path, add_name, &names);

	if (error) {
		names_free(names.names, names.count);
		return error;
	}
	if (names.count)
		qsort(names.names, names.count, sizeof(*names.names), compare_names);
	*ret = names.names;
	*ret_count = names.count;
	return 0;
}

int root_names_if_any(const struct root *root, const char *path, char ***ret, size_t *ret_count)
{
	int error = root_names(root, path, ret, ret_count);

	return error == -ENOMEM ? error : 0;
}

void names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}
