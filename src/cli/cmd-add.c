/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early add: writes the line of one device into the config, or changes the settings of the
 * line that the device has. Nothing is written before the line was tried on this machine, with the
 * parser and the matcher that the boot program has.
 */

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "condition.h"
#include "config/bind-line.h"
#include "config/draft.h"
#include "config/edit.h"
#include "config/selection.h"
#include "danger/danger.h"
#include "finding-print.h"
#include "lib/printable.h"
#include "machine/card.h"
#include "machine/group.h"
#include "machine/machine.h"
#include "machine/names.h"
#include "machine/sysfs.h"

struct add {
	const struct request *request;
	struct machine machine;
	struct names *names;
	struct pci_address address;
	const char *with;	   /* --with, or what the argument says */
	char file[ROOT_PATH_SIZE]; /* that the line is in, without the first "/" */
	struct edit edit;
	unsigned int number;		  /* of the line in the file */
	char before[CONF_STATEMENT_SIZE]; /* the line of the device as it was, "" if it is new */
	struct text line;		  /* the new line, empty if a line is changed */
	struct text text;		  /* the file as it will be */
};

static void add_done(struct add *add)
{
	edit_done(&add->edit);
	text_done(&add->line);
	text_done(&add->text);
	names_close(add->names);
	machine_done(&add->machine);
}

static enum status load(struct add *add)
{
	enum status status = load_machine(add->request, &add->machine);

	if (status == STATUS_WELL)
		status = require_devices(&add->machine);
	if (status != STATUS_WELL)
		return status;
	add->names = names_open(&add->machine);
	return add->names ? STATUS_WELL : fail("add", -ENOMEM);
}

/* "0000:01:00.0 [10de:1c03] NVIDIA Corporation GP106" */
static void describe(const struct add *add, const struct pci_address *address, FILE *file)
{
	const struct pci_function *function = pci_find(&add->machine.snapshot, address);
	char text[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE], name[NAMES_SIZE];

	if (!function)
		return;
	printable_print(file, "%s [%s] %s", pci_address_format(address, text),
			pci_id_format(&function->id, id), names_full(add->names, function, name));
}

/* The number that a person types, from 1; 0 if it is none of them. */
static size_t ask_number(size_t most)
{
	char answer[32];
	uint64_t number;

	fprintf(stderr, "Which one, 1 to %zu? ", most);
	if (!fgets(answer, sizeof(answer), stdin))
		return 0;
	return number_parse(answer, 10, most, &number) ? number : 0;
}

/* Returns the first function of the selection that is on the card of number `i`. */
static const struct pci_function *first_of_card(const struct add *add,
						const struct selection *selection, size_t i)
{
	const struct pci_snapshot *snapshot = &add->machine.snapshot;
	const struct pci_function *own = pci_find(snapshot, &selection->addresses[i]);

	for (size_t j = 0; j < i; j++) {
		const struct pci_function *other = pci_find(snapshot, &selection->addresses[j]);

		if (own && other && pci_same_card(other, own))
			return other;
	}
	return own;
}

/*
 * Makes choices of the selection: a function of another kind than the card's first one, as the
 * sound of a GPU, is no choice of its own. Functions of one kind are the ports of a card.
 * `ret_cards` says of each choice whether it is a card, and has room for all.
 */
static void make_choices(const struct add *add, struct selection *selection, bool *ret_cards)
{
	size_t kept = 0;

	for (size_t i = 0; i < selection->count; i++) {
		const struct pci_function *first = first_of_card(add, selection, i);
		const struct pci_function *own =
			pci_find(&add->machine.snapshot, &selection->addresses[i]);

		if (own != first && own->class >> 16 != first->class >> 16) {
			for (size_t j = 0; j < kept; j++)
				ret_cards[j] |= !pci_address_compare(&selection->addresses[j],
								     &first->address);
			continue;
		}
		ret_cards[kept] = false;
		selection->addresses[kept++] = selection->addresses[i];
	}
	selection->count = kept;
}

