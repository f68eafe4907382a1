/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user's config file, changed so that nothing of theirs can get lost: neither by a kill or a
 * power cut at any moment, nor by another edit at the same time, nor by what we don't understand.
 *
 * .FILE.vfio-early is both the new file and the lock. The holder must check that the name still
 * refers to the locked inode. Then it may read FILE, write .FILE.vfio-early and rename it. A file
 * that a killed edit left is not locked, and the next edit takes it over.
 */

#include "config/edit.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>

#include "conf.h"

#define LINKS_MAX 8
#define LOCK_MS 10000
#define LOCK_LOOK_MS 10

const char *edit_explain(int error)
{
	static const struct {
		int error;
		const char *text;
	} texts[] = {
		{ EXDEV, "a symlink leads out of /etc; edit the file that it leads to, or put "
			 "a file in the symlink's place" },
		{ ELOOP, "too many symlinks" },
		{ EBUSY, "another program is editing it. Try again later." },
		{ EFBIG, "larger than 1 MiB: the boot would not read all of it" },
		{ EINVAL, "not a regular file" },
		{ ESTALE, "another program has changed it just now. Try again." },
		{ EACCES, "Permission denied. Only root may edit it: try sudo." },
		{ EPERM, "Operation not permitted: its owner or mode cannot be kept" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].error == -error)
			return texts[i].text;
	return strerror(-error);
}

/*
 * Takes "." and ".." out of `path`, by its text alone; what is a symlink on the way is looked at
 * by the caller.
 */
static void normalise(char *path)
{
	char copy[ROOT_PATH_SIZE], *rest, *out = path;

	string_copy(copy, sizeof(copy), path);
	for (char *part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
		if (!strcmp(part, "."))
			continue;
		if (!strcmp(part, "..")) {
			while (out > path && *--out != '/')
				;
			continue;
		}
		if (out > path)
			*out++ = '/';
		out = stpcpy(out, part);
	}
	*out = '\0';
}

/* Is `path` below /etc, with no symlink among its directories? */
static bool is_in_etc(const struct root *root, const char *path)
{
	char part[ROOT_PATH_SIZE], link[2];

	if (!prefix_skip(path, "etc/"))
		return false;
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		int error;

		string_copy(part, slash - path + 1, path);
		error = root_link(root, part, link, sizeof(link));
		if (error != -EINVAL && error != -ENOENT) /* a symlink, or worse */
			return false;
	}
	return true;
}

int edit_resolve(const struct root *root, const char *path, char *ret)
{
	char link[ROOT_PATH_SIZE];

	string_copy(ret, ROOT_PATH_SIZE, path);
	for (int i = 0; i < LINKS_MAX; i++) {
		int error = root_link(root, ret, link, sizeof(link));
		char next[ROOT_PATH_SIZE];

		if (error == -EINVAL || error == -ENOENT) /* no symlink, or nothing */
			return is_in_etc(root, ret) ? 0 : -EXDEV;
		if (error)
			return error;
		if (*link == '/')
			*ret = '\0';
		else
			*strrchr(ret, '/') = '\0';
		if (!string_join(next, sizeof(next), ret, "/", link, NULL))
			return -ENAMETOOLONG;
		normalise(next);
		if (!is_in_etc(root, next))
			return -EXDEV;
		string_copy(ret, ROOT_PATH_SIZE, next);
	}
	return -ELOOP;
}

/* Does the name still lead to the file that `fd` is? Whoever had the lock may have renamed it. */
static bool is_there(const struct edit *edit, int fd)
{
	struct stat named, open;

	return fstat(fd, &open) == 0 &&
	       fstatat(edit->root.fd, edit->temporary, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       named.st_dev == open.st_dev && named.st_ino == open.st_ino && S_ISREG(open.st_mode);
}

/* 0, -EAGAIN if another has the lock, or another -errno. */
static int try_lock(struct edit *edit)
{
	/* Nobody else may open it, or they could hold the lock. */
	mode_t mask = umask(077);
	int fd = root_descriptor(&edit->root, edit->temporary,
				 O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK);

	umask(mask);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_there(edit, fd)) {
		edit->fd = fd;
		return 0;
	}
	close(fd);
	return -EAGAIN;
}

static int lock(struct edit *edit)
{
	for (int waited = 0; waited < LOCK_MS; waited += LOCK_LOOK_MS) {
		int error = try_lock(edit);

		if (error != -EAGAIN)
			return error;
		poll(NULL, 0, LOCK_LOOK_MS);
	}
	return -EBUSY;
}

