/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_CONF_H
#define VFIO_EARLY_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci.h"
#include "util.h"

/* Limits on what a person writes; what lies beyond is an error with its place. */
#define CONF_FILE_MAX (1024 * 1024)	 /* bytes of one file */
#define CONF_KEEP_MAX (16 * 1024 * 1024) /* bytes of the generated keep lines */
#define CONF_LINE_MAX 1024		 /* bytes of one line */
#define CONF_STATEMENT_SIZE (CONF_LINE_MAX + 1)
#define CONF_LINES_MAX 4096  /* statements of all files */
#define CONF_ERRORS_MAX 1024 /* errors that are kept; the rest is counted */

#define CONF_DRIVER_AUTO "auto"
#define CONF_DRIVER_DEFAULT "vfio-pci"

struct place {
	const char *file;
	unsigned int line;   /* from 1; 0: the file as a whole */
	unsigned int column; /* from 1; 0: the line as a whole */
};

enum statement { STATEMENT_BIND, STATEMENT_KEEP, STATEMENT_OPTION, STATEMENT_START };

enum condition {
	CONDITION_ADDRESS = 1 << 0,
	CONDITION_ID = 1 << 1,
	CONDITION_SUBSYSTEM = 1 << 2,
	CONDITION_CLASS = 1 << 3,
	CONDITION_PATH = 1 << 4,
	CONDITION_SERIAL = 1 << 5,
};

#define CONDITIONS 0xffu /* all of them, as against settings */

/* What says which device, as against where it is. */
#define CONDITIONS_IDENTITY \
	(CONDITION_ID | CONDITION_SUBSYSTEM | CONDITION_CLASS | CONDITION_SERIAL)

/* Each of them selects one device. */
#define CONDITIONS_ONE (CONDITION_ADDRESS | CONDITION_PATH | CONDITION_SERIAL)

enum setting {
	SETTING_COUNT = 1 << 8,
	SETTING_WITH = 1 << 9,
	SETTING_DRIVER = 1 << 10,
	SETTING_ALLOW = 1 << 11,
	SETTING_RESCUE = 1 << 12,
};

enum with { WITH_NOTHING, WITH_FUNCTIONS, WITH_GROUP };

enum allow { ALLOW_BOOT_DISPLAY = 1 << 0, ALLOW_IN_USE = 1 << 1 };

/* One statement. Which fields count depends on `statement` and on `given`. */
struct rule {
	enum statement statement;
	struct place place;
	const char *profile; /* of the [NAME] above it, NULL without one */
	bool generated;	     /* by the host program, in the image's keep.conf */
	unsigned int given;  /* enum condition and enum setting: the words on the line */

	struct pci_address address;
	struct pci_id id, subsystem;
	uint32_t class;
	uint8_t class_digits;
	struct pci_path path;
	uint64_t serial;

	unsigned int count; /* 0: all */
	enum with with;
	unsigned int allow; /* enum allow */
	const char *driver; /* CONF_DRIVER_AUTO: the best variant driver */
	bool rescue;

	const char *module;  /* option: its module */
	const char *options; /* option: "NAME=VALUE ..." */
	bool start_init;     /* start */
};

struct conf_error {
	struct place place;
	char *message;
	const char *profile; /* of the [NAME] above it, NULL without one */
	bool keep;	     /* a line or a file that may protect devices was not understood */
};

/* The config: all its files, in the order in which they were parsed. Starts zeroed. */
struct conf {
	struct rule *rules;
	size_t count;
	size_t generated_count; /* rules from keep.conf, which CONF_LINES_MAX does not limit */
	struct conf_error *errors;
	size_t error_count;    /* kept in `errors` */
	size_t error_total;    /* found */
	const char **profiles; /* the names of all [NAME] headings */
	size_t profile_count;
	char **strings; /* what the pointers above point to */
	size_t string_count;
};

/*
 * Parses one file's `length` bytes at `text` and adds its rules and errors to `conf`. A line with
 * an error adds no rule. `generated`: see struct rule. 0 or -ENOMEM.
 */
int conf_parse(struct conf *conf, const char *file, const char *text, size_t length,
	       bool generated) _must_check_;

/*
 * Adds `error`, whose message becomes "WORD WHAT", or `what` alone if `word` is NULL. Returns 0 or
 * -ENOMEM.
 */
int conf_error(struct conf *conf, struct conf_error error, const char *word,
	       const char *what) _must_check_;

/*
 * comment := "#" ..., at the start of a line or after a blank
 *
 * Returns the start of the comment of the line from `line` to `end`, or `end`.
 */
const char *conf_comment(const char *line, const char *end);

/*
 * Returns whether the parser reads the same statements in both texts: the same words in the same
 * order of lines. Comments, blank lines and the width of blank space do not count.
 */
bool conf_says_same(const char *a, size_t a_length, const char *b, size_t b_length);

/* A copy of `string` that lives as long as `conf`, or NULL without memory. */
const char *conf_string(struct conf *conf, const char *string);

/* Adds "FILE:LINE:COLUMN", without what is 0. */
void place_add(const struct place *place, struct text *text);

/*
 * Does the rule count in a boot with these profiles (`count` names)? One without a profile
 * always does.
 */
bool rule_is_active(const struct rule *rule, const char *const *profiles, size_t count);

/*
 * Returns the first error of a keep line that counts in a boot with these profiles, or of a file
 * that may have had keep lines; NULL if all were understood. The result lives in `conf`.
 */
const struct conf_error *conf_broken_keep(const struct conf *conf, const char *const *profiles,
					  size_t count);

/* Returns whether any line, in force in this boot or not, is a bind line. */
bool conf_has_bind(const struct conf *conf);

/* Returns whether the config says "start init". The last start line counts. */
bool conf_starts_init(const struct conf *conf);

/* Is `name` something that a driver, a module or a profile can be called? */
bool conf_name_is_good(const char *name);

void conf_done(struct conf *conf);

#endif
