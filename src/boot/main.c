/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot program: first in the initramfs, before udev and before any module is loaded. It reads
 * the config, looks at the machine, fences and binds what the config lists, and tells the kernel
 * log and /run what came of it. Whatever happens, the boot goes on: nothing waits for its status.
 */

#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "device.h"
#include "log.h"
#include "report.h"
#include "rescue.h"

/* As the host program's: 0 all as wanted, 1 something is not, 2 usage, 4 environment. */
enum { EXIT_WANTED, EXIT_UNWANTED, EXIT_USAGE, EXIT_ENVIRONMENT = 4 };

#define GO_ON (-1) /* no reason to end yet */
#define USAGE                                                                             \
	"Usage: vfio-early-boot [--root DIR] [--dry-run | --rescue | --rescue=release]\n" \
	"       vfio-early-boot --version | --help\n"

/* Lines about the config in the kernel log; the report has all of them. */
#define LOG_LINES_MAX 16

struct boot {
	struct root root;
	struct cmdline cmdline;
	struct confdir confdir;
	struct loadplan loadplan;
	struct text aliases;
	struct pci_snapshot snapshot;
	struct match match;
	struct plan plan;
	struct applied applied;
	const struct match *judged; /* the match, once its claims have results; or NULL */
	struct utsname kernel;	    /* large, so that it goes last */
};

static int print(int fd, const char *text, int status)
{
	return write(fd, text, strlen(text)) < 0 ? EXIT_ENVIRONMENT : status;
}

static int read_cmdline(struct boot *boot)
{
	struct text text = { 0 };
	int error;

	/* One that can't be read is as good as an empty one. */
	if (root_read_proc(&boot->root, "proc/cmdline", 64 * 1024, &text) < 0)
		text_done(&text);
	error = cmdline_parse(&boot->cmdline, text_string(&text));
	text_done(&text);
	return error;
}

static int match(struct boot *boot)
{
	struct pci_snapshot *snapshot = &boot->snapshot;
	int error;

	match_done(&boot->match);
	error = match_rules(&boot->confdir.conf, &boot->cmdline, text_string(&boot->aliases),
			    snapshot, &boot->match);
	for (size_t i = 0; i < boot->match.claim_count; i++)
		device_read_driver(&boot->root, snapshot,
				   boot->match.claims[i].function - snapshot->functions);
	return error;
}

/* Only the listed addresses, if that is enough; else, and if one misses, the whole machine. */
static int look(struct boot *boot)
{
	const struct conf *conf = &boot->confdir.conf;
	int error;

	if (match_names_addresses(conf, &boot->cmdline)) {
		error = device_scan_listed(&boot->root, conf, &boot->cmdline, &boot->snapshot);
		if (!error)
			error = match(boot);
		if (error || match_found_all(&boot->match))
			return error;
		match_done(&boot->match);
		pci_snapshot_done(&boot->snapshot);
	}
	error = device_scan(&boot->root, conf, &boot->cmdline, &boot->snapshot);
	return error ? error : match(boot);
}

static int act(struct boot *boot)
{
	bool dry_run = boot->cmdline.dry_run;
	int error = dry_run ? 0 : plan_make(&boot->match, &boot->plan);

	if (!error && boot->plan.count)
		error = apply_plan(&boot->root, &boot->plan, &boot->match, &boot->loadplan,
				   &boot->cmdline, APPLY_DEADLINE_MS, &boot->applied);
	if (error)
		return error;
	boot->judged = &boot->match;
	return claims_judge(&boot->root, &boot->loadplan, dry_run ? NULL : &boot->applied,
			    &boot->match);
}

static void tell_place(const struct place *place, const char *result, const char *reason)
{
	struct text text = { 0 };

	place_add(place, &text);
	log_line(LOG_WARNING, text_string(&text), ": ", result, ": ", reason);
	text_done(&text);
}

