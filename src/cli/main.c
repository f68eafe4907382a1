/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host program: which commands there are, and what their command lines have in common. */

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "util.h"

#define SCHEMA 1 /* of --json: goes up when a key changes its meaning or goes away */

static const struct command *const commands[] = {
	&command_list,	&command_show,	 &command_check,   &command_add,     &command_remove,
	&command_move,	&command_status, &command_bind,	   &command_release, &command_apply,
	&command_audit, &command_import, &command_capture, &command_image,
};

/* Letters are lsblk's. */
static const struct {
	unsigned int bit;
	char letter; /* '\0' for none */
	const char *name, *argument, *help;
} options[] = {
	{ OPTION_ALL, 'a', "all", "", "list bridges, too" },
	{ OPTION_COLUMNS, 'o', "columns", "LIST",
	  "print these columns; +LIST: add them; all: every column" },
	{ OPTION_ROOT, 0, "root", "DIR",
	  "use the machine or image in DIR instead of this machine" },
	{ OPTION_KERNEL, 0, "kernel", "VERSION",
	  "for this kernel instead of the running one, or the only one in DIR" },
	{ OPTION_DEST, 0, "dest", "DIR", "write into this tree of an image" },
	{ OPTION_WITH, 0, "with", "WHAT",
	  "take the whole card, too (functions), or its group (group)" },
	{ OPTION_DRIVER, 0, "driver", "NAME",
	  "use this driver instead of vfio-pci; auto: the best one" },
	{ OPTION_ALLOW, 0, "allow", "DANGER", "override one refusal: boot-display or in-use" },
	{ OPTION_DRY_RUN, 0, "dry-run", "", "print what would be done, and do nothing" },
	{ OPTION_YES, 0, "yes", "", "answer yes to every question" },
	{ OPTION_WRITE, 0, "write", "", "write the lines into a file of the config" },
	{ OPTION_EXPECT, 0, "expect", "N", "fail if fewer than N devices are bound" },
	{ OPTION_PROMETHEUS, 0, "prometheus", "", "print metrics in Prometheus's text format" },
	{ OPTION_OUTPUT, 0, "output", "FILE", "write the metrics into this file, in one step" },
	{ OPTION_ANONYMOUS, 0, "anonymous", "", "replace serial numbers and MAC addresses" },
	{ OPTION_NOW, 0, "now", "", "also bind or release the devices now, without a reboot" },
	{ OPTION_APPLY, 0, "apply", "", "then do what \"vfio-early apply\" does" },
	{ OPTION_JSON, 'J', "json", "", "print JSON" },
	{ OPTION_NO_COLOR, 0, "no-color", "", "print no colors, like the variable NO_COLOR" },
};

static void print_option(char letter, const char *name, const char *argument, const char *help)
{
	char left[32];

	snprintf(left, sizeof(left), "%c%c%c --%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
		 letter ? ',' : ' ', name, *argument ? " " : "", argument);
	printf("  %-22s %s\n", left, help);
}

static void print_options(unsigned int bits)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].bit & bits)
			print_option(options[i].letter, options[i].name, options[i].argument,
				     options[i].help);
	print_option('h', "help", "", "print this");
	print_option('V', "version", "", "print the version");
}

static enum status help(const struct command *command)
{
	if (command) {
		printf("Usage: vfio-early %s [OPTION]...%s%s\n\n%s\n\n", command->name,
		       *command->arguments ? " " : "", command->arguments, command->details);
		print_options(command->options | OPTION_NO_COLOR);
		return STATUS_WELL;
	}
	puts("Usage: vfio-early COMMAND [OPTION]... [ARGUMENT]...\n\n"
	     "Binds PCI devices to vfio-pci before any host driver touches them, as\n"
	     "/etc/vfio-early.conf says. Commands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!commands[i]->hidden)
			printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	puts("\n\"vfio-early COMMAND --help\" describes the command.");
	return STATUS_WELL;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/*
 * getopt_long()'s tables: what it returns is the index in `options` behind LONG_OPTIONS, or a
 * letter. -h and -V all commands have.
 */
enum { LONG_OPTIONS = 256 };

static void fill_options(unsigned int bits, struct option *table, char *letters)
{
	*table++ = (struct option){ "help", no_argument, NULL, 'h' };
	*table++ = (struct option){ "version", no_argument, NULL, 'V' };
	*letters++ = ':'; /* a missing argument is reported as such */
	*letters++ = 'h';
	*letters++ = 'V';
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		bool argument = *options[i].argument;

		if (!(options[i].bit & bits))
			continue;
		*table++ = (struct option){ options[i].name,
					    argument ? required_argument : no_argument, NULL,
					    LONG_OPTIONS + i };
		if (options[i].letter)
			*letters++ = options[i].letter;
		if (options[i].letter && argument)
			*letters++ = ':';
	}
	*table = (struct option){ 0 };
	*letters = '\0';
}

/* The option bit for what getopt_long() returned, 0 for an option that isn't there. */
static unsigned int option_bit(int option)
{
	if (option >= LONG_OPTIONS)
		return options[option - LONG_OPTIONS].bit;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].letter == option)
			return options[i].bit;
	return 0;
}

static void add_allow(struct request *request, const char *word)
{
	size_t count = 0;

	while (count < ALLOWS_MAX - 1 && request->allow[count])
		count++;
	request->allow[count] = word;
}

