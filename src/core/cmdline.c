/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel command line: our own switch, and the module parameters that modprobe would read. */

#include "cmdline.h"

#include <string.h>

/*
 * The next word at `*text`, which moves behind it: NULL at the end, else its start and `*ret`, its
 * length. Blanks inside double quotes belong to the word (next_arg() in lib/cmdline.c of Linux).
 */
static const char *next_word(const char **text, size_t *ret)
{
	const char *word = *text + strspn(*text, " \t\n");
	const char *end = word;
	bool quoted = false;

	for (; *end && (quoted || !strchr(" \t\n", *end)); end++)
		quoted ^= *end == '"';
	*text = end;
	*ret = end - word;
	return *ret ? word : NULL;
}

/* Returns whether `word` is `lower`, a word in lower case, apart from the case of its letters. */
static bool equal_in_any_case(const char *word, const char *lower)
{
	for (; *lower; word++, lower++)
		if (*word != *lower && (*word | ('a' ^ 'A')) != *lower)
			return false;
	return !*word;
}

/* One word of vfio_early=, NUL-terminated. */
static void take_choice(struct cmdline *cmdline, const char *word)
{
	if (equal_in_any_case(word, "off"))
		cmdline->off = true;
	else if (equal_in_any_case(word, "dry-run"))
		cmdline->dry_run = true;
	else if (conf_name_is_good(word) && cmdline->profile_count < CMDLINE_PROFILES_MAX)
		cmdline->profiles[cmdline->profile_count++] = word;
	else if (!cmdline->wrong)
		cmdline->wrong = word;
}

/* Splits `list` at its commas. */
static void take_choices(struct cmdline *cmdline, char *list)
{
	while (list) {
		char *comma = strchr(list, ',');

		if (comma)
			*comma++ = '\0';
		if (*list)
			take_choice(cmdline, list);
		list = comma;
	}
}

/*
 * Returns whether the word starts with vfio_early, in any case. The kernel treats - and _ alike in
 * the names of parameters (parameq() in kernel/params.c).
 */
static bool is_switch(const char *word, size_t length)
{
	static const char name[] = "vfio_early";

	if (length < sizeof(name) - 1)
		return false;
	for (size_t i = 0; i < sizeof(name) - 1; i++) {
		char c = word[i] == '-' ? '_' : word[i];

		if (c != name[i] && (c | ('a' ^ 'A')) != name[i])
			return false;
	}
	return true;
}

/* Copies the word without its quotes, which the kernel removes, too. Returns the copy's size. */
static size_t copy_word(const char *word, size_t length, char *copy)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++)
		if (word[i] != '"')
			copy[used++] = word[i];
	copy[used++] = '\0';
	return used;
}

int cmdline_parse(struct cmdline *cmdline, const char *text)
{
	const char *word;
	size_t length, used = 0;

	cmdline->text = strdup(text);
	cmdline->words = calloc(strlen(text) + 1, 1);
	if (!cmdline->text || !cmdline->words)
		return -ENOMEM;
	while ((word = next_word(&text, &length))) {
		char *copy = cmdline->words + used, *value = copy + strlen("vfio_early");
		bool quoted = *word == '"';

		if (!is_switch(word + quoted, length - quoted))
			continue;
		used += copy_word(word, length, copy);
		if (*value == '=' && value[1])
			take_choices(cmdline, value + 1);
		else if (!cmdline->wrong)
			cmdline->wrong = copy;
	}
	return 0;
}

void cmdline_check(struct cmdline *cmdline, const struct conf *conf)
{
	for (size_t i = 0; i < cmdline->profile_count && !cmdline->wrong; i++) {
		const struct rule rule = { .profile = cmdline->profiles[i] };

		if (!rule_is_active(&rule, conf->profiles, conf->profile_count))
			cmdline->wrong = cmdline->profiles[i];
	}
}

bool module_name_equal(const char *a, size_t length, const char *b)
{
	for (size_t i = 0; i < length; i++)
		if (!b[i] || (a[i] == '-' ? '_' : a[i]) != (b[i] == '-' ? '_' : b[i]))
			return false;
	return !b[length];
}

bool cmdline_activates(const struct cmdline *cmdline, const struct rule *rule)
{
	return rule_is_active(rule, cmdline->profiles, cmdline->profile_count);
}

void cmdline_module_options(const struct cmdline *cmdline, const char *module, struct text *options)
{
	const char *text = cmdline->text ? cmdline->text : "";
	const char *word;
	size_t length;

	while ((word = next_word(&text, &length))) {
		const char *dot = memchr(word, '.', length);

		if (!dot || !module_name_equal(word, dot - word, module))
			continue;
		text_add(options, " ");
		text_add_bytes(options, dot + 1, word + length - dot - 1);
	}
}

static bool list_has_module(const char *list, const char *end, const char *module)
{
	while (list < end) {
		const char *comma = memchr(list, ',', end - list);

		if (!comma)
			comma = end;
		if (module_name_equal(list, comma - list, module))
			return true;
		list = comma + 1;
	}
	return false;
}

bool cmdline_blacklists(const struct cmdline *cmdline, const char *module)
{
	const char *text = cmdline->text ? cmdline->text : "";
	const char *word, *list;
	size_t length;

	while ((word = next_word(&text, &length))) {
		list = prefix_skip(word, "modprobe.blacklist=");
		if (list && list_has_module(list, word + length, module))
			return true;
	}
	return false;
}

void cmdline_done(struct cmdline *cmdline)
{
	free(cmdline->text);
	free(cmdline->words);
	*cmdline = (struct cmdline){ 0 };
}
