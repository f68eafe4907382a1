/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The config language, from text to rules. Every error of a file is found, not the first only;
 * a line with an error adds no rule, so that it touches nothing.
 *
 *   file      := { line "\n" }
 *   line      := [ "[" NAME "]" | statement ] [ "#" comment ]
 *   statement := "bind" condition... [setting...]
 *              | "keep" condition...
 *              | "option" MODULE NAME[=VALUE]...
 *              | "start" ( "hook" | "init" )
 */

#include "conf.h"

#include <string.h>

#include "text.h"

/* One line being parsed. `words` are NUL-terminated inside `buffer`. */
struct line {
	struct conf *conf;
	struct rule rule;
	const char *base; /* start of `buffer`: a word's column is its distance from here */
	char *rest;	  /* what was not split into words yet */
	bool bad;
	bool keep; /* it may be meant to protect a device */
};

int conf_error(struct conf *conf, struct conf_error error, const char *word, const char *what)
{
	struct text message = { 0 };

	conf->error_total++;
	if (conf->error_count == CONF_ERRORS_MAX)
		return 0;
	if (ARRAY_GROW(conf->errors, conf->error_count))
		return -ENOMEM;
	if (word)
		text_add(&message, word, ": ");
	text_add(&message, what);
	error.message = text_steal(&message);
	if (!error.message)
		return -ENOMEM;
	conf->errors[conf->error_count++] = error;
	return 0;
}

const char *conf_string(struct conf *conf, const char *string)
{
	char *copy;

	if (ARRAY_GROW(conf->strings, conf->string_count))
		return NULL;
	copy = strdup(string);
	if (copy)
		conf->strings[conf->string_count++] = copy;
	return copy;
}

void place_add(const struct place *place, struct text *text)
{
	const unsigned int numbers[] = { place->line, place->column };

	text_add(text, place->file);
	for (size_t i = 0; i < ARRAY_SIZE(numbers) && numbers[i]; i++) {
		text_add(text, ":");
		text_add_number(text, numbers[i], 10, 1);
	}
}

/* An error at `at` in the line, of which `word` is quoted unless NULL. 0 or -ENOMEM. */
static int error_at(struct line *line, const char *at, const char *word, const char *what)
{
	struct conf_error error = { .place = line->rule.place, .keep = line->keep };

	/* Nothing chooses the profile "" of an invalid heading, but protection still counts. */
	if (line->rule.profile && *line->rule.profile)
		error.profile = line->rule.profile;

	line->bad = true;
	error.place.column = at - line->base + 1;
	return conf_error(line->conf, error, word, what);
}

static int word_error(struct line *line, const char *word, const char *what)
{
	return error_at(line, word, word, what);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

const char *conf_comment(const char *line, const char *end)
{
	for (const char *p = line; p < end; p++)
		if (*p == '#' && (p == line || is_blank(p[-1])))
			return p;
	return end;
}

/* A part of a text. */
struct span {
	const char *start, *end;
};

/* Takes the next line that is more than blank space and a comment from the front of `text`. */
static bool next_statement(struct span *text, struct span *ret)
{
	while (text->start < text->end) {
		const char *newline = memchr(text->start, '\n', text->end - text->start);

		*ret = (struct span){ text->start, newline ? newline : text->end };
		text->start = newline ? newline + 1 : text->end;
		if (ret->end > ret->start && ret->end[-1] == '\r')
			ret->end--;
		/* After a carriage return, also in a comment, parse_line() finds an error. */
		if (!memchr(ret->start, '\r', ret->end - ret->start))
			ret->end = conf_comment(ret->start, ret->end);
		while (ret->start < ret->end && is_blank(*ret->start))
			ret->start++;
		if (ret->start < ret->end)
			return true;
	}
	return false;
}

static bool next_span(struct span *line, struct span *ret)
{
	while (line->start < line->end && is_blank(*line->start))
		line->start++;
	ret->start = line->start;
	while (line->start < line->end && !is_blank(*line->start))
		line->start++;
	ret->end = line->start;
	return ret->start < ret->end;
}

static bool has_same_words(struct span a, struct span b)
{
	struct span word, other;
	bool more, other_more;

	do {
		more = next_span(&a, &word);
		other_more = next_span(&b, &other);
		if (more != other_more || word.end - word.start != other.end - other.start ||
		    memcmp(word.start, other.start, word.end - word.start))
			return false;
	} while (more);
	return true;
}

static struct span text_span(const char *text, size_t length)
{
	return (struct span){ text + text_mark_length(text, length), text + length };
}

bool conf_says_same(const char *a, size_t a_length, const char *b, size_t b_length)
{
	struct span text = text_span(a, a_length), other = text_span(b, b_length);
	struct span line, other_line;
	bool more, other_more;

	do {
		more = next_statement(&text, &line);
		other_more = next_statement(&other, &other_line);
		if (more != other_more || (more && !has_same_words(line, other_line)))
			return false;
	} while (more);
	return true;
}

/* The next word, or NULL at the end of the line. */
static char *next_word(struct line *line)
{
	char *word = line->rest;

	while (is_blank(*word))
		word++;
	line->rest = word;
	if (!*word)
		return NULL;
	while (*line->rest && !is_blank(*line->rest))
		line->rest++;
	if (*line->rest)
		*line->rest++ = '\0';
	return word;
}

bool conf_name_is_good(const char *name)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t length = strlen(name);

	return length && length < PCI_DRIVER_SIZE && strspn(name, good) == length;
}

