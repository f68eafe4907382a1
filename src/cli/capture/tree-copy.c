/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies parts of a tree, by patterns. The tree can be the running system: its /sys is a maze of
 * links, which the copy keeps, so that a path that works there works in the copy.
 */

#include "capture/tree-copy.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_LIMIT (16 * 1024 * 1024) /* modules.alias of a distribution has 2 MiB */
#define LINKS_MAX 40		      /* as the kernel's own limit */

/* The file type of `path` itself, 0 for nothing. */
static mode_t type_of(const struct root *root, const char *path)
{
	struct stat st;

	return fstatat(root->fd, path, &st, AT_SYMLINK_NOFOLLOW) ? 0 : st.st_mode & S_IFMT;
}

/* The path as it is in the copy, in ROOT_PATH_SIZE bytes. */
static int copy_path(const struct tree_copy *copy, const char *path, char *ret)
{
	struct text text = { 0 };
	int error;

	text_add(&text, path);
	if (copy->anonymous)
		anonymous_replace(copy->anonymous, &text);
	error = text_error(&text);
	if (!error && !string_join(ret, ROOT_PATH_SIZE, text_string(&text), NULL))
		error = -ENAMETOOLONG;
	text_done(&text);
	return error;
}

/* Makes a directory of the copy, and those above it. */
static int make_directory(const struct tree_copy *copy, const char *path)
{
	char name[ROOT_PATH_SIZE];
	int error = copy_path(copy, path, name);

	for (char *slash = strchr(name, '/'); !error; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (*name && mkdirat(copy->to->fd, name, 0755) < 0 && errno != EEXIST)
			error = -errno;
		if (!slash)
			break;
		*slash = '/';
	}
	return error;
}

static int make_parent(const struct tree_copy *copy, const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[ROOT_PATH_SIZE];

	string_copy(parent, sizeof(parent), path);
	parent[slash ? slash - path : 0] = '\0';
	return make_directory(copy, parent);
}

/* Takes the last component away: "" at the root of the tree, which ".." does not leave. */
static void cut_component(char *path)
{
	char *slash = strrchr(path, '/');

	*(slash ? slash : path) = '\0';
}

/* Adds the components of `more`, which may have "." and "..", to `path`. */
static int join_path(char *path, const char *more)
{
	for (more += strspn(more, "/"); *more; more += strspn(more, "/")) {
		size_t length = strcspn(more, "/"), end = strlen(path);

		if (length == 2 && !strncmp(more, "..", 2)) {
			cut_component(path);
		} else if (length != 1 || *more != '.') {
			if (end + length + 2 > ROOT_PATH_SIZE)
				return -ENAMETOOLONG;
			snprintf(path + end, ROOT_PATH_SIZE - end, "%s%.*s", end ? "/" : "",
				 (int)length, more);
		}
		more += length;
	}
	return 0;
}

/* The text of a link at `path` that leads to `text`: an absolute one must stay in the copy. */
static int link_text(const char *path, const char *text, char *ret)
{
	*ret = '\0';
	if (*text != '/')
		return string_join(ret, ROOT_PATH_SIZE, text, NULL) ? 0 : -ENAMETOOLONG;
	for (; (path = strchr(path, '/')); path++)
		if (!string_join(ret + strlen(ret), ROOT_PATH_SIZE - strlen(ret), "../", NULL))
			return -ENAMETOOLONG;
	return string_join(ret + strlen(ret), ROOT_PATH_SIZE - strlen(ret), text + 1, NULL)
		       ? 0
		       : -ENAMETOOLONG;
}

static int copy_link(const struct tree_copy *copy, const char *path, const char *text)
{
	char name[ROOT_PATH_SIZE], plain[ROOT_PATH_SIZE], target[ROOT_PATH_SIZE];
	int error = link_text(path, text, plain);

	if (!error)
		error = copy_path(copy, path, name);
	if (!error)
		error = copy_path(copy, plain, target);
	if (!error)
		error = make_parent(copy, path);
	if (!error && symlinkat(target, copy->to->fd, name) < 0 && errno != EEXIST)
		error = -errno;
	return error;
}

/*
 * Replaces `path` by the one without links that leads to the same place, and copies the links on
 * the way. A link that leads nowhere ends the way; a loop of links leads to "".
 */
static int follow(const struct tree_copy *copy, char *path)
{
	char rest[ROOT_PATH_SIZE], real[ROOT_PATH_SIZE] = "", text[ROOT_PATH_SIZE];
	unsigned int links = 0;
	const char *next = rest;
	int error = 0;

	string_copy(rest, sizeof(rest), path);
	while (*next && !error) {
		char component[ROOT_PATH_SIZE];
		size_t length = strcspn(next, "/");

		string_copy(component, length + 1, next);
		next += length + strspn(next + length, "/");
		error = join_path(real, component);
		if (error || root_link(copy->from, real, text, sizeof(text)))
			continue;
		if (++links > LINKS_MAX) {
			*path = '\0';
			return 0;
		}
		error = copy_link(copy, real, text);
		cut_component(real);
		if (*text == '/')
			*real = '\0';
		if (!string_join(component, sizeof(component), text, "/", next, NULL))
			return -ENAMETOOLONG;
		string_copy(rest, sizeof(rest), component);
		next = rest + strspn(rest, "/");
	}
	string_copy(path, ROOT_PATH_SIZE, real);
	return error;
}