/* Prints the options of the command line again, for a command that a person copies. */
static void print_options(const struct add *add)
{
	const struct request *request = add->request;

	if (strcmp(request->root, "/"))
		printable_print(stderr, " --root %s", request->root);
	if (request->with)
		fprintf(stderr, " --with %s", request->with);
	if (request->driver)
		fprintf(stderr, " --driver %s", request->driver);
	for (const char *const *allow = request->allow; *allow; allow++)
		fprintf(stderr, " --allow %s", *allow);
	if (request->dry_run)
		fputs(" --dry-run", stderr);
}

/* One line of the offer: a number for a person, or the whole command. */
static void offer(const struct add *add, const struct pci_address *choice, bool card, size_t number)
{
	char address[PCI_ADDRESS_SIZE];

	pci_address_format(choice, address);
	if (card)
		*strrchr(address, '.') = '\0';
	if (number) {
		fprintf(stderr, "%4zu  ", number);
	} else {
		fprintf(stderr, "  vfio-early add %s", address);
		print_options(add);
		fputs("  # ", stderr);
	}
	describe(add, choice, stderr);
	fputs(card ? ", and the rest of the card\n" : "\n", stderr);
}

static enum status ask_for(struct add *add, const struct selection *selection, const bool *cards)
{
	bool person = can_ask();
	size_t number;

	complain("%s: %zu device%s match%s%s", add->request->arguments[0], selection->count,
		 selection->count == 1 ? "" : "s", selection->count == 1 ? "es" : "",
		 person ? ":" : "; name one of them:");
	for (size_t i = 0; i < selection->count; i++)
		offer(add, &selection->addresses[i], cards[i], person ? i + 1 : 0);
	number = person ? ask_number(selection->count) : 0;
	if (person && !number)
		complain("add: no device was chosen; nothing was written");
	if (!number)
		return STATUS_USAGE;
	add->address = selection->addresses[number - 1];
	if (cards[number - 1] && !add->with)
		add->with = "functions";
	return STATUS_WELL;
}

/* Several devices match: asks a person for one, or prints the command for each. */
static enum status ask(struct add *add, struct selection *selection)
{
	_cleanup_(freep) bool *cards = malloc(selection->count * sizeof(*cards));

	if (!cards)
		return fail("add", -ENOMEM);
	make_choices(add, selection, cards);
	return ask_for(add, selection, cards);
}

/* `near` is what may have been meant, or "". */
static enum status choose_from(struct add *add, struct selection *selection, const char *near)
{
	const char *word = add->request->arguments[0];
	bool group = prefix_skip(word, "group=");
	struct pci_address card;

	if (!selection->count) {
		complain("%s: no device matches, bridges aside; %s%s%s", word,
			 *near ? "did you mean " : "\"vfio-early list --all\" shows all", near,
			 *near ? "?" : "");
		return STATUS_UNWANTED;
	}
	if (selection->count > 1 && !group)
		return ask(add, selection);
	if (group && !add->with)
		add->with = "group";
	if (card_parse(word, &card) && !add->with)
		add->with = "functions";
	add->address = selection->addresses[0];
	return STATUS_WELL;
}

/* Which device is meant. */
static enum status choose(struct add *add)
{
	const char *word = add->request->arguments[0];
	struct selection selection = { 0 };
	struct text why = { 0 };
	int error = selection_find(&add->machine, add->names, word, &selection, &why);
	enum status status;

	if (error == -EINVAL) {
		complain("add: %s", text_string(&why));
		status = STATUS_USAGE;
	} else {
		status = error ? fail("add", error)
			       : choose_from(add, &selection, text_string(&why));
	}
	text_done(&why);
	selection_done(&selection);
	return status;
}

/* How many functions the conditions of the rule select, those that with= adds left out. */
static size_t count_stated(const struct match *match, const struct rule *rule)
{
	size_t count = 0;

	for (size_t i = 0; i < match->claim_count; i++)
		count += claim_line(&match->claims[i], rule) &&
			 !condition_missed(rule, match->claims[i].function);
	return count;
}

/* Returns the rule whose conditions select the device and nothing else, or NULL. */
static const struct rule *find_own_rule(const struct add *add)
{
	const struct claim *claim = machine_claim_at(&add->machine, &add->address);

	for (size_t i = 0; claim && i < claim->line_count; i++) {
		const struct rule *rule = claim->lines[i].rule;

		if (!condition_missed(rule, claim->function) &&
		    count_stated(&add->machine.match, rule) == 1)
			return rule;
	}
	return NULL;
}