static const char *parse_address(struct line *line, const char *value)
{
	return pci_address_parse(value, &line->rule.address);
}

static const char *parse_id(struct line *line, const char *value)
{
	return pci_id_parse(value, &line->rule.id);
}

static const char *parse_subsystem(struct line *line, const char *value)
{
	return pci_id_parse(value, &line->rule.subsystem);
}

static const char *parse_class(struct line *line, const char *value)
{
	return pci_class_parse(value, &line->rule.class, &line->rule.class_digits);
}

static const char *parse_path(struct line *line, const char *value)
{
	return pci_path_parse(value, &line->rule.path);
}

static const char *parse_serial(struct line *line, const char *value)
{
	return pci_serial_parse(value, &line->rule.serial);
}

static const char *parse_count(struct line *line, const char *value)
{
	uint64_t number = 0;
	const char *end;

	if (strcmp(value, "all")) {
		end = number_parse(value, 10, 65536, &number);
		if (!end || *end || !number)
			return "not a count (expected a number or all)";
	}
	line->rule.count = number;
	return NULL;
}

static const char *parse_with(struct line *line, const char *value)
{
	if (!strcmp(value, "functions"))
		line->rule.with = WITH_FUNCTIONS;
	else if (!strcmp(value, "group"))
		line->rule.with = WITH_GROUP;
	else
		return "expected functions or group";
	return NULL;
}

static const char *parse_driver(struct line *line, const char *value)
{
	if (!conf_name_is_good(value))
		return "not a driver name";
	line->rule.driver = conf_string(line->conf, value);
	return NULL;
}

static const char *parse_allow(struct line *line, const char *value)
{
	if (!strcmp(value, "boot-display"))
		line->rule.allow |= ALLOW_BOOT_DISPLAY;
	else if (!strcmp(value, "in-use"))
		line->rule.allow |= ALLOW_IN_USE;
	else
		return "expected boot-display or in-use";
	return NULL;
}

static const char *parse_rescue(struct line *line, const char *value)
{
	if (strcmp(value, "release"))
		return "expected release";
	line->rule.rescue = true;
	return NULL;
}

/* NAME=VALUE words. `bit` is what they set in rule.given; only allow= may come twice. */
static const struct keyword {
	char name[12];
	unsigned int bit;
	const char *(*parse)(struct line *line, const char *value);
} keywords[] = {
	{ "address=", CONDITION_ADDRESS, parse_address },
	{ "id=", CONDITION_ID, parse_id },
	{ "subsystem=", CONDITION_SUBSYSTEM, parse_subsystem },
	{ "class=", CONDITION_CLASS, parse_class },
	{ "path=", CONDITION_PATH, parse_path },
	{ "serial=", CONDITION_SERIAL, parse_serial },
	{ "count=", SETTING_COUNT, parse_count },
	{ "with=", SETTING_WITH, parse_with },
	{ "driver=", SETTING_DRIVER, parse_driver },
	{ "allow=", SETTING_ALLOW, parse_allow },
	{ "rescue=", SETTING_RESCUE, parse_rescue },
};

static const struct keyword *find_keyword(const char *word, const char **ret_value)
{
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		*ret_value = prefix_skip(word, keywords[i].name);
		if (*ret_value)
			return &keywords[i];
	}
	/* A bare word: an address has a dot, an ID has none. */
	*ret_value = word;
	if (strchr(word, '=') || !strchr(word, ':'))
		return NULL;
	return &keywords[strchr(word, '.') ? 0 : 1];
}

static int parse_word(struct line *line, const char *word)
{
	const char *value, *wrong;
	const struct keyword *keyword = find_keyword(word, &value);

	if (!keyword)
		return word_error(line, word, "unknown condition or setting");
	if (line->rule.given & keyword->bit && keyword->bit != SETTING_ALLOW)
		return word_error(line, word, "given twice");
	line->rule.given |= keyword->bit;
	wrong = keyword->parse(line, value);
	return wrong ? word_error(line, word, wrong) : 0;
}

