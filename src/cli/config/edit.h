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
 * One file of the user's config, locked for an edit. Another edit of the same file waits
 * until this edit is committed or abandoned. Starts as EDIT_NONE.
 */
struct edit {
	struct root root;
	char path[ROOT_PATH_SIZE]; /* in the root: the file itself, with all symlinks resolved */
	char temporary[ROOT_PATH_SIZE]; /* in the same directory: the lock and the new file */
	int fd;				/* of the temporary file, -1 without the lock */
	struct stat before;		/* the file when it was read; zeroed if there was none */
	struct text text;		/* the content */
};

#define EDIT_NONE ((struct edit){ .root = ROOT_NONE, .fd = -1 })

/*
 * Resolves the symlinks of `path` and stores the result in ROOT_PATH_SIZE bytes. The file
 * need not exist. Returns 0 or -errno: -EXDEV if a symlink leads out of /etc.
 */
int edit_resolve(const struct root *root, const char *path, char *ret) _must_check_;

/*
 * Locks and reads the file that `path` resolves to. A missing file reads as empty.
 * Returns 0 or -errno, which edit_explain() puts into words. In either case edit_done()
 * frees `ret`.
 */
int edit_open(struct edit *ret, const struct root *root, const char *path) _must_check_;

/*
 * Replaces the file's content with `text` and keeps its mode, owner and extended
 * attributes. In every case the file is completely old or completely new. Writes nothing
 * if the text is the same. Returns 0 or -errno: -ESTALE if a program that ignores the
 * lock has changed the file.
 */
int edit_commit(struct edit *edit, const struct text *text) _must_check_;

/* Releases the lock. Without a commit the file is unchanged. */
void edit_done(struct edit *edit);

/* Returns what an error of the functions above means, with the remedy if there is one. */
const char *edit_explain(int error);

/*
 * Adds `old` to `text` and inserts `line` where it counts in every boot: at the end, or
 * before the first [NAME]. Every other byte stays the same, and the new line ends like
 * the other lines. Returns the number of the new line.
 */
unsigned int edit_insert(const struct text *old, const char *line, struct text *text);

/*
 * Replaces the first word on that line of `text` that starts with `prefix` ("with=") by `word`. If
 * there is none, `word` goes after the last word. Every other byte, including the line's comment,
 * stays the same.
 */
void edit_word(struct text *text, unsigned int number, const char *prefix, const char *word);

/* Adds `old` to `text` without the line of that number. */
void edit_cut(const struct text *old, unsigned int number, struct text *text);

#endif
