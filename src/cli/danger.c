/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every danger of taking a device from the host, and its remedy. One function a danger, one table
 * of them; each looks at one claim, one line or the machine, and says nothing or one thing.
 */

#include "danger.h"

#include <string.h>

#include "device.h"
#include "facts.h"
#include "inuse/hostuse.h"
#include "inuse/keyboard.h"
#include "iommu.h"
#include "recipe/relic.h"
#include "resolve.h"

#define NAMED_MAX 4

/* What the functions below look at. */
struct survey {
	const struct machine *machine;
	struct in_uses uses; /* of the host */
	struct in_uses keyboards;
	size_t other_keyboards; /* on no PCI function */
	bool iommu_is_off;
	struct resolver *resolver; /* NULL: the kernel's modules can't be read */
};

/* A danger being found: there is one if `text` is not empty. */
struct finding {
	enum danger_kind kind;
	bool refuses;
	struct text text, remedy;
};

/* The word for each kind, and whether it defeats what the line is for. */
static const struct {
	const char *name;
	bool grave;
} kinds[] = {
	[DANGER_BOOT_DISPLAY] = { "boot-display", true },
	[DANGER_IN_USE] = { "in-use", true },
	[DANGER_MAYBE_IN_USE] = { "maybe-in-use", false },
	[DANGER_KEYBOARD] = { "keyboard", true },
	[DANGER_GROUP] = { "group", true },
	[DANGER_VFS] = { "virtual-functions", true },
	[DANGER_VF] = { "virtual-function", true },
	[DANGER_DRIVER] = { "driver", true },
	[DANGER_BUILT_IN] = { "built-in", false },
	[DANGER_NO_RESET] = { "no-reset", false },
	[DANGER_ID_ALONE] = { "id-alone", false },
	[DANGER_IOMMU_OFF] = { "iommu-off", true },
	[DANGER_NO_INTERRUPT_REMAPPING] = { "no-interrupt-remapping", true },
	[DANGER_OTHER_RECIPE] = { "other-recipe", false },
};

const char *danger_kind_name(enum danger_kind kind)
{
	return kinds[kind].name;
}

bool danger_is_grave(const struct danger *danger)
{
	return kinds[danger->kind].grave;
}

static void add_address(const struct pci_function *function, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];

	text_add(text, pci_address_format(&function->address, address));
}

void danger_add_subject(const struct danger *danger, struct text *text)
{
	if (danger->claim)
		add_address(danger->claim->function, text);
	else if (danger->rule)
		place_add(&danger->rule->place, text);
	else
		text_add(text, "this machine");
}

/* Will the boot program take it, as far as the match can tell? */
static bool is_taken(const struct claim *claim)
{
	return claim->result == RESULT_NONE;
}

/* The claim that takes `function`, or NULL. */
static const struct claim *find_claim(const struct machine *machine,
				      const struct pci_function *function)
{
	for (size_t i = 0; i < machine->match.claim_count; i++)
		if (machine->match.claims[i].function == function &&
		    is_taken(&machine->match.claims[i]))
			return &machine->match.claims[i];
	return NULL;
}

/* "write WORD on /etc/vfio-early.conf:3" */
static void add_write(struct text *text, const char *word, const struct rule *rule)
{
	text_add(text, "write ", word, " on ");
	place_add(&rule->place, text);
}

static void find_boot_display(const struct survey *survey, const struct claim *claim,
			      struct finding *finding)
{
	(void)survey;
	if (!claim->function->boot_display || claim->rule->allow & ALLOW_BOOT_DISPLAY)
		return;
	finding->refuses = true;
	text_add(&finding->text, "the firmware's display is on it: without it the screen "
				 "stays black until a driver has another one");
	text_add(&finding->remedy,
		 "choose another display as the first one in the firmware's setup, or ");
	add_write(&finding->remedy, "allow=boot-display", claim->rule);
}

static void find_in_use(const struct survey *survey, const struct claim *claim,
			struct finding *finding)
{
	const struct in_use *use = in_uses_get(&survey->uses, claim->function);

	if (!use || claim->rule->allow & ALLOW_IN_USE)
		return;
	finding->refuses = use->certain;
	finding->kind = use->certain ? DANGER_IN_USE : DANGER_MAYBE_IN_USE;
	text_add(&finding->text,
		 use->certain ? "the host uses it: " : "the host may use it: ",
		 text_string(&use->what));
	text_add(&finding->remedy,
		 use->certain ? "" : "nothing, if a guest uses it; else ",
		 "move that to another device");
	if (use->certain) {
		text_add(&finding->remedy, ", or ");
		add_write(&finding->remedy, "allow=in-use", claim->rule);
	}
}

