/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_CONFDIR_H
#define VFIO_EARLY_CONFDIR_H

#include <stddef.h>

#include "conf.h"
#include "root.h"
#include "util.h"

#define CONFDIR_MAIN "etc/vfio-early.conf"
#define CONFDIR_DROPINS "etc/vfio-early.conf.d"
#define CONFDIR_KEEP "usr/lib/vfio-early/keep.conf"

/* One file of the config as it was read. */
struct conf_file {
	char *path; /* in the root, without a leading slash */
	struct text text;
	bool generated; /* by the host program: CONFDIR_KEEP */
};

/* The config's files and what they say. Starts zeroed. */
struct confdir {
	struct conf conf;
	struct conf_file *files;
	size_t file_count;
};

/*
 * Reads /etc/vfio-early.conf, its drop-ins (*.conf, in byte order) and the image's generated keep
 * lines. A file that can't be read is an error in `conf`; one that isn't there is none. 0 or
 * -ENOMEM; in either case confdir_done() frees what `ret` has.
 */
int confdir_read(const struct root *root, struct confdir *ret) _must_check_;

/* Returns the file at `path` ("etc/..."), or NULL. */
struct conf_file *confdir_file(const struct confdir *confdir, const char *path);

/* Returns whether the file and `text` have the same statements: conf_says_same(). */
bool conf_file_says_same(const struct conf_file *file, const struct text *text);

/*
 * Writes the line at `place`, without its comment and the blanks around it, into
 * CONF_STATEMENT_SIZE bytes: "" if there is no such line.
 */
void confdir_statement(const struct confdir *confdir, const struct place *place, char *buffer);

/*
 * Copies a person's files, not the generated one, to the same paths below `directory`, or to the
 * root itself for "". 0 or the first -errno.
 */
int confdir_copy(const struct confdir *confdir, const struct root *root,
		 const char *directory) _must_check_;

void confdir_done(struct confdir *confdir);

#endif
