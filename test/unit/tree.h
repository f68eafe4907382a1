/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TEST_TREE_H
#define VFIO_EARLY_TEST_TREE_H

/* A directory of the test's own, opened as a root, and what is put into it. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "root.h"

/* What a tree has, in the order in which it came. */
struct tree {
	struct root root;
	char name[64];
	char made[64][128];
	size_t count;
};

/* A new directory: a test that failed may have left its own. */
static inline void tree_open(struct tree *tree)
{
	static unsigned int next;
	char pid[NUMBER_SIZE], number[NUMBER_SIZE];

	memset(tree, 0, sizeof(*tree));
	number_format(pid, getpid(), 10, 1);
	do {
		number_format(number, next++, 10, 1);
		assert_true(string_join(tree->name, sizeof(tree->name), "/tmp/vfio-early-unit.",
					pid, ".", number, NULL));
	} while (mkdir(tree->name, 0700) < 0 && errno == EEXIST);
	assert_int_equal(root_open(&tree->root, tree->name), 0);
}

static inline void tree_made(struct tree *tree, const char *path)
{
	assert_true(tree->count < ARRAY_SIZE(tree->made));
	assert_true(strlen(path) < sizeof(tree->made[0]));
	strcpy(tree->made[tree->count++], path);
}

/* The directory `path`, and those above it. */
static inline void tree_directory(struct tree *tree, const char *path)
{
	char copy[128];

	string_copy(copy, sizeof(copy), path);
	for (char *p = copy; p; p = strchr(p + 1, '/')) {
		char *slash = strchr(p + 1, '/');

		if (slash)
			*slash = '\0';
		if (mkdirat(tree->root.fd, copy, 0700) == 0)
			tree_made(tree, copy);
		if (!slash)
			return;
		*slash = '/';
	}
}

static inline void tree_parent(struct tree *tree, const char *path)
{
	char parent[128];
	char *slash;

	string_copy(parent, sizeof(parent), path);
	slash = strrchr(parent, '/');
	if (!slash)
		return;
	*slash = '\0';
	tree_directory(tree, parent);
}

static inline void tree_file(struct tree *tree, const char *path, const char *bytes, size_t length)
{
	int fd;

	tree_parent(tree, path);
	fd = openat(tree->root.fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
	tree_made(tree, path);
}

static inline void tree_link(struct tree *tree, const char *path, const char *target)
{
	tree_parent(tree, path);
	assert_int_equal(symlinkat(target, tree->root.fd, path), 0);
	tree_made(tree, path);
}

static inline void tree_done(struct tree *tree)
{
	while (tree->count) {
		const char *path = tree->made[--tree->count];

		if (unlinkat(tree->root.fd, path, 0) < 0)
			unlinkat(tree->root.fd, path, AT_REMOVEDIR);
	}
	root_done(&tree->root);
	assert_int_equal(rmdir(tree->name), 0);
}

#endif