/* Is there a keyboard that no line takes? */
static bool has_keyboard_left(const struct survey *survey)
{
	if (survey->other_keyboards)
		return true;
	for (size_t i = 0; i < survey->keyboards.count; i++)
		if (!find_claim(survey->machine, survey->keyboards.items[i].function))
			return true;
	return false;
}

static void find_keyboard(const struct survey *survey, const struct claim *claim,
			  struct finding *finding)
{
	const struct in_use *use = in_uses_get(&survey->keyboards, claim->function);

	if (!use || has_keyboard_left(survey))
		return;
	text_add(&finding->text,
		 "the last keyboard hangs on it: ", text_string(&use->what));
	text_add(&finding->remedy,
		 "plug a keyboard into a port of another controller, or make "
		 "sure that the host can be reached by network");
}

/* Does a host driver keep `function`, so that its group can't be handed to a guest? */
static bool stays_with_host(const struct survey *survey,
			    const struct pci_function *function)
{
	static const char *const harmless[] = { "vfio-pci", "pci-stub", "pcieport" };

	if (!*function->driver || pci_is_bridge(function) ||
	    find_claim(survey->machine, function))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (!strcmp(function->driver, harmless[i]))
			return false;
	return !strstr(function->driver, "vfio");
}

static void add_mate(struct text *text, const struct pci_function *mate, size_t found)
{
	if (found == NAMED_MAX)
		text_add(text, " ...");
	if (found >= NAMED_MAX)
		return;
	text_add(text, found ? ", " : "");
	add_address(mate, text);
	text_add(text, " (", mate->driver, ")");
}

/* The group mates of `claim` that stay with the host, in `text`. Does the host need one? */
static bool add_mates(const struct survey *survey, const struct claim *claim,
		      char **names, size_t count, struct text *text)
{
	const struct pci_snapshot *snapshot = &survey->machine->snapshot;
	bool needed = false;
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		const struct pci_function *mate;
		struct pci_address address;

		if (pci_address_parse(names[i], &address))
			continue;
		mate = pci_find(snapshot, &address);
		if (!mate || mate == claim->function || !stays_with_host(survey, mate))
			continue;
		add_mate(text, mate, found++);
		needed = needed || in_uses_get(&survey->uses, mate);
	}
	return needed;
}

static void find_group_mates(const struct survey *survey, const struct claim *claim,
			     struct finding *finding)
{
	const struct root *root = &survey->machine->root;
	char path[DEVICE_PATH_SIZE], number[NUMBER_SIZE];
	char **names = NULL;
	size_t count = 0;
	struct text mates = { 0 };
	bool needed;

	if (root_names(
		    root,
		    device_path(&claim->function->address, "iommu_group/devices", path),
		    &names, &count))
		return;
	needed = add_mates(survey, claim, names, count, &mates);
	names_free(names, count);
	number_format(number, facts_group(root, &claim->function->address), 10, 1);
	if (mates.length) {
		text_add(&finding->text, "IOMMU group ", number,
			 " is not viable, a guest will not start with it: ",
			 text_string(&mates), " would stay with the host");
		if (needed)
			text_add(&finding->remedy,
				 "put the card into another slot: the host "
				 "needs what is in this group");
		else
			add_write(&finding->remedy, "with=group", claim->rule);
	}
	text_done(&mates);
}

static void find_virtual_functions(const struct survey *survey, const struct claim *claim,
				   struct finding *finding)
{
	unsigned int count = facts_virtual_functions(&survey->machine->root,
						     &claim->function->address);
	char address[PCI_ADDRESS_SIZE];

	if (!count)
		return;
	pci_address_format(&claim->function->address, address);
	text_add(&finding->text, "it has ");
	text_add_number(&finding->text, count, 10, 1);
	text_add(
		&finding->text, " virtual function", count == 1 ? "" : "s",
		" now, and will have none: vfio-pci makes none, and is refused by the kernel "
		"as long as there are any");
	text_add(
		&finding->remedy,
		"leave it to its driver and pass through the virtual functions, or take out "
		"what makes them at boot; to bind it now: echo 0 > /sys/bus/pci/devices/",
		address, "/sriov_numvfs");
}