static void tell_errors(const struct conf *conf, unsigned int *left)
{
	for (size_t i = 0; i < conf->error_count && *left; i++, --*left) {
		const struct conf_error *error = &conf->errors[i];

		tell_place(&error->place, "invalid", error->message);
	}
}

static void tell_lines(const struct match *match, unsigned int *left)
{
	for (size_t i = 0; i < match->conf->count; i++) {
		const struct line_match *line = &match->lines[i];

		if (!line->reason || !*left)
			continue;
		--*left;
		tell_place(&match->conf->rules[i].place, result_name(line->result), line->reason);
	}
}

/* Why a claim is invalid, its lines say. */
static void tell_functions(const struct match *match)
{
	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];
		bool fine = claim->result == RESULT_BOUND || claim->result == RESULT_PLANNED;
		struct text text = { 0 };

		if (claim->result == RESULT_INVALID)
			continue;
		claim_sentence(claim, &text);
		log_line(fine ? LOG_INFO : LOG_WARNING, text_string(&text));
		text_done(&text);
	}
}

static void add_count(struct text *text, size_t count, const char *what)
{
	text_add(text, text->length ? ", " : "");
	text_add_number(text, count, 10, 1);
	text_add(text, " ", what);
}

/* The summary; true if all is as the config wants it. */
static bool tell_summary(const struct match *match)
{
	static const enum result told[] = { RESULT_BOUND, RESULT_PLANNED, RESULT_FENCED,
					    RESULT_FAILED, RESULT_REFUSED };
	size_t lines = match->conf->error_total + match->bad_lines, unwanted = lines;
	struct text text = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		size_t count = match_count(match, told[i]);

		if (told[i] > RESULT_BOUND)
			unwanted += count;
		if (count || told[i] == RESULT_BOUND)
			add_count(&text, count, result_name(told[i]));
	}
	if (lines)
		add_count(&text, lines, lines == 1 ? "line not in force" : "lines not in force");
	log_line(unwanted ? LOG_WARNING : LOG_INFO, text_string(&text), "; see /" REPORT_FILE);
	text_done(&text);
	return !unwanted;
}

/* Also if nothing is listed: the person who typed it may wait for an effect. */
static void tell_wrong_switch(const struct boot *boot)
{
	if (boot->cmdline.wrong)
		log_line(LOG_WARNING, CMDLINE_WRONG, boot->cmdline.wrong, CMDLINE_EXPECTED);
}

static bool tell(const struct boot *boot)
{
	unsigned int left = LOG_LINES_MAX;

	tell_errors(&boot->confdir.conf, &left);
	tell_lines(&boot->match, &left);
	tell_functions(&boot->match);
	return tell_summary(&boot->match) && !boot->cmdline.wrong;
}

/* `why`: why it stopped before its end, or NULL. */
static void write_report(const struct boot *boot, const char *why)
{
	const struct report report = {
		.kernel = boot->kernel.release,
		.time = time(NULL),
		.mode = boot->cmdline.off	? MODE_OFF
			: boot->cmdline.dry_run ? MODE_DRY_RUN
						: MODE_NORMAL,
		.note = why,
		.cmdline = &boot->cmdline,
		.confdir = &boot->confdir,
		.loadplan = &boot->loadplan,
		.applied = boot->applied.modules ? &boot->applied : NULL,
		.match = boot->judged,
	};
	int error = report_write(&boot->root, &report);

	if (error)
		log_line(LOG_WARNING, "cannot write /" REPORT_FILE ": ", error_text(-error));
}

/* Ends before the end, mostly without having done anything, and says why. */
static int end(const struct boot *boot, enum log_level level, const char *why, int status)
{
	log_line(level, "stopped: ", why);
	write_report(boot, why);
	return status;
}

/* A load plan that can't be read is no reason to stop: each function that lacks it says so. */
static int read_image(struct boot *boot)
{
	int error = 0;

	if (match_wants_aliases(&boot->confdir.conf, &boot->cmdline))
		error = loadplan_read_aliases(&boot->root, boot->kernel.release, &boot->aliases);
	if (loadplan_read(&boot->root, &boot->loadplan))
		boot->loadplan = (struct loadplan){ 0 };
	return error;
}

