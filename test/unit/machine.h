/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_TEST_MACHINE_H
#define VFIO_EARLY_TEST_MACHINE_H

/* Machines from text, and what the rules of a config make of them, as text again. */

#include <string.h>

#include "cases.h"
#include "cmdline.h"
#include "conf.h"
#include "match.h"
#include "pci.h"
#include "text.h"

/* A word of a function's line: driver= group= path= serial= subsystem= boot */
static inline void machine_word(struct pci_function *function, const char *word)
{
	const char *value;
	uint64_t number;

	if ((value = prefix_skip(word, "driver=")))
		string_copy(function->driver, sizeof(function->driver), value);
	else if ((value = prefix_skip(word, "group=")) && number_parse(value, 10, 1000, &number))
		function->group = number;
	else if ((value = prefix_skip(word, "path=")))
		assert_null(pci_path_parse(value, &function->path));
	else if ((value = prefix_skip(word, "serial=")))
		assert_null(pci_serial_parse(value, &function->serial));
	else if ((value = prefix_skip(word, "subsystem=")))
		assert_null(pci_id_parse(value, &function->subsystem));
	else if (!strcmp(word, "boot"))
		function->boot_display = true;
	else
		assert_string_equal(word, "a word that machine.h knows");
}

/* ADDRESS ID CLASS [WORD]... */
static inline struct pci_function machine_function(char *line)
{
	struct pci_function function = { .group = -1, .known = ~0u };
	char *rest;
	const char *word = strtok_r(line, " ", &rest);
	uint8_t digits;

	assert_null(pci_address_parse(word, &function.address));
	assert_null(pci_id_parse(strtok_r(NULL, " ", &rest), &function.id));
	assert_null(pci_class_parse(strtok_r(NULL, " ", &rest), &function.class, &digits));
	assert_int_equal(digits, 6);
	while ((word = strtok_r(NULL, " ", &rest)))
		machine_word(&function, word);
	return function;
}

/* One function a line. */
static inline struct pci_snapshot machine_snapshot(const char *text)
{
	struct pci_snapshot snapshot = { 0 };

	for (const char *line = text; line && *line; line = line_next(line)) {
		char copy[256];

		line_copy(copy, sizeof(copy), line);
		assert_int_equal(ARRAY_GROW(snapshot.functions, snapshot.count), 0);
		snapshot.functions[snapshot.count++] = machine_function(copy);
	}
	pci_snapshot_sort(&snapshot);
	return snapshot;
}

/* A config, a machine and what came of them. */
struct trial {
	struct conf conf;
	struct cmdline cmdline;
	struct pci_snapshot snapshot;
	struct match match;
};

/* What a trial starts from. All but `config` and `machine` may be NULL. */
struct trial_input {
	const char *config, *machine;
	const char *keep;    /* the generated keep lines */
	const char *cmdline; /* of the kernel */
	const char *aliases; /* of modules.alias */
	size_t errors;	     /* in the config */
};

static inline void trial_run(struct trial *trial, const struct trial_input *input)
{
	const char *keep = input->keep ? input->keep : "";
	const char *aliases = input->aliases ? input->aliases : "";

	*trial = (struct trial){ 0 };
	assert_int_equal(cmdline_parse(&trial->cmdline, input->cmdline ? input->cmdline : ""), 0);
	assert_int_equal(conf_parse(&trial->conf, "f", input->config, strlen(input->config), false),
			 0);
	assert_int_equal(conf_parse(&trial->conf, "keep", keep, strlen(keep), true), 0);
	assert_int_equal(trial->conf.error_total, input->errors);
	trial->snapshot = machine_snapshot(input->machine);
	assert_int_equal(match_rules(&trial->conf, &trial->cmdline, aliases, &trial->snapshot,
				     &trial->match),
			 0);
}

static inline void trial_done(struct trial *trial)
{
	match_done(&trial->match);
	pci_snapshot_done(&trial->snapshot);
	conf_done(&trial->conf);
	cmdline_done(&trial->cmdline);
}

#endif