static void find_virtual_function(const struct survey *survey, const struct claim *claim,
				  struct finding *finding)
{
	char text[PCI_ADDRESS_SIZE], own[PCI_ADDRESS_SIZE];
	struct pci_address physical;

	if (!facts_physical_function(&survey->machine->root, &claim->function->address,
				     &physical))
		return;
	finding->refuses = true;
	text_add(&finding->text, "it is a virtual function of ",
		 pci_address_format(&physical, text),
		 ", whose driver makes it after the boot program has run");
	text_add(&finding->remedy, "run, once it is there: vfio-early bind ",
		 pci_address_format(&claim->function->address, own));
}

static void find_driver(const struct survey *survey, const struct claim *claim,
			struct finding *finding)
{
	/* Modules may be written with _ for -; a driver's name may not. */
	bool module_name = !strcmp(claim->driver, "vfio_pci");

	if (!module_name &&
	    (!survey->resolver || resolver_has_driver(survey->resolver, claim->driver)))
		return;
	if (module_name) {
		text_add(
			&finding->text,
			"vfio_pci is the name of the module; the driver is vfio-pci, and no "
			"other name will ever match");
		add_write(&finding->remedy, "driver=vfio-pci", claim->rule);
		return;
	}
	text_add(&finding->text, "Linux ", survey->machine->kernel, " has no driver ",
		 claim->driver, ": the device would be without any");
	text_add(&finding->remedy, "install a kernel that has it, or change driver= on ");
	place_add(&claim->rule->place, &finding->remedy);
}

/*
 * The driver that is built in and has the function at boot: the one that has it now, or else the
 * one that the kernel's list of aliases names.
 */
static bool built_in_driver(const struct survey *survey, const struct claim *claim,
			    char *name)
{
	const struct pci_function *function = claim->function;
	char modalias[256];

	string_copy(name, PCI_DRIVER_SIZE, function->driver);
	if (*name && strcmp(name, claim->driver) &&
	    facts_driver_is_built_in(&survey->machine->root, name))
		return true;
	*name = '\0';
	return survey->resolver &&
	       facts_modalias(&survey->machine->root, &function->address, modalias,
			      sizeof(modalias)) &&
	       resolver_built_in(survey->resolver, modalias, name, PCI_DRIVER_SIZE) &&
	       strcmp(name, claim->driver);
}

static void find_built_in(const struct survey *survey, const struct claim *claim,
			  struct finding *finding)
{
	char driver[PCI_DRIVER_SIZE];

	if (!built_in_driver(survey, claim, driver))
		return;
	text_add(&finding->text, driver,
		 " is built into the kernel and has it before any program runs; it is "
		 "released at the first moment");
	text_add(
		&finding->remedy,
		"nothing, as a rule; if the device does not survive that, use a kernel with ",
		driver, " as a module");
}

/* Is it below a bridge? Then its bus can be reset. */
static bool has_bus_of_its_own(const struct survey *survey,
			       const struct pci_function *function)
{
	struct pci_path path;

	return facts_path(&survey->machine->root, &function->address, &path) &&
	       path.hops > 1;
}

/*
 * vfio resets a whole bus if every function on it is the guest's. "" where that is so; else what
 * to write on the line to make it so, or NULL if nothing does: others have the rest of the bus.
 */
static const char *word_for_bus(const struct survey *survey,
				const struct pci_function *function)
{
	const struct machine *machine = survey->machine;
	const struct pci_address *own = &function->address;
	const char *word = "";

	for (size_t i = 0; i < machine->snapshot.count; i++) {
		const struct pci_function *other = &machine->snapshot.functions[i];
		const struct pci_address *address = &other->address;

		if (address->domain != own->domain || address->bus != own->bus ||
		    find_claim(machine, other))
			continue;
		if (facts_group(&machine->root, address) !=
		    facts_group(&machine->root, own))
			return NULL;
		if (!pci_same_card(other, function))
			word = "with=group";
		else if (!*word)
			word = "with=functions";
	}
	return word;
}

static void find_no_reset(const struct survey *survey, const struct claim *claim,
			  struct finding *finding)
{
	const char *word = has_bus_of_its_own(survey, claim->function)
				   ? word_for_bus(survey, claim->function)
				   : NULL;
	char methods[128];