static int parse_conditions(struct line *line, const char *statement)
{
	struct rule *rule = &line->rule;
	int error = 0;
	char *word;

	rule->count = 1;
	rule->driver = CONF_DRIVER_DEFAULT;
	while (!error && (word = next_word(line)))
		error = parse_word(line, word);
	if (error || line->bad)
		return error;
	if (!rule->driver)
		return -ENOMEM;
	if (!(rule->given & CONDITIONS))
		return word_error(line, statement, "needs a device, such as an address or ID");
	return 0;
}

static int parse_bind(struct line *line, const char *statement)
{
	struct rule *rule = &line->rule;
	int error = parse_conditions(line, statement);

	if (error || line->bad)
		return error;
	if (rule->given & (CONDITION_ADDRESS | CONDITION_PATH) && rule->count > 1)
		return word_error(line, statement,
				  "count= is above 1, but an address or path= selects one device");
	return 0;
}

static int parse_keep(struct line *line, const char *statement)
{
	int error = parse_conditions(line, statement);

	if (error || line->bad)
		return error;
	if (line->rule.given & ~CONDITIONS)
		return word_error(line, statement, "accepts conditions only");
	if (line->rule.profile && !*line->rule.profile)
		return word_error(line, statement, "below an invalid [NAME]");
	return 0;
}

/* MODULE NAME[=VALUE]...: the kernel splits at blanks, so a value has none */
static int parse_option(struct line *line, const char *statement)
{
	struct rule *rule = &line->rule;
	const char *module = next_word(line);
	struct text options = { 0 };
	int error = 0;
	char *word;

	if (!module || !conf_name_is_good(module))
		return word_error(line, module ? module : statement, "needs a module");
	while (!error && (word = next_word(line))) {
		/* The kernel takes quotes off (next_arg() in lib/cmdline.c). */
		if (!prefix_skip(word + (*word == '"'), "ids=")) {
			text_add(&options, options.length ? " " : "", word);
			continue;
		}
		error = word_error(line, word, "takes every device of that model. Use bind lines");
	}
	if (!error && !line->bad && !options.length)
		error = word_error(line, statement, "needs NAME=VALUE");
	rule->module = conf_string(line->conf, module);
	rule->options = conf_string(line->conf, text_string(&options));
	if (!rule->module || !rule->options || text_error(&options))
		error = -ENOMEM;
	text_done(&options);
	return error;
}

static int parse_start(struct line *line, const char *statement)
{
	const char *where = next_word(line);

	if (line->rule.profile)
		return word_error(line, statement, "not allowed below a [NAME]");
	if (!where || next_word(line) || (strcmp(where, "hook") && strcmp(where, "init")))
		return word_error(line, statement, "needs one word, hook or init");
	line->rule.start_init = !strcmp(where, "init");
	return 0;
}

static const struct {
	char name[8];
	enum statement statement;
	int (*parse)(struct line *line, const char *statement);
} statements[] = {
	{ "bind", STATEMENT_BIND, parse_bind },
	{ "keep", STATEMENT_KEEP, parse_keep },
	{ "option", STATEMENT_OPTION, parse_option },
	{ "start", STATEMENT_START, parse_start },
};

static int parse_statement(struct line *line, const char *word)
{
	struct conf *conf = line->conf;

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		int error;

		if (strcmp(word, statements[i].name))
			continue;
		line->rule.statement = statements[i].statement;
		error = statements[i].parse(line, word);
		if (error || line->bad)
			return error;
		if (ARRAY_GROW(conf->rules, conf->count))
			return -ENOMEM;
		conf->rules[conf->count++] = line->rule;
		conf->generated_count += line->rule.generated;
		return 0;
	}
	return word_error(line, word,
			  "unknown statement (expected bind, keep, option, start or [NAME])");
}

/* [NAME] */
static int parse_profile(struct line *line, char *word, const char **profile)
{
	static const char not_in_force[] = "not a valid [NAME]. The lines below do not count";
	char *end = strchr(word, ']');
	const char *more = next_word(line);

	if (*word != '[' || !end || end[1] || more)
		return word_error(line, word, not_in_force);
	*end = '\0';
	if (!conf_name_is_good(word + 1) || !strcmp(word + 1, "off") ||
	    !strcmp(word + 1, "dry-run")) {
		*end = ']';
		return word_error(line, word, not_in_force);
	}
	*profile = conf_string(line->conf, word + 1);
	if (!*profile || ARRAY_GROW(line->conf->profiles, line->conf->profile_count))
		return -ENOMEM;
	line->conf->profiles[line->conf->profile_count++] = *profile;
	return 0;
}

/* The first byte that no statement has: not a tab, and not ASCII. */
static const char *find_junk(const char *text, const char *end)
{
	for (; text < end; text++)
		if (*text != '\t' && !is_printable(*text))
			return text;
	return NULL;
}

