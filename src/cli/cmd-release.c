/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-early release: from vfio-pci back to the host driver, now. Unbinding waits inside the
 * kernel for as long as a guest holds the device, so the work is done in a child with a deadline,
 * and a group that a guest has open is left alone: Linux before 5.19 stops with a BUG if a host
 * driver gets a function of such a group (vfio_group_nb_verify() in drivers/vfio/vfio.c).
 */

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "apply.h"
#include "command.h"
#include "deadline.h"
#include "device.h"
#include "lib/printable.h"
#include "machine/machine.h"
#include "machine/sysfs.h"

#define DEADLINE_MS 10000
#define STEP_MS 5000

/* udev loads the module of a host driver that isn't there yet; how long that may take. */
#define MODULE_MS 2000
#define MODULE_LOOK_MS 50

enum release_step { RELEASE_CLEAR, RELEASE_UNBIND, RELEASE_PROBE, RELEASE_STEPS };

static const char *const step_names[] = {
	[RELEASE_CLEAR] = "clear driver_override",
	[RELEASE_UNBIND] = "unbind it from its driver",
	[RELEASE_PROBE] = "let the host's drivers probe it",
};

/* One function, in memory that the child shares. */
struct item {
	struct pci_address address;
	char driver[PCI_DRIVER_SIZE]; /* that had it before, "" for none */
	bool fenced;		      /* driver_override was set */
	int steps[RELEASE_STEPS];     /* 0, -errno or OUTCOME_... of apply.h */
};

struct release {
	const struct request *request;
	struct machine machine;
	size_t count;
	size_t size; /* of the shared memory */
	struct shared {
		struct progress progress;
		volatile unsigned int start; /* the item that the child begins with */
		struct item items[];
	} * shared;
};

static void release_done(struct release *release)
{
	shared_free(release->shared, release->size);
	machine_done(&release->machine);
}

static void read_state(const struct root *root, struct item *item)
{
	char path[DEVICE_PATH_SIZE], override[PCI_DRIVER_SIZE];

	device_driver(root, &item->address, item->driver);
	item->fenced = root_read(root, device_path(&item->address, "driver_override", path),
				 override, sizeof(override)) > 0 &&
		       strcmp(override, "(null)");
	for (int i = 0; i < RELEASE_STEPS; i++)
		item->steps[i] = OUTCOME_NOT_TRIED;
}

static void add_item(struct release *release, const struct pci_address *address)
{
	struct item *item = &release->shared->items[release->count++];

	item->address = *address;
	read_state(&release->machine.root, item);
}

/* Adds every function of the card with this first one, virtual functions left out. */
static int add_card(struct release *release, const struct pci_address *address)
{
	struct pci_snapshot *snapshot = &release->machine.snapshot;
	const struct pci_function *first = pci_find(snapshot, address);
	int error = 0;

	for (size_t i = 0; i < snapshot->count && !error; i++)
		if (snapshot->functions[i].address.bus == address->bus)
			error = device_read_details(&release->machine.root, snapshot, i, PCI_CARD);
	for (size_t i = 0; i < snapshot->count && !error; i++) {
		const struct pci_function *function = &snapshot->functions[i];

		if (pci_same_card(first, function) && !function->virtual)
			add_item(release, &function->address);
	}
	return error;
}

static enum status find_item(struct release *release, const char *word)
{
	struct pci_address address;
	bool card;
	enum status status = find_function(&release->machine, "release", word, &address, &card);

	if (status != STATUS_WELL)
		return status;
	if (card && add_card(release, &address))
		return fail("release", -ENOMEM);
	if (!card)
		add_item(release, &address);
	return STATUS_WELL;
}

static enum status find_items(struct release *release)
{
	const struct request *request = release->request;
	enum status status = STATUS_WELL;

	release->size = sizeof(*release->shared) + request->count *
							   release->machine.snapshot.count *
							   sizeof(*release->shared->items);
	release->shared = shared_allocate(release->size);
	if (!release->shared)
		return fail("release", -ENOMEM);
	for (int i = 0; i < request->count && status == STATUS_WELL; i++)
		status = find_item(release, request->arguments[i]);
	return status;
}

/* Only one process can have a group open: EBUSY says that a guest has (vfio_group_fops_open()). */
static bool is_in_use(const struct root *root, const struct pci_address *address)
{
	_cleanup_(closep) int fd = -1;
	char path[ROOT_PATH_SIZE], number[NUMBER_SIZE];
	int group = sysfs_group(root, address);

	if (group < 0)
		return false;
	number_format(number, group, 10, 1);
	string_join(path, sizeof(path), "dev/vfio/", number, NULL);
	fd = root_descriptor(root, path, O_RDWR | O_NONBLOCK);
	return fd == -EBUSY;
}

