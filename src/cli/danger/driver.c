/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drivers that it goes from and to. */

#include "danger/driver.h"

#include <string.h>

#include "machine/resolver.h"
#include "machine/sysfs.h"

void driver_find_missing(const struct danger_context *context, const struct claim *claim,
			 struct finding *finding)
{
	/* Modules may be written with _ for -; a driver's name may not. */
	bool module_name = !strcmp(claim->driver, "vfio_pci");

	if (!module_name &&
	    (!context->resolver || resolver_has_driver(context->resolver, claim->driver)))
		return;
	if (module_name) {
		text_add(&finding->text,
			 "vfio_pci is the name of the module; the driver is vfio-pci, and no "
			 "other name will ever match");
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