	facts_reset(&survey->machine->root, &claim->function->address, methods,
		    sizeof(methods));
	if (*methods || (word && !*word))
		return;
	text_add(&finding->text,
		 "nothing can reset it: it serves one start of a guest, and "
		 "then needs the host to reboot");
	if (word)
		add_write(&finding->remedy, word, claim->rule);
	else
		text_add(&finding->remedy, "start its guest once a boot, or pass through "
					   "another device");
	text_add(&finding->remedy, word ? ", so that its whole bus can be reset" : "");
}

static const struct {
	enum danger_kind kind;
	bool of_refused; /* also where the match refuses the function already */
	void (*find)(const struct survey *survey, const struct claim *claim,
		     struct finding *finding);
} of_claims[] = {
	{ DANGER_BOOT_DISPLAY, true, find_boot_display },
	{ DANGER_IN_USE, true, find_in_use },
	{ DANGER_KEYBOARD, false, find_keyboard },
	{ DANGER_GROUP, false, find_group_mates },
	{ DANGER_VFS, false, find_virtual_functions },
	{ DANGER_VF, false, find_virtual_function },
	{ DANGER_DRIVER, false, find_driver },
	{ DANGER_BUILT_IN, false, find_built_in },
	{ DANGER_NO_RESET, false, find_no_reset },
};

/* Moves a finding, if there is one, to `ret`. */
static int take(struct finding *finding, const struct claim *claim,
		const struct rule *rule, struct dangers *ret)
{
	struct danger danger = { .kind = finding->kind,
				 .refuses = finding->refuses,
				 .claim = claim,
				 .rule = rule };

	if (!finding->text.length && !finding->text.failed)
		return 0;
	danger.text = text_steal(&finding->text);
	danger.remedy = text_steal(&finding->remedy);
	if (!danger.text || !danger.remedy || ARRAY_GROW(ret->items, ret->count)) {
		free(danger.text);
		free(danger.remedy);
		return -ENOMEM;
	}
	ret->items[ret->count++] = danger;
	return 0;
}

/* Refused by a keep line, or for being a bridge: then nothing of it is in danger. */
static bool is_kept(const struct claim *claim)
{
	const bool display = claim->function->boot_display &&
			     !(claim->rule->allow & ALLOW_BOOT_DISPLAY);

	return !is_taken(claim) && !display;
}

static int find_of_claim(const struct survey *survey, const struct claim *claim,
			 struct dangers *ret)
{
	int error = 0;

	if (is_kept(claim))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(of_claims) && !error; i++) {
		struct finding finding = { .kind = of_claims[i].kind };

		if (!is_taken(claim) && !of_claims[i].of_refused)
			continue;
		of_claims[i].find(survey, claim, &finding);
		error = take(&finding, claim, claim->rule, ret);
	}
	return error;
}

static const struct claim *first_claim_of(const struct match *match,
					  const struct rule *rule)
{
	for (size_t i = 0; i < match->claim_count; i++)
		if (match->claims[i].rule == rule && is_taken(&match->claims[i]))
			return &match->claims[i];
	return NULL;
}

/* "bind 0000:01:00.0 10de:1c03" */
static void add_better_line(const struct pci_function *function, struct text *text)
{
	char id[PCI_ID_SIZE];

	text_add(text, "bind ");
	add_address(function, text);
	text_add(text, " ", pci_id_format(&function->id, id));
}

static int find_of_line(const struct machine *machine, const struct rule *rule,
			struct dangers *ret)
{
	const unsigned int guards = CONDITION_ADDRESS | CONDITION_PATH | CONDITION_SERIAL;
	const struct claim *claim = first_claim_of(&machine->match, rule);
	struct finding finding = { .kind = DANGER_ID_ALONE };

	if (!claim || rule->given & guards || !rule->count)
		return 0;
	text_add(&finding.text,
		 "nothing on the line says where the device is: with one more of "
		 "its kind in the machine, the line would select nothing");
	text_add(&finding.remedy, rule->count == 1
					  ? "begin the line with: "
					  : "write a line for each device; the first: ");
	add_better_line(claim->function, &finding.remedy);
	return take(&finding, NULL, rule, ret);
}

static void find_iommu_off(const struct survey *survey, struct finding *finding)
{
	if (!survey->iommu_is_off)
		return;
	text_add(&finding->text,
		 "the IOMMU is off, or there is none: vfio-pci refuses every "
		 "device");
	iommu_add_remedy(survey->machine, &finding->remedy);
}

