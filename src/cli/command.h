/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_COMMAND_H
#define VFIO_EARLY_COMMAND_H

#include <stdbool.h>

#include "config/device-line.h"
#include "config/edit.h"
#include "lib/complain.h"
#include "lib/json.h"
#include "machine/machine.h"
#include "util.h"

/* How the program ends; doc/vfio-early.8 has the same list. */
enum status {
	STATUS_WELL = 0,	/* all is as wanted */
	STATUS_UNWANTED = 1,	/* something is not */
	STATUS_USAGE = 2,	/* the command line was not understood */
	STATUS_CONFIG = 3,	/* the config has errors */
	STATUS_ENVIRONMENT = 4, /* a file, a library or the kernel said no */
	STATUS_DUE = 5,		/* a rebuild of the image or a reboot is due */
};

/* The options of all commands; a command says which ones it takes. */
enum option_bit {
	OPTION_ROOT = 1 << 0,
	OPTION_KERNEL = 1 << 1,
	OPTION_DEST = 1 << 2,
	OPTION_JSON = 1 << 3,
	OPTION_ALL = 1 << 4,
	OPTION_COLUMNS = 1 << 5,
	OPTION_NO_COLOR = 1 << 6, /* every command takes it */
	OPTION_WITH = 1 << 8,
	OPTION_ALLOW = 1 << 9,
	OPTION_DRIVER = 1 << 10,
	OPTION_DRY_RUN = 1 << 11,
	OPTION_YES = 1 << 12,
	OPTION_WRITE = 1 << 13,
	OPTION_EXPECT = 1 << 14,
	OPTION_PROMETHEUS = 1 << 15,
	OPTION_OUTPUT = 1 << 16,
	OPTION_ANONYMOUS = 1 << 17,
	OPTION_NOW = 1 << 18,
	OPTION_APPLY = 1 << 19,
};

#define ALLOWS_MAX 4 /* --allow that count */

/* A command line that was understood. */
struct request {
	const char *root;		   /* --root, "/" without it */
	const char *kernel;		   /* --kernel, NULL without it */
	const char *dest;		   /* --dest, NULL without it */
	const char *with;		   /* --with, NULL without it */
	const char *driver;		   /* --driver, NULL without it */
	const char *allow[ALLOWS_MAX + 1]; /* each --allow; ends with NULL */
	const char *columns;		   /* --columns, NULL without it */
	const char *expect;		   /* --expect, NULL without it */
	const char *output;		   /* --output, NULL without it */
	struct json *json; /* --json: the root is open, and main() prints it; NULL without it */
	bool dry_run, yes, write, all, prometheus, anonymous, now, apply;
	bool agreed;	  /* another command printed the dangers, and a person agreed to them */
	bool color;	  /* standard output is a terminal, and nobody is against it */
	char **arguments; /* ends with NULL */
	int count;
};

struct command {
	const char *name;
	const char *arguments; /* as the usage line has them: "KERNELVERSION" */
	const char *summary;   /* half a line, for the list of commands */
	const char *details;   /* the paragraphs of its --help */
	unsigned int options;  /* enum option_bit */
	int least, most;       /* how many arguments */
	bool hidden;	       /* for the hooks: not in the list of commands */
	enum status (*run)(const struct request *request);
};

extern const struct command command_check, command_image, command_list, command_show,
	command_status, command_add, command_remove, command_move, command_bind, command_release,
	command_audit, command_apply, command_import, command_capture;

/* Prints what failed and the words for `error` (-errno). Returns STATUS_ENVIRONMENT. */
enum status fail(const char *what, int error);

/*
 * Loads the machine that --root and --kernel name. Returns STATUS_WELL, or another status after
 * printing the error. In either case machine_done() frees `ret`.
 */
enum status load_machine(const struct request *request, struct machine *ret) _must_check_;

/* Returns STATUS_WELL if the machine has a PCI bus, or STATUS_ENVIRONMENT after saying so. */
enum status require_devices(const struct machine *machine) _must_check_;

/* The same if this user may change drivers: root, unless it is a dry run or another root. */
enum status require_root(const struct request *request, const struct machine *machine,
			 const char *command) _must_check_;

/*
 * Parses "01:00.0", or "01:00" for a card (`ret` is its first function), and finds it on the
 * machine. Returns STATUS_WELL, or another status after printing the error.
 */
enum status find_function(const struct machine *machine, const char *command, const char *word,
			  struct pci_address *ret, bool *ret_card) _must_check_;

/*
 * Complains that no device matches `word`. `near`: what may have been meant, or "".
 */
void complain_no_match(const char *word, const char *near);

/* Returns what --with (or `with`, if it is not NULL), --driver and --allow stand for. */
struct settings request_settings(const struct request *request, const char *with);

/* Two strings, for "%s%s": " --root DIR" in a command that a person copies, or nothing for "/". */
#define ROOT_OPTION(root) *root_prefix(root) ? " --root " : "", root_prefix(root)

/* Prints how the command is used. Returns STATUS_USAGE. */
enum status usage_error(const struct command *command);

/* Adds "0000:01:00.0 0000:01:00.1", with a blank before each. */
void add_addresses(const struct pci_address *addresses, size_t count, struct text *text);

/*
 * Runs `command` (bind or release) for these functions, with the options of `request` that it has
 * in common with the command that calls. Returns its status.
 */
enum status run_for(const struct command *command, const struct request *request,
		    const struct pci_address *addresses, size_t count);

/*
 * Returns STATUS_WELL if the config's file `path` counts, or STATUS_CONFIG after saying that users
 * other than root can change it.
 */
enum status require_trust(const struct machine *machine, const char *path) _must_check_;

/*
 * As edit_open(), for the config's file `path`. Prints which file a symlink leads to, unless
 * standard output is for JSON.
 */
enum status open_edit(struct edit *edit, const struct machine *machine, const char *path,
		      bool quiet) _must_check_;

/* Is there a person at a terminal to ask? */
bool can_ask(void);

/*
 * Reads the line that a person types, without its end, in `size` bytes at `answer`; "?" for a
 * longer one, of which no part may count as an answer. Returns false at the end of the input.
 */
bool read_answer(char *answer, size_t size);

/*
 * Asks the question on standard error. Returns whether the answer is yes. Enter is the answer
 * `usual`; the end of the input is no.
 */
bool ask_yes(const char *question, bool usual);

/*
 * Returns whether the machine has the kernel of --kernel, or the command line names none. Prints
 * the error if not.
 */
bool has_kernel(const struct request *request, const struct machine *machine);

/* Adds "line": "FILE:LINE" as everywhere in JSON, or null if `place` is NULL. */
void json_place(struct json *json, const struct place *place);

/* Adds "line" as json_place() does, and "statement": the line without its comment, or null. */
void json_statement(struct json *json, const struct confdir *confdir, const struct place *place);

/* Adds the errors of the config as "errors". */
void json_errors(struct json *json, const struct conf *conf);

#endif
