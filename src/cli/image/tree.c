/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths inside an image that was taken apart, which must not lead out of it. */

#include "image/tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/*
 * openat2(2) has no wrapper in glibc 2.36. A sandbox may forbid it: then a plain openat()
 * does.
 */
static int descriptor(const struct root *tree, const char *path, int flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	long fd = syscall(SYS_openat2, tree->fd, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return root_descriptor(tree, path, flags);
	return fd < 0 ? -errno : (int)fd;
}

bool tree_has(const struct root *tree, const char *path)
{
	_cleanup_(closep) int fd = descriptor(tree, path, O_PATH);

	return fd >= 0;
}

static int read_all(int fd, size_t size, struct text *text)
{
	char *end = text_reserve(text, size);

	if (!end)
		return -ENOMEM;
	for (size_t done = 0; done < size;) {
		ssize_t length = read(fd, end + done, size - done);

		if (length <= 0)
			return length ? -errno : -EIO;
		done += length;
	}
	end[size] = '\0';
	text->length += size;
	return 0;
}

int tree_read(const struct root *tree, const char *path, size_t limit, struct text *text)
{
	_cleanup_(closep) int fd = descriptor(tree, path, O_RDONLY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return (size_t)st.st_size > limit ? -EFBIG : read_all(fd, st.st_size, text);
}

int tree_names(const struct root *tree, const char *path, char ***ret, size_t *ret_count)
{
	_cleanup_(root_done) struct root directory = ROOT_NONE;

	directory.fd = descriptor(tree, path, O_RDONLY | O_DIRECTORY);
	return directory.fd < 0 ? directory.fd : root_names(&directory, ".", ret, ret_count);
}

bool tree_is_same(const struct root *tree, const char *path, const struct text *text)
{
	struct text other = { 0 };
	bool same = !tree_read(tree, path, text->length, &other) && text_equal(&other, text);

	text_done(&other);
	return same;
}