static void find_no_remapping(const struct survey *survey, struct finding *finding)
{
	if (survey->iommu_is_off || !iommu_lets_interrupts_be_forged(survey->machine))
		return;
	text_add(&finding->text, "interrupts are not remapped: vfio refuses guests that "
				 "could forge them");
	text_add(
		&finding->remedy,
		"turn on x2APIC and interrupt remapping in the firmware's setup and take "
		"intremap=off off the kernel command line; or, if you trust the guests, add "
		"to the config: option vfio_iommu_type1 allow_unsafe_interrupts=1");
}

static const struct {
	enum danger_kind kind;
	void (*find)(const struct survey *survey, struct finding *finding);
} of_machine[] = {
	{ DANGER_IOMMU_OFF, find_iommu_off },
	{ DANGER_NO_INTERRUPT_REMAPPING, find_no_remapping },
};

struct relics {
	struct text *first;
	size_t count;
};

static void take_relic(void *context, const char *relic)
{
	struct relics *relics = context;

	if (!relics->count++)
		text_add(relics->first, "another recipe is still there: ", relic);
}

/* Our lines come first all the same; but ids= takes devices that no line lists. */
static int find_other_recipe(const struct machine *machine, struct dangers *ret)
{
	struct finding finding = { .kind = DANGER_OTHER_RECIPE };
	struct relics relics = { .first = &finding.text };
	int error = relics_find(&machine->root, "", take_relic, &relics);

	if (relics.count > 1) {
		text_add(&finding.text, ", and ");
		text_add_number(&finding.text, relics.count - 1, 10, 1);
		text_add(&finding.text, " more");
	}
	if (relics.count)
		text_add(&finding.remedy,
			 "\"vfio-early import\" names all that can be removed");
	if (!error)
		return take(&finding, NULL, NULL, ret);
	text_done(&finding.text);
	text_done(&finding.remedy);
	return error;
}

static int find_of_machine(const struct survey *survey, struct dangers *ret)
{
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(of_machine) && !error; i++) {
		struct finding finding = { .kind = of_machine[i].kind };

		of_machine[i].find(survey, &finding);
		error = take(&finding, NULL, NULL, ret);
	}
	if (!error && survey->machine->match.claim_count)
		error = find_other_recipe(survey->machine, ret);
	return error;
}

static int find_all(const struct survey *survey, struct dangers *ret)
{
	const struct match *match = &survey->machine->match;
	int error = 0;

	for (size_t i = 0; i < match->claim_count && !error; i++) {
		const struct claim *claim = &match->claims[i];

		if (!claim->repeats && claim->result != RESULT_INVALID)
			error = find_of_claim(survey, claim, ret);
	}
	for (size_t i = 0; i < match->conf->count && !error; i++)
		error = find_of_line(survey->machine, &match->conf->rules[i], ret);
	return error ? error : find_of_machine(survey, ret);
}

int dangers_find(const struct machine *machine, struct dangers *ret)
{
	struct survey survey = { .machine = machine };
	int error;

	if (!machine->has_devices)
		return 0;
	if (!machine->match.claim_count)
		return 0;
	survey.iommu_is_off = iommu_is_off(machine);
	survey.resolver =
		resolver_new(machine->directory, machine->kernel, &machine->cmdline);
	error = hostuse_find(machine, &survey.uses);
	if (!error)
		error = keyboard_find(machine, &survey.keyboards,
				      &survey.other_keyboards);
	if (!error)
		error = find_all(&survey, ret);
	resolver_free(survey.resolver);
	in_uses_done(&survey.uses);
	in_uses_done(&survey.keyboards);
	return error;
}

const struct danger *dangers_refuse(const struct dangers *dangers,
				    const struct claim *claim)
{
	for (size_t i = 0; i < dangers->count; i++)
		if (dangers->items[i].claim == claim && dangers->items[i].refuses)
			return &dangers->items[i];
	return NULL;
}

const struct danger *dangers_unbound(const struct dangers *dangers,
				     const struct claim *claim)
{
	for (size_t i = 0; i < dangers->count; i++) {
		const struct danger *danger = &dangers->items[i];

		if (danger->kind == DANGER_IOMMU_OFF ||
		    (danger->kind == DANGER_DRIVER && danger->claim == claim))
			return danger;
	}
	return NULL;
}

void dangers_done(struct dangers *dangers)
{
	for (size_t i = 0; i < dangers->count; i++) {
		free(dangers->items[i].text);
		free(dangers->items[i].remedy);
	}
	free(dangers->items);
	*dangers = (struct dangers){ 0 };
}