static void set_option(struct request *request, struct json *json, unsigned int bit,
		       const char *argument)
{
	switch (bit) {
	case OPTION_ROOT:
		request->root = argument;
		break;
	case OPTION_KERNEL:
		request->kernel = argument;
		break;
	case OPTION_DEST:
		request->dest = argument;
		break;
	case OPTION_WITH:
		request->with = argument;
		break;
	case OPTION_DRIVER:
		request->driver = argument;
		break;
	case OPTION_ALLOW:
		add_allow(request, argument);
		break;
	case OPTION_DRY_RUN:
		request->dry_run = true;
		break;
	case OPTION_YES:
		request->yes = true;
		break;
	case OPTION_WRITE:
		request->write = true;
		break;
	case OPTION_NOW:
		request->now = true;
		break;
	case OPTION_APPLY:
		request->apply = true;
		break;
	case OPTION_COLUMNS:
		request->columns = argument;
		break;
	case OPTION_EXPECT:
		request->expect = argument;
		break;
	case OPTION_PROMETHEUS:
		request->prometheus = true;
		break;
	case OPTION_OUTPUT:
		request->output = argument;
		break;
	case OPTION_ANONYMOUS:
		request->anonymous = true;
		break;
	case OPTION_JSON:
		request->json = json;
		break;
	case OPTION_ALL:
		request->all = true;
		break;
	case OPTION_NO_COLOR:
		request->color = false;
		break;
	}
}

/* On a terminal that has colors, unless NO_COLOR is set (https://no-color.org). */
static bool wants_color(void)
{
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && terminal && strcmp(terminal, "dumb");
}

/* Opens the object, unless it is open. The keys that every object has come first. */
static void start_json(struct json *json)
{
	if (json->depth)
		return;
	json_open(json, NULL, '{');
	json_number(json, "schema", SCHEMA);
	json_number(json, "status", STATUS_WELL);
	json_string(json, "error", NULL);
}

/* These go into a line of the config: another word, or line, would say more than the option. */
static bool is_word(unsigned int bit, const char *argument)
{
	if (!(bit & (OPTION_WITH | OPTION_DRIVER | OPTION_ALLOW)))
		return true;
	for (const char *p = argument; *p; p++)
		if (!is_printable(*p) || *p == ' ' || *p == '#')
			return false;
	return true;
}

/* Reports what getopt_long() does not take. */
static void complain_of_option(const struct command *command, int result, char **argv)
{
	char letter[] = { '-', optopt, '\0' };
	const char *word = optopt && optopt < LONG_OPTIONS ? letter : argv[optind - 1];

	complain(result == ':' ? "%s: %s needs an argument; see vfio-early %s --help"
			       : "%s: unknown option: %s; see vfio-early %s --help",
		 command->name, word, command->name);
}

static bool has_arguments(const struct command *command, const struct request *request)
{
	if (request->count >= command->least && request->count <= command->most)
		return true;
	usage_error(command);
	return false;
}

static enum status run(const struct command *command, int argc, char **argv, struct json *json)
{
	struct option table[ARRAY_SIZE(options) + 3];
	char letters[2 * ARRAY_SIZE(options) + 4];
	struct request request = { .root = "/", .color = wants_color() };
	bool understood = true;
	unsigned int bit;
	int option;

	opterr = 0;
	fill_options(command->options | OPTION_NO_COLOR, table, letters);
	while ((option = getopt_long(argc, argv, letters, table, NULL)) != -1) {
		if (option == 'h')
			return help(command);
		if (option == 'V')
			return puts("vfio-early " VERSION) < 0;
		bit = option_bit(option);
		if (bit && is_word(bit, optarg)) {
			set_option(&request, json, bit, optarg);
			continue;
		}
		if (bit)
			complain("%s: not one word of the config: %s", command->name, optarg);
		else
			complain_of_option(command, option, argv);
		understood = false;
	}
	request.arguments = argv + optind;
	request.count = argc - optind;
	understood = understood && has_arguments(command, &request);
	if (request.json)
		start_json(json);
	return understood ? command->run(&request) : STATUS_USAGE;
}

static enum status run_named(int argc, char **argv, struct json *json)
{
	static char program[] = "vfio-early";
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *command = find_command(name);

	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		return puts("vfio-early " VERSION) < 0;
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		if (argc <= 2)
			return help(NULL);
		name = argv[2];
		command = find_command(name);
		if (command)
			return help(command);
	}
	if (!command) {
		complain(*name ? "%s: no such command; \"vfio-early --help\" lists them"
			       : "no command given%s; \"vfio-early --help\" lists them",
			 name);
		return STATUS_USAGE;
	}
	argv[1] = program;
	return run(command, argc - 1, argv + 1, json);
}

/* For a command line that is not understood: a program may have wanted JSON anyway. */
static bool names_json(char **argv)
{
	for (; *argv; argv++)
		if (!strcmp(*argv, "--json") || !strcmp(*argv, "-J"))
			return true;
	return false;
}

/* Prints the object with how the command ended. Returns the exit status. */
static enum status print_json(struct json *json, enum status status)
{
	json_rewind(json);
	json_number(json, "status", status);
	if (status != STATUS_WELL)
		json_string(json, "error", complain_last());
	if (!json_print(json))
		return status;
	complain("--json: %s", strerror(ENOMEM));
	return STATUS_ENVIRONMENT;
}

int main(int argc, char **argv)
{
	_cleanup_(json_done) struct json json = { 0 };
	enum status status = run_named(argc, argv, &json);

	if (status == STATUS_USAGE && names_json(argv))
		start_json(&json);
	if (json.depth)
		status = print_json(&json, status);
	if (fflush(stdout) || ferror(stdout)) {
		complain("standard output: cannot be written");
		return STATUS_ENVIRONMENT;
	}
	return status;
}