/* Returns whether the `length` bytes at `word` start like a statement. */
static bool starts_like_statement(const char *word, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		size_t own = strlen(statements[i].name);

		if (length >= own && memcmp(word, statements[i].name, own) == 0)
			return true;
	}
	return false;
}

/* Returns whether the word is, or may be meant as, a [NAME]: also gaming], or in other brackets. */
static bool is_like_heading(const char *word, size_t length)
{
	if (starts_like_statement(word, length))
		return false;
	for (size_t i = 0; i < length; i++)
		if (word[i] == '[' || word[i] == ']' || !is_printable(word[i]))
			return true;
	return false;
}

/* Returns whether the line may protect a device: its statement is neither of those that do not. */
static bool may_be_keep(const char *word, size_t length)
{
	static const char *const others[] = { "bind", "option", "start" };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (length == strlen(others[i]) && memcmp(word, others[i], length) == 0)
			return false;
	return *word != '[' && *word != '#';
}

#define JUNK "a byte that is not printable ASCII"

static int parse_line(struct line *line, const char *text, size_t length, const char **profile)
{
	char buffer[CONF_LINE_MAX + 1];
	const char *junk, *carriage_return, *end, *start = text;
	bool heading;
	char *word;

	if (length && text[length - 1] == '\r')
		length--;
	while (start < text + length && is_blank(*start))
		start++;
	for (end = start; end < text + length && !is_blank(*end);)
		end++;
	/* No line counts below an invalid heading: "" is never chosen. */
	heading = start < end && *start != '#' && is_like_heading(start, end - start);
	if (heading)
		*profile = "";
	line->keep = start < end && may_be_keep(start, end - start);
	line->base = text;
	if (length > CONF_LINE_MAX)
		return error_at(line, text + CONF_LINE_MAX, NULL,
				"the line is longer than 1024 bytes");
	carriage_return = memchr(text, '\r', length);
	end = conf_comment(text, text + length);
	junk = find_junk(text, end);
	/* After a carriage return, also in a comment, another line may have been meant. */
	line->keep |= carriage_return != NULL;
	if (carriage_return && (!junk || carriage_return <= junk))
		return error_at(line, carriage_return, NULL, "a carriage return inside the line");
	if (junk)
		return error_at(line, junk, NULL,
				heading ? JUNK ". The lines below do not count" : JUNK);

	memcpy(buffer, text, end - text);
	buffer[end - text] = '\0';
	line->base = line->rest = buffer;
	word = next_word(line);
	if (!word)
		return 0;
	if (heading)
		return parse_profile(line, word, profile);
	if (line->conf->count - line->conf->generated_count == CONF_LINES_MAX)
		return error_at(line, word, NULL, "more than 4096 statements");
	return parse_statement(line, word);
}

int conf_parse(struct conf *conf, const char *file, const char *text, size_t length, bool generated)
{
	const char *end = text + length, *profile = NULL;
	unsigned int number = 0;

	file = conf_string(conf, file);
	if (!file)
		return -ENOMEM;
	text += text_mark_length(text, length);
	while (text < end) {
		const char *newline = memchr(text, '\n', end - text);
		struct line line = { .conf = conf };
		int error;

		line.rule.place = (struct place){ file, ++number, 0 };
		line.rule.profile = profile;
		line.rule.generated = generated;
		if (!newline)
			newline = end;
		error = parse_line(&line, text, newline - text, &profile);
		if (error)
			return error;
		text = newline < end ? newline + 1 : end;
	}
	return 0;
}

bool rule_is_active(const struct rule *rule, const char *const *profiles, size_t count)
{
	if (!rule->profile)
		return true;
	for (size_t i = 0; i < count; i++)
		if (!strcmp(rule->profile, profiles[i]))
			return true;
	return false;
}

const struct conf_error *conf_broken_keep(const struct conf *conf, const char *const *profiles,
					  size_t count)
{
	for (size_t i = 0; i < conf->error_count; i++) {
		const struct conf_error *error = &conf->errors[i];
		const struct rule rule = { .profile = error->profile };

		if (error->keep && rule_is_active(&rule, profiles, count))
			return error;
	}
	/* Errors that were not kept can be of keep lines. */
	return conf->error_total > conf->error_count ? &conf->errors[0] : NULL;
}

bool conf_has_bind(const struct conf *conf)
{
	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].statement == STATEMENT_BIND)
			return true;
	return false;
}

bool conf_starts_init(const struct conf *conf)
{
	bool init = false;

	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].statement == STATEMENT_START)
			init = conf->rules[i].start_init;
	return init;
}

void conf_done(struct conf *conf)
{
	for (size_t i = 0; i < conf->error_count; i++)
		free(conf->errors[i].message);
	for (size_t i = 0; i < conf->string_count; i++)
		free(conf->strings[i]);
	free(conf->errors);
	free(conf->profiles);
	free(conf->strings);
	free(conf->rules);
	*conf = (struct conf){ 0 };
}
