/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_EDIT_H
#define VFIO_EARLY_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "root.h"
#include "text.h"
#include "util.h"

/*
 * One file of the user's config, locked for an edit. Another edit of the same file waits, so that
 * what was read stays true until the commit. Starts as EDIT_NONE.
 */
struct edit {
	struct root root;
	char path[ROOT_PATH_SIZE]; /* in the root: the file itself, behind all symlinks */
	char temporary[ROOT_PATH_SIZE]; /* beside it: the lock, and the file to be */
	int fd;				/* of the temporary file, -1 without the lock */
	struct stat
		before; /* the file as it was when it was read; zeroed: there was none */
	struct text text; /* what it says */
};

#define EDIT_NONE ((struct edit){ .root = ROOT_NONE, .fd = -1 })

/*
 * The file that `path` leads to, through symlinks that stay in /etc, in ROOT_PATH_SIZE bytes. It
 * need not exist. 0 or -errno: -EXDEV if a symlink leads out of /etc.
 */
int edit_resolve(const struct root *root, const char *path, char *ret) _must_check_;

/*
 * Locks and reads the file that `path` leads to; one that isn't there reads as empty. 0 or -errno,
 * which edit_explain() puts in words; in either case edit_done() frees what `ret` has.
 */
int edit_open(struct edit *ret, const struct root *root, const char *path) _must_check_;

/*
 * Puts `text` in the file's place, with its mode, owner and extended attributes: whatever happens
 * meanwhile, the file is the old one or the new one. The same text again writes nothing. 0 or
 * -errno: -ESTALE if somebody has changed the file who knows nothing of the lock.
 */
int edit_commit(struct edit *edit, const struct text *text) _must_check_;

/* Gives up the lock. Without a commit the file is as it was. */
void edit_done(struct edit *edit);

/* What an error of the functions above means, with the remedy where there is one. */
const char *edit_explain(int error);

/*
 * Adds `old` to `text` with `line` put in where it counts in every boot: at the end, or in front
 * of the first [NAME]. Everything else stays byte for byte, and the line ends as the others do.
 * The number that the line has got.
 */
unsigned int edit_insert(const struct text *old, const char *line, struct text *text);

/*
 * Adds `old` to `text` with the setting `key` ("with=") of the statement on that line set to
 * `value`. A setting that the statement does not have yet goes after its last word. Everything
 * else, with the line's comment, stays byte for byte.
 */
void edit_set(const struct text *old, unsigned int number, const char *key,
	      const char *value, struct text *text);

/* Adds `old` to `text` without the line of that number. */
void edit_cut(const struct text *old, unsigned int number, struct text *text);

#endif