static int run(struct boot *boot)
{
	int error = read_cmdline(boot);

	if (!error && boot->cmdline.off)
		return end(boot, LOG_WARNING, "vfio_early=off is on the kernel command line",
			   EXIT_UNWANTED);
	/* A kernel that saves the memory of one that crashed (fs/proc/vmcore.c) has no guests. */
	if (!error && root_has(&boot->root, "proc/vmcore"))
		return end(boot, LOG_INFO, "this kernel only saves a crash dump", EXIT_WANTED);
	if (!error)
		error = confdir_read(&boot->root, &boot->confdir);
	if (!error)
		cmdline_check(&boot->cmdline, &boot->confdir.conf);
	if (!error && conf_starts_init(&boot->confdir.conf) &&
	    report_move(&boot->root, &boot->confdir) == 0)
		return EXIT_WANTED;
	tell_wrong_switch(boot);
	if (!error && !conf_has_bind(&boot->confdir.conf) && !boot->confdir.conf.error_total)
		return end(boot, LOG_INFO, "no bind line in the config", EXIT_WANTED);
	if (!error)
		error = read_image(boot);
	if (!error)
		error = look(boot);
	if (!error)
		error = act(boot);
	if (error)
		return end(boot, LOG_ERROR,
			   error == -ENOENT ? "no PCI bus in /sys" : error_text(-error),
			   EXIT_ENVIRONMENT);
	error = tell(boot) ? EXIT_WANTED : EXIT_UNWANTED;
	write_report(boot, NULL);
	return error;
}

enum mode { MODE_BOOT, MODE_RESCUE, MODE_RELEASE };

struct arguments {
	const char *directory;
	bool dry_run;
	enum mode mode;
};

/* Returns GO_ON, or the status to end with at once. */
static int parse_arguments(char **words, struct arguments *ret)
{
	for (; *words; words++) {
		if (!strcmp(*words, "--dry-run"))
			ret->dry_run = true;
		else if (!strcmp(*words, "--rescue"))
			ret->mode = MODE_RESCUE;
		else if (!strcmp(*words, "--rescue=release"))
			ret->mode = MODE_RELEASE;
		else if (!strcmp(*words, "--root") && words[1])
			ret->directory = *++words;
		else if (prefix_skip(*words, "--root="))
			ret->directory = prefix_skip(*words, "--root=");
		else if (!strcmp(*words, "--version"))
			return print(STDOUT_FILENO, VERSION "\n", EXIT_WANTED);
		else if (!strcmp(*words, "--help"))
			return print(STDOUT_FILENO, USAGE, EXIT_WANTED);
		else
			return print(STDERR_FILENO, USAGE, EXIT_USAGE);
	}
	return GO_ON;
}

int main(int argc, char **argv)
{
	static struct boot boot; /* large, and nothing else of the program is */
	struct arguments arguments = { .directory = "/" };
	int status = parse_arguments(argv + (argc > 0), &arguments);
	int error;

	if (status != GO_ON)
		return status;
	error = root_open(&boot.root, arguments.directory);
	if (error) {
		log_line(LOG_ERROR, arguments.directory, ": ",
			 error == -EXDEV ? "has this machine's own /sys in it; it would be changed"
					 : error_text(-error));
		return EXIT_ENVIRONMENT;
	}
	if (boot.root.live)
		log_to_kernel(&boot.root);
	if (arguments.mode != MODE_BOOT)
		return rescue(&boot.root, arguments.mode == MODE_RELEASE) ? EXIT_WANTED
									  : EXIT_UNWANTED;
	boot.cmdline.dry_run = arguments.dry_run;
	uname(&boot.kernel);
	/* Nothing is freed: the process ends here. */
	return run(&boot);
}