static enum status check_use(const struct release *release)
{
	enum status status = STATUS_WELL;

	for (size_t i = 0; i < release->count; i++) {
		const struct pci_address *address = &release->shared->items[i].address;
		char text[PCI_ADDRESS_SIZE];

		if (!is_in_use(&release->machine.root, address))
			continue;
		complain("%s: cannot be released: a guest uses its IOMMU group %d; shut the "
			 "guest down first",
			 pci_address_format(address, text),
			 sysfs_group(&release->machine.root, address));
		status = STATUS_UNWANTED;
	}
	return status;
}

static int do_step(const struct root *root, const struct item *item, enum release_step step)
{
	char path[DEVICE_PATH_SIZE], address[PCI_ADDRESS_SIZE];

	pci_address_format(&item->address, address);
	switch (step) {
	case RELEASE_CLEAR: /* a write of nothing would not reach the kernel */
		return root_write(root, device_path(&item->address, "driver_override", path), "\n");
	case RELEASE_UNBIND:
		return root_write(root, device_path(&item->address, "driver/unbind", path),
				  address);
	case RELEASE_PROBE:
		return root_write(root, "sys/bus/pci/drivers_probe", address);
	default:
		return -EINVAL;
	}
}

static bool needs_step(const struct item *item, enum release_step step)
{
	switch (step) {
	case RELEASE_CLEAR:
		return item->fenced;
	case RELEASE_UNBIND:
		return sysfs_is_guest_driver(item->driver);
	default:
		return !*item->driver || sysfs_is_guest_driver(item->driver);
	}
}

/* As udev's own start does: an "add" event makes it load the module, blacklists considered. */
static void wait_for_module(const struct root *root, const struct item *item)
{
	char path[DEVICE_PATH_SIZE], driver[PCI_DRIVER_SIZE];

	device_driver(root, &item->address, driver);
	if (*driver || !root->live ||
	    root_write(root, device_path(&item->address, "uevent", path), "add"))
		return;
	for (int waited = 0; waited < MODULE_MS && !*driver; waited += MODULE_LOOK_MS) {
		poll(NULL, 0, MODULE_LOOK_MS);
		device_driver(root, &item->address, driver);
	}
}

static void release_item(const struct release *release, struct item *item)
{
	const struct root *root = &release->machine.root;

	for (int step = 0; step < RELEASE_STEPS; step++) {
		release->shared->progress.steps++;
		if (!needs_step(item, step))
			continue;
		item->steps[step] = OUTCOME_RUNNING;
		item->steps[step] = do_step(root, item, step);
		if (item->steps[step])
			return;
	}
	if (needs_step(item, RELEASE_PROBE))
		wait_for_module(root, item);
}

/* In the child. */
static void release_all(void *context)
{
	const struct release *release = context;
	struct shared *shared = release->shared;

	for (; shared->start < release->count && !shared->progress.stop; shared->start++)
		release_item(release, &shared->items[shared->start]);
}

/*
 * An item that hangs is left behind; the next child goes on with the one after it. A child that was
 * asked to stop, and did, has not begun the item at which it ended.
 */
static void run_items(struct release *release)
{
	struct shared *shared = release->shared;
	unsigned int budget = DEADLINE_MS;

	while (shared->start < release->count && budget) {
		enum deadline end =
			deadline_run(release_all, release, &shared->progress, STEP_MS, &budget);

		if (end == DEADLINE_NO_CHILD)
			release_all(release);
		else if (shared->start < release->count &&
			 (end == DEADLINE_GAVE_UP || !shared->progress.stop))
			shared->start++;
	}
}

/* The first step that went wrong, or RELEASE_STEPS. */
static enum release_step failed_step(const struct item *item)
{
	for (int step = 0; step < RELEASE_STEPS; step++)
		if (needs_step(item, step) && item->steps[step])
			return step;
	return RELEASE_STEPS;
}

static void explain_failure(const struct item *item, enum release_step step, const char *address)
{
	int outcome = item->steps[step];

	if (outcome == OUTCOME_RUNNING)
		complain("%s: cannot %s: it hangs inside the kernel; does a guest use it?", address,
			 step_names[step]);
	else if (outcome == OUTCOME_NOT_TRIED)
		complain("%s: cannot %s: the time was up; try again", address, step_names[step]);
	else
		complain("%s: cannot %s: %s", address, step_names[step], strerror(-outcome));
}

