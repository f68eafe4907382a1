/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drivers that it goes from and to. */

#include "danger/driver.h"

#include <string.h>

#include "machine/resolver.h"
#include "machine/sysfs.h"

/* Modules that are no drivers, though the kernel has them. A driver's name has no _ for -. */
static bool is_module_of_vfio(const char *driver)
{
	static const char *const modules[] = { "vfio", "vfio_pci", "vfio_pci_core",
					       "vfio-pci-core" };

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		if (!strcmp(driver, modules[i]))
			return true;
	return false;
}

void driver_find_missing(const struct danger_context *context, const struct claim *claim,
			 struct finding *finding)
{
	bool module_name = is_module_of_vfio(claim->driver);

	if (!module_name &&
	    (!context->resolver || resolver_has_driver(context->resolver, claim->driver)))
		return;
	if (module_name) {
		text_add(&finding->text, claim->driver,
			 " is the name of a module; the driver is vfio-pci, and no other name "
			 "will ever match");
		rule_add_word(claim->rule, "driver=vfio-pci", &finding->remedy);
		return;
	}
	finding_set_no_driver(finding, context->machine->kernel, claim->driver,
			      &claim->rule->place);
}

/*
 * The driver that is built in and has the function at boot: the one that has it now, or else the
 * one that the kernel's list of aliases names.
 */
static bool built_in_driver(const struct danger_context *context, const struct claim *claim,
			    char *name)
{
	const struct pci_function *function = claim->function;
	char modalias[256];

	string_copy(name, PCI_DRIVER_SIZE, function->driver);
	if (*name && strcmp(name, claim->driver) &&
	    sysfs_driver_is_built_in(&context->machine->root, name))
		return true;
	*name = '\0';
	return context->resolver &&
	       sysfs_modalias(&context->machine->root, &function->address, modalias,
			      sizeof(modalias)) &&
	       resolver_built_in(context->resolver, modalias, name, PCI_DRIVER_SIZE) &&
	       strcmp(name, claim->driver);
}

void driver_find_built_in(const struct danger_context *context, const struct claim *claim,
			  struct finding *finding)
{
	char driver[PCI_DRIVER_SIZE];

	if (!context->modules || !built_in_driver(context, claim, driver))
		return;
	text_add(&finding->text, driver,
		 " is built into the kernel and has the device before any program runs; the boot "
		 "program takes it away, which is usually harmless");
	text_add(&finding->remedy, "if the device does not survive that, use a kernel with ",
		 driver, " as a module");
}