static enum with with_wanted(const struct add *add)
{
	if (!add->with)
		return WITH_NOTHING;
	return strcmp(add->with, "group") ? WITH_FUNCTIONS : WITH_GROUP;
}

static unsigned int allow_bit(const char *word)
{
	return strcmp(word, "in-use") ? ALLOW_BOOT_DISPLAY : ALLOW_IN_USE;
}

static bool changes_with(const struct add *add, const struct rule *rule)
{
	return add->with && with_wanted(add) != rule->with;
}

static bool changes_driver(const struct add *add, const struct rule *rule)
{
	return add->request->driver && strcmp(add->request->driver, rule->driver);
}

/* Does the command line ask for settings that `claim` lacks? */
static bool asks_more(const struct add *add, const struct claim *claim)
{
	unsigned int allowed = match_allows(claim->rule, claim->function);

	for (const char *const *allow = add->request->allow; *allow; allow++)
		if (!(allowed & allow_bit(*allow)))
			return true;
	return changes_with(add, claim->rule) || changes_driver(add, claim->rule);
}

/* Reports the line that lists the device. Returns whether the device will be bound. */
static enum status report_listed(const struct add *add, const struct claim *claim)
{
	char address[PCI_ADDRESS_SIZE], statement[CONF_STATEMENT_SIZE];
	struct text place = { 0 };

	pci_address_format(&add->address, address);
	place_add(&claim->rule->place, &place);
	confdir_statement(&add->machine.confdir, &claim->rule->place, statement);
	if (claim->result != RESULT_NONE)
		complain("%s: listed already, but %s: %s: %s; edit that line, or remove it "
			 "first: vfio-early remove %s",
			 address, result_name(claim->result), text_string(&place), statement,
			 text_string(&place));
	else
		printable_print(stdout, "%s is listed already: %s: %s\n", address,
				text_string(&place), statement);
	text_done(&place);
	return claim->result == RESULT_NONE ? STATUS_WELL : STATUS_UNWANTED;
}

/*
 * Finds out which file is to be edited. `*ret_listed` says whether there is nothing to write: the
 * device has a line that says all that the command line asks for.
 */
static enum status check_listed(struct add *add, bool *ret_listed)
{
	const struct claim *claim = machine_claim_at(&add->machine, &add->address);
	const struct rule *own = find_own_rule(add);

	string_copy(add->file, sizeof(add->file), own ? own->place.file + 1 : CONFDIR_MAIN);
	*ret_listed = claim && !asks_more(add, claim);
	return *ret_listed ? report_listed(add, claim) : require_trust(&add->machine, add->file);
}

/* Puts what `edit_set` makes of the file in the place of what it is. */
static void set(struct add *add, const char *key, const char *value)
{
	struct text text = { .failed = add->text.failed };

	edit_set(&add->text, add->number, key, value, &text);
	text_done(&add->text);
	add->text = text;
}

/* Changes the settings of the line that the device has. */
static int amend(struct add *add, const struct rule *rule, const struct text *old)
{
	add->number = rule->place.line;
	confdir_statement(&add->machine.confdir, &rule->place, add->before);
	text_add_bytes(&add->text, text_string(old), old->length);
	if (changes_with(add, rule))
		set(add, "with=", add->with);
	if (changes_driver(add, rule))
		set(add, "driver=", add->request->driver);
	for (const char *const *allow = add->request->allow; *allow; allow++) {
		/* A line can have several allow=: the word as a whole is the key. */
		struct text word = { 0 };

		text_add(&word, "allow=", *allow);
		if (!(rule->allow & allow_bit(*allow)))
			set(add, text_string(&word), "");
		add->text.failed |= word.failed;
		text_done(&word);
	}
	return text_error(&add->text);
}

static int insert(struct add *add, const struct text *old)
{
	const struct pci_function *function = pci_find(&add->machine.snapshot, &add->address);
	struct text words = { 0 };
	int error;

	if (!function) /* gone meanwhile */
		return -ENODEV;
	if (prefix_skip(add->request->arguments[0], "serial="))
		text_add(&words, " ", add->request->arguments[0]);
	add_settings(add->request, add->with, &words);
	bind_line_add(&add->machine, add->names, function, text_string(&words), &add->line);
	error = text_error(&words);
	text_done(&words);
	if (error)
		return error;
	add->number = edit_insert(old, text_string(&add->line), &add->text);
	return text_error(&add->line) ? -ENOMEM : text_error(&add->text);
}

