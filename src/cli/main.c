/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host program: which commands there are, and what their command lines have in common. */

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "util.h"

static const struct command *const commands[] = { &command_check, &command_image };

static const struct {
	unsigned int bit;
	const char *name, *argument, *help;
} options[] = {
	{ OPTION_ROOT, "root", "DIR",
	  "look at the machine or image in DIR, not at this one" },
	{ OPTION_KERNEL, "kernel", "VERSION",
	  "for this kernel, not for the one that runs" },
	{ OPTION_DEST, "dest", "DIR", "the image's tree, which is written to" },
	{ OPTION_WITH, "with", "WHAT",
	  "functions: the rest of the card as well; group: the rest of its IOMMU group" },
	{ OPTION_DRIVER, "driver", "NAME",
	  "bind it to this driver, or to the best one (auto), instead of vfio-pci" },
	{ OPTION_ALLOW, "allow", "DANGER",
	  "take it in spite of it: boot-display or in-use" },
	{ OPTION_DRY_RUN, "dry-run", "", "say what would be done, and do nothing" },
};

void complain(const char *format, ...)
{
	va_list arguments;

	fputs("vfio-early: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static void print_option(const char *name, const char *argument, const char *help)
{
	char left[32];

	snprintf(left, sizeof(left), "--%s%s%s", name, *argument ? " " : "", argument);
	printf("  %-20s %s\n", left, help);
}

static void print_options(unsigned int bits)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].bit & bits)
			print_option(options[i].name, options[i].argument,
				     options[i].help);
	print_option("help", "", "print this");
	print_option("version", "", "print the version");
}

static enum status help(const struct command *command)
{
	if (command) {
		printf("Usage: vfio-early %s [OPTION]...%s%s\n\n%s\n\n", command->name,
		       *command->arguments ? " " : "", command->arguments,
		       command->details);
		print_options(command->options);
		return STATUS_WELL;
	}
	puts("Usage: vfio-early COMMAND [OPTION]... [ARGUMENT]...\n\n"
	     "Binds PCI devices to vfio-pci before any host driver touches them, as\n"
	     "/etc/vfio-early.conf says. Commands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	puts("\n\"vfio-early COMMAND --help\" tells more of each.");
	return STATUS_WELL;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* getopt_long()'s table: `val` is the index in `options`, behind the two that all have. */
enum { LONG_HELP = 256, LONG_VERSION, LONG_OPTIONS };

static void fill_long_options(unsigned int bits, struct option *table)
{
	*table++ = (struct option){ "help", no_argument, NULL, LONG_HELP };
	*table++ = (struct option){ "version", no_argument, NULL, LONG_VERSION };
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].bit & bits)
			*table++ =
				(struct option){ options[i].name,
						 *options[i].argument ? required_argument
								      : no_argument,
						 NULL, LONG_OPTIONS + i };
	*table = (struct option){ 0 };
}

static void add_allow(struct request *request, const char *word)
{
	size_t count = 0;

	while (count < ALLOWS_MAX - 1 && request->allow[count])
		count++;
	request->allow[count] = word;
}

static void take_option(struct request *request, unsigned int bit, const char *argument)
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
	}
}

static enum status run(const struct command *command, int argc, char **argv)
{
	struct option table[ARRAY_SIZE(options) + 3];
	struct request request = { .root = "/" };
	int option;

	fill_long_options(command->options, table);
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == LONG_HELP)
			return help(command);
		if (option == LONG_VERSION)
			return puts("vfio-early " VERSION) < 0;
		if (option < LONG_OPTIONS)
			return STATUS_USAGE;
		take_option(&request, options[option - LONG_OPTIONS].bit, optarg);
	}
	request.arguments = argv + optind;
	request.count = argc - optind;
	if (request.count < command->least || request.count > command->most) {
		complain("usage: vfio-early %s [OPTION]...%s%s; see --help",
			 command->name, *command->arguments ? " " : "",
			 command->arguments);
		return STATUS_USAGE;
	}
	return command->run(&request);
}

int main(int argc, char **argv)
{
	static char program[] = "vfio-early";
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *command = find_command(name);
	enum status status;

	if (!strcmp(name, "--version"))
		return puts("vfio-early " VERSION) < 0;
	if (!strcmp(name, "--help") || !strcmp(name, "help"))
		return help(argc > 2 ? find_command(argv[2]) : NULL);
	if (!command) {
		complain(*name ? "%s: no such command; \"vfio-early --help\" lists them"
			       : "no command given%s; \"vfio-early --help\" lists them",
			 name);
		return STATUS_USAGE;
	}
	argv[1] = program; /* for getopt's messages */
	status = run(command, argc - 1, argv + 1);
	if (fflush(stdout) || ferror(stdout)) {
		complain("standard output: cannot be written");
		return STATUS_ENVIRONMENT;
	}
	return status;
}