/* Reads a regular file. False if there is none, or if it cannot be read, which is reported. */
static bool read_file(const struct tree_copy *copy, const char *path, struct text *content)
{
	int error;

	if (type_of(copy->from, path) != S_IFREG)
		return false;
	error = root_read_proc(copy->from, path, FILE_LIMIT, content);
	if (error)
		copy->missed(copy->context, path,
			     error > 0 ? "larger than 16 MiB" : strerror(-error));
	return !error;
}

static int write_file(struct tree_copy *copy, const char *path, const struct text *content)
{
	char name[ROOT_PATH_SIZE];
	int error = copy_path(copy, path, name);

	if (!error)
		error = root_create(copy->to, name, text_string(content), content->length);
	copy->count += !error;
	return error;
}

static int take_file(struct tree_copy *copy, const char *path, enum take take)
{
	struct text content = { 0 };
	int error = 0;

	if (read_file(copy, path, &content)) {
		if (copy->anonymous && take == TAKE_CONFIG)
			anonymous_replace_serial(copy->anonymous, &content);
		else if (copy->anonymous)
			anonymous_replace(copy->anonymous, &content);
		error = text_error(&content);
		if (!error)
			error = write_file(copy, path, &content);
	}
	text_done(&content);
	return error;
}

/*
 * A guest's disk, which leaves no other trace. The text of the link stays as the kernel has it:
 * nothing follows it.
 */
static int take_open_disk(struct tree_copy *copy, char *path)
{
	char text[ROOT_PATH_SIZE], block[ROOT_PATH_SIZE];
	const char *name =
		root_link(copy->from, path, text, sizeof(text)) ? NULL : prefix_skip(text, "/dev/");
	int error;

	if (!name || !string_join(block, sizeof(block), "sys/class/block/", name, NULL) ||
	    !root_has(copy->from, block))
		return 0;
	error = make_parent(copy, path);
	if (!error && symlinkat(text, copy->to->fd, path) < 0 && errno != EEXIST)
		error = -errno;
	cut_component(path);
	cut_component(path);
	if (!error)
		error = join_path(path, "comm");
	return error ? error : take_file(copy, path, TAKE_FILE);
}

/* What is done with each path that matches: `path` has no link, apart from its last component. */
struct visit {
	struct tree_copy *copy;
	enum take take;
	void (*each)(struct anonymous *anonymous, const struct text *content); /* instead */
};

static int take_path(const struct visit *visit, char *path)
{
	const struct text nothing = { 0 };
	mode_t type = type_of(visit->copy->from, path);
	int error;

	if (visit->take == TAKE_OPEN_DISK)
		return take_open_disk(visit->copy, path);
	if (visit->take == TAKE_LINK && type != S_IFLNK)
		return 0;
	error = follow(visit->copy, path);
	type = type_of(visit->copy->from, path);
	if (error || !type)
		return error;
	if (visit->take == TAKE_FILE || visit->take == TAKE_CONFIG)
		return take_file(visit->copy, path, visit->take);
	if (visit->take == TAKE_EXISTENCE)
		return write_file(visit->copy, path, &nothing);
	return type == S_IFDIR ? make_directory(visit->copy, path) : 0;
}

static int read_path(const struct visit *visit, char *path)
{
	struct text content = { 0 };
	int error = follow(visit->copy, path);

	if (!error && read_file(visit->copy, path, &content))
		visit->each(visit->copy->anonymous, &content);
	text_done(&content);
	return error;
}

static int visit_matches(const struct visit *visit, const char *directory, const char *pattern);

/* `rest`: the pattern after this component, "" if it is the last one. */
static int visit_name(const struct visit *visit, const char *directory, const char *name,
		      const char *rest)
{
	char path[ROOT_PATH_SIZE];
	int error;

	string_copy(path, sizeof(path), directory);
	error = join_path(path, name);
	if (error || !type_of(visit->copy->from, path))
		return error;
	if (!*rest)
		return visit->each ? read_path(visit, path) : take_path(visit, path);
	error = follow(visit->copy, path);
	return error || type_of(visit->copy->from, path) != S_IFDIR
		       ? error
		       : visit_matches(visit, path, rest);
}

/* One path that is too long for this program must not end the copy. */
static int visit_name_if_short(const struct visit *visit, const char *directory, const char *name,
			       const char *rest)
{
	int error = visit_name(visit, directory, name, rest);

	if (error != -ENAMETOOLONG)
		return error;
	visit->copy->missed(visit->copy->context, name, strerror(ENAMETOOLONG));
	return 0;
}

/* Visits what matches `pattern` in `directory`, which has no links in it. */
static int visit_matches(const struct visit *visit, const char *directory, const char *pattern)
{
	char component[ROOT_PATH_SIZE], **names = NULL;
	size_t length = strcspn(pattern, "/"), count = 0;
	const char *rest = pattern + length + strspn(pattern + length, "/");
	int error;

	string_copy(component, length + 1, pattern);
	if (!strpbrk(component, "*?["))
		return visit_name_if_short(visit, directory, component, rest);
	error = root_names_if_any(visit->copy->from, *directory ? directory : ".", &names, &count);
	for (size_t i = 0; i < count && !error; i++)
		if (!fnmatch(component, names[i], 0))
			error = visit_name_if_short(visit, directory, names[i], rest);
	names_free(names, count);
	return error;
}

int tree_copy_take(struct tree_copy *copy, const char *pattern, enum take take)
{
	const struct visit visit = { .copy = copy, .take = take };

	return visit_matches(&visit, "", pattern);
}

int tree_copy_read(struct tree_copy *copy, const char *pattern,
		   void (*each)(struct anonymous *anonymous, const struct text *content))
{
	const struct visit visit = { .copy = copy, .each = each };

	return visit_matches(&visit, "", pattern);
}
