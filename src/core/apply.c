/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps, executed: one switch, and a child that may hang in our place. */

#include "apply.h"

#include <string.h>

#include "deadline.h"
#include "device.h"

struct work {
	const struct root *root;
	const struct plan *plan;
	struct match *match;
	const struct loadplan *loadplan;
	const struct cmdline *cmdline;
	struct applied *applied;
	struct progress *progress; /* shared; the arrays of `applied` follow it */
	size_t next;	  /* the step to go on with: the parent counts, a child has a copy */
	bool hung;	  /* a step before `next` hangs, or cost its child the life */
	bool fences_only; /* the time is up */
};

static struct claim_outcomes *outcomes_of(const struct work *work, const struct claim *claim)
{
	return &work->applied->outcomes[claim - work->match->claims];
}

/* In memory that the parent and its children share. */
static int *outcome_of(const struct work *work, const struct step *step)
{
	return &outcomes_of(work, step->claim)->steps[step->kind];
}

static int write_override(const struct work *work, const struct claim *claim, const char *driver)
{
	char path[DEVICE_PATH_SIZE];

	return root_write(work->root,
			  device_path(&claim->function->address, "driver_override", path), driver);
}

static int do_release(const struct work *work, const struct claim *claim)
{
	char path[DEVICE_PATH_SIZE], address[PCI_ADDRESS_SIZE];

	return root_write(work->root, device_path(&claim->function->address, "driver/unbind", path),
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
		work->progress->steps++;
		work->applied->modules[i] = OUTCOME_RUNNING;
		error = loadplan_load(work->root, module, work->match->conf, work->cmdline);
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
	char *driver = outcomes_of(work, claim)->driver;
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
		if (!strcmp(work->loadplan->modules[i].driver, driver) && work->applied->modules[i])
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
	if (*driver && !work->hung)
		return 0;
	pci_address_format(&claim->function->address, address);
	error = root_write(work->root, bind_path(claim->driver, path), address);
	if (*driver && error == -ENODEV && is_driver_loaded(work, claim->driver))
		return 0;
	if (*driver)
		return error == -EBUSY ? 0 : OUTCOME_RUNNING;
	if (error == -ENOENT && use_real_name(work, claim))
		return root_write(work->root, bind_path(outcomes_of(work, claim)->driver, path),
				  address);
	if (error == -ENOENT && work->hung)
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
static bool is_worth_trying(const struct work *work, const struct step *step)
{
	const int *outcomes = outcomes_of(work, step->claim)->steps;

	switch (step->kind) {
	case STEP_FENCE:
	case STEP_LOAD:
		return true;
	case STEP_RELEASE:
		return outcomes[STEP_FENCE] == 0;
	case STEP_BIND:
		return outcomes[STEP_FENCE] == 0 &&
		       (outcomes[STEP_RELEASE] == 0 || outcomes[STEP_RELEASE] == OUTCOME_NOT_TRIED);
	}
	return false;
}

/* Returns whether work->next is a step, and one for which there is time: fences always are. */
static bool has_next(const struct work *work)
{
	return work->next < work->plan->count &&
	       (!work->fences_only || work->plan->steps[work->next].kind == STEP_FENCE);
}

/* Runs in the child, which has its own copy of `next`; in the parent if there is no child. */
static void do_steps(void *context)
{
	struct work *work = context;

	for (; has_next(work) && !work->progress->stop; work->next++) {
		const struct step *step = &work->plan->steps[work->next];
		int *outcome = outcome_of(work, step);

		work->progress->steps++;
		if (!is_worth_trying(work, step))
			continue;
		*outcome = OUTCOME_RUNNING;
		*outcome = do_step(work, step);
	}
}

/*
 * Goes to the first step that no child has begun: the outcomes say which those are. A fence whose
 * child was killed is tried again, but not for ever.
 */
static void go_on(struct work *work, enum deadline end, unsigned int *budget)
{
	size_t first = work->next;

	for (; work->next < work->plan->count; work->next++) {
		const struct step *step = &work->plan->steps[work->next];
		int *outcome = outcome_of(work, step);

		if (*outcome == OUTCOME_RUNNING && end == DEADLINE_ENDED && *budget &&
		    step->kind == STEP_FENCE) {
			*outcome = OUTCOME_NOT_TRIED;
			*budget /= 2;
			return;
		}
		if (*outcome == OUTCOME_NOT_TRIED && is_worth_trying(work, step))
			break;
		work->hung |= *outcome == OUTCOME_RUNNING;
	}
	/* The child ended before it began a step. */
	if (work->next == first && work->fences_only)
		work->next++;
	else if (work->next == first)
		*budget /= 2;
}

/*
 * A step that hangs, or that kills the child, is left behind, and the next child goes on with
 * the one after it. When the time is up only fences are still set: each of them is one short
 * write, and the promise of the whole.
 */
static void run_steps(struct work *work, unsigned int budget)
{
	for (;;) {
		enum deadline end = DEADLINE_NO_CHILD;

		work->fences_only = !budget;
		if (!has_next(work))
			return;
		if (work->applied->shared_size)
			end = deadline_run(do_steps, work, work->progress, budget / 2, &budget);
		if (end == DEADLINE_NO_CHILD)
			do_steps(work);
		else
			go_on(work, end, &budget);
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
		for (size_t kind = 0; kind < ARRAY_SIZE(applied->outcomes[i].steps); kind++)
			applied->outcomes[i].steps[kind] = OUTCOME_NOT_TRIED;
	for (size_t i = 0; i < work->loadplan->count; i++)
		applied->modules[i] = OUTCOME_NOT_TRIED;
	return 0;
}

int apply_plan(const struct root *root, const struct plan *plan, struct match *match,
	       const struct loadplan *loadplan, const struct cmdline *cmdline,
	       unsigned int deadline_ms, struct applied *ret)
{
	struct work work = { .root = root,
			     .plan = plan,
			     .match = match,
			     .loadplan = loadplan,
			     .cmdline = cmdline,
			     .applied = ret };
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
