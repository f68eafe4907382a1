/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps, executed: one switch, and a child that may hang in our place. */

#include "apply.h"

#include <string.h>

#include "deadline.h"
#include "device.h"

/* In memory that the parent and each child share; the arrays of struct applied lie behind it. */
struct progress {
	volatile unsigned int
		now;	      /* counts steps and modules: a change is a sign of life */
	volatile size_t step; /* the one being executed */
	volatile bool hung;   /* a step was left behind */
	volatile bool fences_only; /* the time is up */
};

struct work {
	const struct root *root;
	const struct plan *plan;
	struct match *match;
	const struct loadplan *loadplan;
	const struct cmdline *cmdline;
	struct applied *applied;
	struct progress *progress;
};

static struct claim_outcomes *outcome_of(const struct work *work,
					 const struct claim *claim)
{
	return &work->applied->outcomes[claim - work->match->claims];
}

static int write_override(const struct work *work, const struct claim *claim,
			  const char *driver)
{
	char path[DEVICE_PATH_SIZE];

	return root_write(work->root,
			  device_path(&claim->function->address, "driver_override", path),
			  driver);
}

static int do_release(const struct work *work, const struct claim *claim)
{
	char path[DEVICE_PATH_SIZE], address[PCI_ADDRESS_SIZE];

	return root_write(work->root,
			  device_path(&claim->function->address, "driver/unbind", path),
			  pci_address_format(&claim->function->address, address));
}

/* All modules of the driver; what counts is the last one, the driver's own. */
static int do_load(const struct work *work, const struct claim *claim)
{
	int error = loadplan_has_driver(work->loadplan, claim->driver) ? 0 : -ENOENT;

	for (size_t i = 0; i < work->loadplan->count; i++) {
		const struct module *module = &work->loadplan->modules[i];

		if (strcmp(module->driver, claim->driver))
			continue;
		work->progress->now++;
		work->applied->modules[i] = OUTCOME_RUNNING;
		error = loadplan_load(work->root, module, work->match->conf,
				      work->cmdline);
		work->applied->modules[i] = error;
	}
	return error;
}

/* "sys/bus/pci/drivers/DRIVER/bind" in `path`, ROOT_PATH_SIZE bytes, which is returned. */
static const char *bind_path(const char *driver, char *path)
{
	string_join(path, ROOT_PATH_SIZE, "sys/bus/pci/drivers/", driver, "/bind", NULL);
	return path;
}

/* Takes the name of the module's first PCI driver, "pci:NAME". */
static int take_driver_name(void *driver, const char *entry)
{
	const char *name = prefix_skip(entry, "pci:");

	if (!name)
		return 0;
	string_copy(driver, PCI_DRIVER_SIZE, name);
	return 1;
}

/*
 * modules.alias and a config have the name of a module; the driver in it can have another one:
 * xe_vfio_pci registers "xe-vfio-pci". Then the fence gets the real name. False if there is none.
 */
static bool use_real_name(const struct work *work, const struct claim *claim)
{
	char *driver = outcome_of(work, claim)->driver;
	char path[ROOT_PATH_SIZE], module[PCI_DRIVER_SIZE];

	loadplan_module_name(claim->driver, module);
	string_join(path, sizeof(path), "sys/module/", module, "/drivers", NULL);
	if (root_each_name(work->root, path, take_driver_name, driver) != 1)
		return false;
	return strcmp(driver, claim->driver) && !write_override(work, claim, driver);
}

/* Have all modules of the driver ended their init, so that no probe of it can be at work? */
static bool is_driver_loaded(const struct work *work, const char *driver)
{
	for (size_t i = 0; i < work->loadplan->count; i++)
		if (!strcmp(work->loadplan->modules[i].driver, driver) &&
		    work->applied->modules[i])
			return false;
	return true;
}

/*
 * A driver whose probe hangs has its link already, and one that hangs while it is loaded has no
 * `bind` yet: really_probe() and bus_add_driver() in drivers/base. So once a step hung, the link
 * alone does not count: `bind` answers EBUSY only when the probe is over. Before Linux 5.14 it
 * answers ENODEV for any device that has a driver; then the module must have been loaded. Without
 * `bind` drivers_probe is asked, which looks for a driver only where none is at work.
 */
static int do_bind(const struct work *work, const struct claim *claim)
{
	char path[ROOT_PATH_SIZE], address[PCI_ADDRESS_SIZE], driver[PCI_DRIVER_SIZE];
	int error = -EBUSY;

	device_driver(work->root, &claim->function->address, driver);
	if (*driver && strcmp(driver, claim->driver))
		return error;
	if (*driver && !work->progress->hung)
		return 0;
	pci_address_format(&claim->function->address, address);
	error = root_write(work->root, bind_path(claim->driver, path), address);
	if (*driver && error == -ENODEV && is_driver_loaded(work, claim->driver))
		return 0;
	if (*driver)
		return error == -EBUSY ? 0 : OUTCOME_RUNNING;
	if (error == -ENOENT && use_real_name(work, claim))
		return root_write(work->root,
				  bind_path(outcome_of(work, claim)->driver, path),
				  address);
	if (error == -ENOENT && work->progress->hung)
		error = root_write(work->root, "sys/bus/pci/drivers_probe", address);
	return error;
}