static int compose(struct add *add)
{
	const struct rule *own = find_own_rule(add);
	const struct text *old =
		add->request->dry_run ? draft_text(&add->machine, add->file) : &add->edit.text;

	return own ? amend(add, own, old) : insert(add, old);
}

/* Lets the parser judge the options, before anything else is looked at. */
static enum status check_options(const struct request *request)
{
	struct conf conf = { 0 };
	struct text line = { 0 };
	enum status status = STATUS_WELL;
	int error;

	text_add(&line, "bind 00:00.0");
	add_settings(request, request->with, &line);
	error = text_error(&line);
	if (!error)
		error = conf_parse(&conf, "options", line.data, line.length, false);
	if (error)
		status = fail("add", error);
	else if (conf.error_count) {
		complain("add: %s", conf.errors[0].message);
		status = STATUS_USAGE;
	}
	conf_done(&conf);
	text_done(&line);
	return status;
}

/* "WORDS: 0000:01:00.1 [10de:10f1] NVIDIA GP106 High Definition Audio (snd_hda_intel)" */
static void print_device(const struct add *add, const char *words,
			 const struct pci_function *function)
{
	char address[PCI_ADDRESS_SIZE], id[PCI_ID_SIZE], name[NAMES_SIZE];

	names_full(add->names, function, name);
	printable_print(stdout, "%s: %s [%s] %s%s(%s)\n", words,
			pci_address_format(&function->address, address),
			pci_id_format(&function->id, id), name, *name ? " " : "",
			*function->driver ? function->driver : "no driver");
}

/* Prints what with= adds: one line may take all functions of a chip. */
static void print_companions(const struct add *add, const struct rule *rule)
{
	const struct match *match = &add->machine.match;

	for (size_t i = 0; i < match->claim_count; i++) {
		const struct claim *claim = &match->claims[i];

		if (claim_line(claim, rule) && claim->result == RESULT_NONE &&
		    pci_address_compare(&claim->function->address, &add->address))
			print_device(add, "also takes", claim->function);
	}
}

/* Prints what else is in the group, and not listed. */
static void print_mates(const struct add *add)
{
	_cleanup_(group_members_done) struct group_members members = { 0 };
	const struct machine *machine = &add->machine;
	int group = sysfs_group(&machine->root, &add->address);

	if (group_find_members(machine, group, &members))
		return;
	for (size_t i = 0; i < members.count; i++) {
		const struct pci_function *mate = members.items[i];
		bool counts = !pci_is_bridge(mate) &&
			      (!pci_is_chipset(mate) || group_is_blocked_by(machine, mate));

		if (counts && !machine_claim_of(machine, mate))
			print_device(add, "in the same IOMMU group, and not listed", mate);
	}
}

static enum status write_it(struct add *add)
{
	int error = add->request->dry_run ? 0 : edit_commit(&add->edit, &add->text);

	if (!error)
		return STATUS_WELL;
	complain("/%s: cannot be written: %s", add->edit.path, edit_explain(error));
	return STATUS_ENVIRONMENT;
}

/* Prints the line, and what it was before if it is not new. */
static void print_line(const struct add *add, const struct rule *rule)
{
	bool dry_run = add->request->dry_run, is_new = !*add->before;
	char statement[CONF_STATEMENT_SIZE];

	confdir_statement(&add->machine.confdir, &rule->place, statement);
	printf("%s/%s:%u: %s\n",
	       !dry_run ? ""
	       : is_new ? "would add "
			: "would change ",
	       add->file, add->number, is_new ? text_string(&add->line) : statement);
	if (!is_new)
		printf("    before: %s\n", add->before);
	print_companions(add, rule);
	print_mates(add);
	fflush(stdout); /* the warnings come after the line in a pipe, too */
}

