/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which modules an image needs for the lines of the config, and for the functions they
 * select.
 */

#include "image/image-plan.h"

#include <string.h>

#include "alias.h"

/* An IOMMU whose driver can be a module, which then has to come before vfio-pci. */
#define VIRTIO_IOMMU_MODULE "virtio_iommu"
static const struct pci_id virtio_iommu = { 0x1af4, 0x1057 };

struct making {
	const struct machine *machine;
	struct resolver *resolver;
	const char *first; /* VIRTIO_IOMMU_MODULE, or NULL */
	struct image_plan *plan;
};

static bool has_iommu_module(const struct machine *machine, struct resolver *resolver)
{
	bool has_device = !machine->has_devices;

	for (size_t i = 0; i < machine->snapshot.count && !has_device; i++)
		has_device = pci_id_equal(&machine->snapshot.functions[i].id, &virtio_iommu);
	return has_device && resolver_has_file(resolver, VIRTIO_IOMMU_MODULE);
}

static int add_lack(struct image_plan *plan, const char *driver, const struct place *place)
{
	struct missing_driver *missing;

	if (ARRAY_GROW(plan->missing, plan->missing_count))
		return -ENOMEM;
	missing = &plan->missing[plan->missing_count];
	*missing = (struct missing_driver){ .driver = strdup(driver), .place = place };
	plan->missing_count += missing->driver != NULL;
	return missing->driver ? 0 : -ENOMEM;
}

static int add_driver(struct making *making, const char *driver, const struct place *place)
{
	int error;

	if (loadplan_has_driver(&making->plan->loadplan, driver))
		return 0;
	error = resolver_add(making->resolver, driver, making->first, &making->plan->loadplan);
	if (error != -ENOENT)
		return error;
	return add_lack(making->plan, driver, place);
}

/*
 * driver=auto without a device to look at: any driver that claims the stated ID, or any at
 * all.
 */
static int add_stated_variants(struct making *making, const struct rule *rule)
{
	const struct pci_function stated = { .id = rule->id,
					     .subsystem = rule->subsystem,
					     .class = rule->class };
	char driver[PCI_DRIVER_SIZE];
	int error = 0;

	if (rule->given & CONDITION_ID) {
		alias_best_driver(text_string(&making->machine->aliases), &stated, driver);
		return add_driver(making, driver, &rule->place);
	}
	if (making->machine->has_devices)
		return 0;
	for (const char *line = text_string(&making->machine->aliases); *line && !error;
	     line = line_next(line)) {
		line_copy(driver, sizeof(driver), line + strcspn(line, "*") /* its pattern */);
		line_copy(driver, sizeof(driver),
			  strrchr(driver, ' ') ? strrchr(driver, ' ') + 1 : "");
		if (*driver && strcmp(driver, "vfio_pci"))
			error = add_driver(making, driver, &rule->place);
	}
	return error;
}

static int add_rule(struct making *making, const struct rule *rule)
{
	int error;

	if (rule->statement != STATEMENT_BIND)
		return 0;
	if (strcmp(rule->driver, CONF_DRIVER_AUTO))
		return add_driver(making, rule->driver, &rule->place);
	error = add_driver(making, CONF_DRIVER_DEFAULT, &rule->place);
	return error ? error : add_stated_variants(making, rule);
}

int image_plan_make(const struct machine *machine, struct resolver *resolver,
		    struct image_plan *ret)
{
	struct making making = { machine, resolver, NULL, ret };
	const struct conf *conf = &machine->confdir.conf;
	const struct match *match = &machine->match;
	int error = 0;

	if (has_iommu_module(machine, resolver))
		making.first = VIRTIO_IOMMU_MODULE;
	for (size_t i = 0; i < conf->count && !error; i++)
		error = add_rule(&making, &conf->rules[i]);
	for (size_t i = 0; i < match->claim_count && !error; i++)
		error = add_driver(&making, match->claims[i].driver, &match->claims[i].rule->place);
	return error;
}

void image_plan_done(struct image_plan *plan)
{
	for (size_t i = 0; i < plan->missing_count; i++)
		free(plan->missing[i].driver);
	free(plan->missing);
	loadplan_done(&plan->loadplan);
	*plan = (struct image_plan){ 0 };
}