/* Which line, if any, takes it again at the next boot. */
static void print_listed(const struct release *release, const struct item *item)
{
	const struct claim *claim = machine_claim_at(&release->machine, &item->address);
	struct text place = { 0 };

	if (!claim || claim->result != RESULT_NONE)
		return;
	place_add(&claim->rule->place, &place);
	printable_print(
		stdout, "the next boot takes it again: %s lists it (vfio-early remove %s%s%s)\n",
		text_string(&place), text_string(&place), ROOT_OPTION(release->request->root));
	text_done(&place);
}

static void json_item(const struct release *release, const struct item *item, const char *result)
{
	struct json *json = release->request->json;
	char address[PCI_ADDRESS_SIZE], driver[PCI_DRIVER_SIZE];

	device_driver(&release->machine.root, &item->address, driver);
	json_open(json, NULL, '{');
	json_string(json, "address", pci_address_format(&item->address, address));
	json_string(json, "driver", driver);
	json_string(json, "result", result);
	json_close(json);
}

static enum status print_item(const struct release *release, const struct item *item)
{
	enum release_step failed = failed_step(item);
	char address[PCI_ADDRESS_SIZE], driver[PCI_DRIVER_SIZE];

	pci_address_format(&item->address, address);
	device_driver(&release->machine.root, &item->address, driver);
	if (failed != RELEASE_STEPS) {
		explain_failure(item, failed, address);
		return STATUS_UNWANTED;
	}
	if (sysfs_is_guest_driver(driver)) {
		complain("%s: cannot be released: %s has taken it again; was its ID given to "
			 "it, by ids= or new_id?",
			 address, driver);
		return STATUS_UNWANTED;
	}
	if (release->request->json)
		return STATUS_WELL;
	if (*driver)
		printable_print(stdout, "%s: %s %s\n", address,
				strcmp(driver, item->driver) ? "released to" : "stays with",
				driver);
	else
		printf("%s: released; the host has no driver for it\n", address);
	print_listed(release, item);
	return STATUS_WELL;
}

static enum status print_items(const struct release *release)
{
	struct json *json = release->request->json;
	enum status worst = STATUS_WELL;

	if (json)
		json_open(json, "devices", '[');
	for (size_t i = 0; i < release->count; i++) {
		const struct item *item = &release->shared->items[i];
		enum status status = print_item(release, item);

		worst = status > worst ? status : worst;
		if (json)
			json_item(release, item, status == STATUS_WELL ? "released" : "failed");
	}
	if (json)
		json_close(json);
	return worst;
}

static enum status json_plan(const struct release *release)
{
	json_open(release->request->json, "devices", '[');
	for (size_t i = 0; i < release->count; i++)
		json_item(release, &release->shared->items[i], "planned");
	json_close(release->request->json);
	return STATUS_WELL;
}

static enum status print_plan(const struct release *release)
{
	for (size_t i = 0; i < release->count; i++) {
		const struct item *item = &release->shared->items[i];
		char address[PCI_ADDRESS_SIZE];
		bool planned = false;

		pci_address_format(&item->address, address);
		for (int step = 0; step < RELEASE_STEPS; step++) {
			if (!needs_step(item, step))
				continue;
			printf("%s: would %s\n", address, step_names[step]);
			planned = true;
		}
		if (!planned)
			printf("%s: nothing to release\n", address);
	}
	return STATUS_WELL;
}

static enum status run(const struct request *request)
{
	_cleanup_(release_done) struct release release = { .request = request };
	enum status status = load_machine(request, &release.machine);

	if (status == STATUS_WELL)
		status = require_root(request, &release.machine, "release");
	if (status == STATUS_WELL)
		status = require_devices(&release.machine);
	if (status == STATUS_WELL)
		status = find_items(&release);
	if (status == STATUS_WELL && request->dry_run)
		return request->json ? json_plan(&release) : print_plan(&release);
	if (status == STATUS_WELL)
		status = check_use(&release);
	if (status != STATUS_WELL)
		return status;
	run_items(&release);
	return print_items(&release);
}

const struct command command_release = {
	.name = "release",
	.arguments = "ADDRESS...",
	.summary = "give devices back to the host driver now, without a reboot",
	.details =
		"ADDRESS is a function (01:00.0) or a card (01:00: all its functions).\n"
		"Clears the reservation, unbinds the devices from vfio-pci, lets the host's\n"
		"drivers probe them, and says which driver has each now. The config stays as it\n"
		"is: what it lists is taken again at the next boot.\n\n"
		"Exit status: 0 all are released, 1 one is not, 2 usage, 4 only root may.",
	.options = OPTION_ROOT | OPTION_DRY_RUN | OPTION_JSON,
	.least = 1,
	.most = 256,
	.run = run,
};