/* The file as it is, zeroed if there is none. 0 or -errno. */
static int read_status(const struct edit *edit, struct stat *ret)
{
	*ret = (struct stat){ 0 };
	if (fstatat(edit->root.fd, edit->path, ret, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return errno == ENOENT ? 0 : -errno;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Is the file still the one that was read? An editor knows nothing of the lock. */
static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       is_same_time(&a->st_mtim, &b->st_mtim) && is_same_time(&a->st_ctim, &b->st_ctim);
}

/* Stores "etc/.NAME.vfio-early" for "etc/NAME". Returns false if that is too long. */
static bool name_temporary(const char *path, char *ret)
{
	size_t directory = strrchr(path, '/') - path + 1;

	string_copy(ret, directory + 1, path);
	return string_join(ret + directory, ROOT_PATH_SIZE - directory, ".", path + directory,
			   ".vfio-early", NULL);
}

int edit_open(struct edit *ret, const struct root *root, const char *path)
{
	int error;

	*ret = EDIT_NONE;
	ret->root = (struct root){ fcntl(root->fd, F_DUPFD_CLOEXEC, 0), root->live };
	if (ret->root.fd < 0)
		return -errno;
	error = edit_resolve(root, path, ret->path);
	if (error)
		return error;
	if (!name_temporary(ret->path, ret->temporary))
		return -ENAMETOOLONG;
	error = lock(ret);
	if (error)
		return error;
	error = read_status(ret, &ret->before);
	if (error)
		return error;
	error = root_read_file(root, ret->path, CONF_FILE_MAX, &ret->text);
	if (error > 0)
		return -EFBIG;
	if (error)
		return error == -ENOENT && !ret->before.st_ino ? 0 : error;
	/* Another program is just writing it: what is missing must not be taken for empty. */
	return ret->text.length == (size_t)ret->before.st_size ? 0 : -ESTALE;
}

/* One extended attribute: an ACL, a security label, or a user's own. */
static int copy_attribute(int from, int to, const char *name)
{
	ssize_t length = fgetxattr(from, name, NULL, 0);
	_cleanup_(freep) char *value = NULL;

	if (length < 0)
		return -errno;
	value = malloc(length + 1);
	if (!value)
		return -ENOMEM;
	length = fgetxattr(from, name, value, length);
	if (length < 0 || fsetxattr(to, name, value, length, 0) < 0)
		return -errno;
	return 0;
}

static int copy_attributes(int from, int to)
{
	ssize_t length = flistxattr(from, NULL, 0);
	_cleanup_(freep) char *names = NULL;

	if (length <= 0) /* none, or a file system that has none */
		return 0;
	names = malloc(length);
	if (!names)
		return -ENOMEM;
	length = flistxattr(from, names, length);
	for (ssize_t i = 0; i < length; i += strlen(names + i) + 1) {
		int error = copy_attribute(from, to, names + i);

		if (error && error != -EOPNOTSUPP)
			return error;
	}
	return length < 0 ? -errno : 0;
}

/* Owner first: a change of owner takes mode bits away, a change of mode touches the ACL. */
static int copy_metadata(const struct edit *edit)
{
	_cleanup_(closep) int old = -1;
	bool exists = edit->before.st_ino;
	uid_t owner = exists ? edit->before.st_uid : geteuid();
	gid_t group = exists ? edit->before.st_gid : getegid();
	mode_t mode = exists ? edit->before.st_mode & 07777 : 0644;

	if (fchown(edit->fd, owner, group) < 0 || fchmod(edit->fd, mode) < 0)
		return -errno;
	if (!exists)
		return 0;
	old = root_descriptor(&edit->root, edit->path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	return old < 0 ? old : copy_attributes(old, edit->fd);
}

/* The directory that `path` is in; its fsync() makes a rename last. */
static int open_directory(const struct edit *edit)
{
	char directory[ROOT_PATH_SIZE];

	string_copy(directory, strrchr(edit->path, '/') - edit->path + 1, edit->path);
	return root_descriptor(&edit->root, directory, O_RDONLY | O_DIRECTORY);
}

/* The last moment before the new file is the config. */
static int put_in_place(struct edit *edit)
{
	struct stat now;
	int error;

	if (fsync(edit->fd) < 0)
		return -errno;
	error = read_status(edit, &now);
	if (error)
		return error;
	if (!is_unchanged(&edit->before, &now))
		return -ESTALE;
	if (renameat(edit->root.fd, edit->temporary, edit->root.fd, edit->path) < 0)
		return -errno;
	closep(&edit->fd);
	edit->fd = -1;
	return 0;
}

int edit_commit(struct edit *edit, const struct text *text)
{
	_cleanup_(closep) int directory = -1;
	int error = text_error(text);

	if (error || text_equal(&edit->text, text))
		return error;
	if (text->length > CONF_FILE_MAX)
		return -EFBIG;
	directory = open_directory(edit);
	if (directory < 0)
		return directory;
	if (ftruncate(edit->fd, 0) < 0) /* what a killed edit left */
		return -errno;
	error = write_all(edit->fd, text_string(text), text->length);
	if (!error)
		error = copy_metadata(edit);
	if (!error)
		error = put_in_place(edit);
	if (error)
		return error;
	return fsync(directory) < 0 ? -errno : 0;
}

void edit_done(struct edit *edit)
{
	if (edit->fd >= 0)
		unlinkat(edit->root.fd, edit->temporary, 0);
	closep(&edit->fd);
	text_done(&edit->text);
	root_done(&edit->root);
	*edit = EDIT_NONE;
}

/* Behind the "\n" of the line at `p`, or at the end. */
static const char *behind_line(const char *p, const char *end)
{
	const char *newline = memchr(p, '\n', end - p);

	return newline ? newline + 1 : end;
}

/* Where a line counts in every boot: the end, or in front of the first [NAME] and its comment. */
static const char *insertion_point(const char *text, const char *end)
{
	const char *place = NULL; /* the start of the comment that the line at p ends */

	for (const char *p = text; p < end; p = behind_line(p, end)) {
		const char *word = p;

		while (word < end && (*word == ' ' || *word == '\t'))
			word++;
		if (word < end && *word == '[')
			return place ? place : p;
		if (word < end && *word == '#')
			place = place ? place : p;
		else
			place = NULL;
	}
	return end;
}

static const char *line_end_of(const char *text, const char *end)
{
	const char *newline = memchr(text, '\n', end - text);

	return newline && newline > text && newline[-1] == '\r' ? "\r\n" : "\n";
}

static unsigned int count_lines(const char *text, const char *end)
{
	unsigned int count = 0;

	for (; text < end; text = behind_line(text, end))
		count++;
	return count;
}

unsigned int edit_insert(const struct text *old, const char *line, struct text *text)
{
	const char *start = text_string(old), *end = start + old->length;
	const char *first = start + text_mark_length(start, old->length);
	const char *place = insertion_point(first, end);
	const char *line_end = line_end_of(start, end);

	text_add_bytes(text, start, place - start);
	if (place == end && end > first && end[-1] != '\n')
		text_add(text, line_end, line); /* as before: no newline at the end */
	else
		text_add(text, line, line_end);
	text_add_bytes(text, place, end - place);
	return count_lines(first, place) + 1;
}

/* Returns the start of the line of that number. */
static const char *find_line(const struct text *text, unsigned int number)
{
	const char *start = text_string(text), *end = start + text->length;
	const char *line = start + text_mark_length(start, text->length);

	while (--number)
		line = behind_line(line, end);
	return line;
}

#define BETWEEN_WORDS " \t\r\n"

void edit_word(struct text *text, unsigned int number, const char *prefix, const char *word)
{
	const char *start = text_string(text), *at = find_line(text, number);
	struct text result = { .failed = text->failed };
	const char *end = conf_comment(at, at + strcspn(at, "\r\n"));
	const char *from = at, *to = at; /* what the word replaces */
	bool found = false;

	while (!found && at < end) {
		to = at + strcspn(at, BETWEEN_WORDS);
		found = prefix_skip(at, prefix);
		from = found ? at : to;
		at = to + strspn(to, " \t");
	}
	text_add_bytes(&result, start, from - start);
	text_add(&result, found ? "" : " ", word);
	text_add_bytes(&result, to, start + text->length - to);
	text_done(text);
	*text = result;
}

void edit_cut(const struct text *old, unsigned int number, struct text *text)
{
	const char *start = text_string(old), *end = start + old->length;
	const char *line = find_line(old, number);
	const char *next = behind_line(line, end);

	/* Was it the last one, without a newline? Then so is the one before it. */
	if (next == end && end > line && end[-1] != '\n' &&
	    line > start + text_mark_length(start, old->length)) {
		line--;
		line -= line > start && line[-1] == '\r';
	}
	text_add_bytes(text, start, line - start);
	text_add_bytes(text, next, end - next);
}