static int do_step(const struct work *work, const struct step *step)
{
	switch (step->kind) {
	case STEP_FENCE:
		return write_override(work, step->claim, step->claim->driver);
	case STEP_RELEASE:
		return do_release(work, step->claim);
	case STEP_LOAD:
		return do_load(work, step->claim);
	case STEP_BIND:
		return do_bind(work, step->claim);
	}
	return -EINVAL;
}

/*
 * Without its fence a function is left where it is: the target driver could not match, and the
 * host's would come back. One that was not released is not bound.
 */
static bool is_worth_trying(const struct step *step, const struct claim_outcomes *outcome)
{
	switch (step->kind) {
	case STEP_FENCE:
	case STEP_LOAD:
		return true;
	case STEP_RELEASE:
		return outcome->steps[STEP_FENCE] == 0;
	case STEP_BIND:
		return outcome->steps[STEP_FENCE] == 0 &&
		       (outcome->steps[STEP_RELEASE] == 0 ||
			outcome->steps[STEP_RELEASE] == OUTCOME_NOT_TRIED);
	}
	return false;
}

/* Runs in the child: the steps from progress->step on. */
static void do_steps(void *context)
{
	const struct work *work = context;
	struct progress *progress = work->progress;

	for (; progress->step < work->plan->count; progress->step++) {
		const struct step *step = &work->plan->steps[progress->step];
		int *outcome = &outcome_of(work, step->claim)->steps[step->kind];

		if (progress->fences_only && step->kind != STEP_FENCE)
			return;
		progress->now++;
		if (!is_worth_trying(step, outcome_of(work, step->claim)))
			continue;
		*outcome = OUTCOME_RUNNING;
		*outcome = do_step(work, step);
	}
}

/*
 * Returns whether the step at which the child ended is tried again: a fence whose child was
 * killed, but not for ever, and a step that began in the moment in which the child was given up.
 */
static bool is_tried_again(enum deadline end, const struct step *step,
			   unsigned int *budget)
{
	if (end == DEADLINE_MOVED)
		return true;
	if (end != DEADLINE_ENDED || !*budget || step->kind != STEP_FENCE)
		return false;
	*budget /= 2;
	return true;
}

/*
 * A step that hangs, or that kills the child, is left behind, and the next child goes on with
 * the one after it. When the time is up only fences are still set: each of them is one short
 * write, and the promise of the whole.
 */
static void run_steps(struct work *work, unsigned int budget)
{
	struct progress *progress = work->progress;
	const struct plan *plan = work->plan;

	while (progress->step < plan->count) {
		enum deadline end = DEADLINE_NO_CHILD;

		progress->fences_only = !budget;
		if (!budget && plan->steps[progress->step].kind != STEP_FENCE)
			return;
		if (work->applied->shared_size)
			end = deadline_run(do_steps, work, &progress->now, budget / 2,
					   &budget);
		if (end == DEADLINE_NO_CHILD)
			do_steps(work);
		if (progress->step == plan->count ||
		    (progress->fences_only &&
		     plan->steps[progress->step].kind != STEP_FENCE))
			return;
		if (is_tried_again(end, &plan->steps[progress->step], &budget))
			continue;
		progress->hung = true;
		progress->step++;
	}
}

/* A driver that has another name than its module goes by that name from here on. */
static void name_drivers(struct work *work)
{
	for (size_t i = 0; i < work->match->claim_count; i++) {
		struct claim *claim = &work->match->claims[i];
		const char *driver = work->applied->outcomes[i].driver;

		if (*driver)
			string_copy(claim->driver, sizeof(claim->driver), driver);
	}
}

static int prepare(struct work *work)
{
	struct applied *applied = work->applied;
	size_t outcomes = work->match->claim_count * sizeof(*applied->outcomes);
	size_t modules = work->loadplan->count * sizeof(*applied->modules);
	size_t size = sizeof(struct progress) + outcomes + modules;

	applied->shared = shared_allocate(size);
	if (applied->shared)
		applied->shared_size = size;
	else
		applied->shared = calloc(1, size);
	if (!applied->shared)
		return -ENOMEM;
	work->progress = applied->shared;
	applied->outcomes = (struct claim_outcomes *)(work->progress + 1);
	applied->modules = (int *)(applied->outcomes + work->match->claim_count);
	for (size_t i = 0; i < work->match->claim_count; i++)
		for (size_t kind = 0; kind < ARRAY_SIZE(applied->outcomes[i].steps);
		     kind++)
			applied->outcomes[i].steps[kind] = OUTCOME_NOT_TRIED;
	for (size_t i = 0; i < work->loadplan->count; i++)
		applied->modules[i] = OUTCOME_NOT_TRIED;
	return 0;
}

int apply_plan(const struct root *root, const struct plan *plan, struct match *match,
	       const struct loadplan *loadplan, const struct cmdline *cmdline,
	       unsigned int deadline_ms, struct applied *ret)
{
	struct work work = { root, plan, match, loadplan, cmdline, ret, NULL };
	int error = prepare(&work);

	if (error)
		return error;
	run_steps(&work, deadline_ms);
	name_drivers(&work);
	return 0;
}

void applied_done(struct applied *applied)
{
	shared_free(applied->shared, applied->shared_size);
	*applied = (struct applied){ 0 };
}