/* Prints the command that binds all that the line takes. */
static void print_next(const struct add *add, const struct rule *rule)
{
	static const char *const with[] = { "", " --with functions", " --with group" };
	const char *root = add->request->root;
	bool other = strcmp(root, "/");
	char address[PCI_ADDRESS_SIZE];

	printable_print(stdout,
			"next: " ADVICE_APPLY
			"; or at once, without a reboot: vfio-early bind %s%s%s%s\n",
			pci_address_format(&add->address, address), with[rule->with],
			other ? " --root " : "", other ? root : "");
}

static enum status check_and_write(struct add *add, const struct rule *rule)
{
	_cleanup_(findings_done) struct findings dangers = { 0 };
	const struct match *match = &add->machine.match;
	const struct line_match *line = &match->lines[rule - match->conf->rules];
	enum status status;
	int error;

	if (line->result != RESULT_NONE) {
		complain("add: the line would be %s: %s", result_name(line->result),
			 line->reason ? line->reason : "");
		return STATUS_UNWANTED;
	}
	error = dangers_find(&add->machine, &dangers);
	if (error)
		return fail("add", error);
	if (findings_refuse(&dangers, &add->machine, rule, TAKE_LIST))
		return STATUS_UNWANTED;
	status = write_it(add);
	if (status != STATUS_WELL)
		return status;
	print_line(add, rule);
	findings_warn(&dangers, rule);
	if (!add->request->dry_run)
		print_next(add, rule);
	return STATUS_WELL;
}

/* Tries the line on this machine, and writes it if all is well. */
static enum status try_line(struct add *add)
{
	const struct rule *rule;
	int error = compose(add);

	if (!error)
		error = draft_match(&add->machine, add->file, &add->text);
	if (error)
		return fail("add", error);
	rule = draft_rule(&add->machine, add->file, add->number);
	return rule ? check_and_write(add, rule) : fail("add", -EINVAL);
}

/* Under the lock the config is read again: another edit may have come in between. */
static enum status reload(struct add *add)
{
	names_close(add->names);
	add->names = NULL;
	machine_done(&add->machine);
	return load(add);
}

/* Locks the file, and finds the line again. */
static enum status lock_and_check(struct add *add, bool *ret_listed)
{
	char file[ROOT_PATH_SIZE];
	enum status status = open_edit(&add->edit, &add->machine, add->file);

	string_copy(file, sizeof(file), add->file);
	if (status == STATUS_WELL)
		status = reload(add);
	if (status == STATUS_WELL)
		status = check_listed(add, ret_listed);
	if (status == STATUS_WELL && !*ret_listed && strcmp(file, add->file)) {
		complain("/%s: another edit has changed it just now; try again", file);
		return STATUS_UNWANTED;
	}
	return status;
}

static enum status run(const struct request *request)
{
	_cleanup_(add_done) struct add add = { .request = request,
					       .with = request->with,
					       .edit = EDIT_NONE };
	enum status status = check_options(request);
	bool listed = false;

	if (status == STATUS_WELL)
		status = load(&add);
	machine_note_errors(&add.machine);
	if (status == STATUS_WELL)
		status = choose(&add);
	if (status == STATUS_WELL)
		status = check_listed(&add, &listed);
	if (status == STATUS_WELL && !listed && !request->dry_run)
		status = lock_and_check(&add, &listed);
	return status == STATUS_WELL && !listed ? try_line(&add) : status;
}

const struct command command_add = {
	.name = "add",
	.arguments = "DEVICE",
	.summary = "list a device in the config, unless the host needs it",
	.details =
		"DEVICE is an address (01:00.0), an ID (10de:1c03), any other condition of the\n"
		"config (class=0c03), a card (01:00: all its functions), group=N for a whole IOMMU\n"
		"group, or a part of its name (nvidia). Writes one line with the device's address,\n"
		"ID and path, so that a renumbered bus is noticed, and its name. If the device has\n"
		"a line already, the options change that line. The rest of the file stays as it\n"
		"is.\n\n"
		"Exit status: 0 it is listed, 1 it is refused or not there, 2 it is not clear\n"
		"which device is meant, 4 the config cannot be written.",
	.options = OPTION_ROOT | OPTION_WITH | OPTION_DRIVER | OPTION_ALLOW | OPTION_DRY_RUN,
	.least = 1,
	.most = 1,
	.run = run,
};
