/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's IOMMU: is it on, does it remap interrupts, and how it is turned on. */

#include "machine/iommu.h"

#include <string.h>

#define IOMMU_GROUPS "sys/kernel/iommu_groups"
#define UNSAFE_INTERRUPTS "allow_unsafe_interrupts" /* of vfio_iommu_type1 */

bool iommu_is_off(const struct machine *machine)
{
	char **names = NULL;
	size_t count = 0;

	if (root_names(&machine->root, IOMMU_GROUPS, &names, &count))
		return machine->has_devices;
	names_free(names, count);
	return !count;
}

/* Which IOMMU a processor has, by a line of /proc/cpuinfo, and how it is turned on. */
static const struct vendor {
	const char *mark, *table, *remedy, *parameter;
} vendors[] = {
	{ "GenuineIntel", "DMAR",
	  "turn on Intel VT-d (\"Intel Virtualization Technology for Directed I/O\") in the "
	  "firmware's setup, and add intel_iommu=on to the kernel command line",
	  "add intel_iommu=on to the kernel command line" },
	{ "AuthenticAMD", "IVRS",
	  "turn on IOMMU (\"AMD-Vi\", often below \"NBIO\" or \"AMD CBS\") in the firmware's "
	  "setup; Linux then uses it by itself",
	  "remove amd_iommu=off and iommu=off from the kernel command line" },
	{ "HygonGenuine", "IVRS", "turn on IOMMU in the firmware's setup",
	  "remove amd_iommu=off and iommu=off from the kernel command line" },
	{ "CPU implementer", "IORT",
	  "turn on the SMMU in the firmware's setup, or use a device tree that has it",
	  "remove iommu.passthrough and arm-smmu.disable_bypass from the kernel command line, and "
	  "use a kernel with the driver of this SMMU" },
};

void iommu_add_remedy(const struct machine *machine, struct text *text)
{
	struct text cpu = { 0 };
	char path[ROOT_PATH_SIZE];

	if (root_read_proc(&machine->root, "proc/cpuinfo", 4096, &cpu) == -ENOMEM)
		text->failed = true;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		const struct vendor *vendor = &vendors[i];

		if (!strstr(text_string(&cpu), vendor->mark))
			continue;
		string_join(path, sizeof(path), "sys/firmware/acpi/tables/", vendor->table, NULL);
		text_add(text, root_has(&machine->root, path) ? vendor->parameter : vendor->remedy);
		goto out;
	}
	text_add(text, "turn it on in the firmware's setup (Intel VT-d, AMD-Vi, SMMU); with an "
		       "Intel processor also add intel_iommu=on to the kernel command line");
out:
	text_done(&cpu);
}

void iommu_find_off(const struct machine *machine, struct finding *finding)
{
	if (!iommu_is_off(machine))
		return;
	text_add(&finding->text,
		 "the IOMMU is off, or there is none: vfio-pci refuses every device");
	iommu_add_remedy(machine, &finding->remedy);
}

/* Has the user told vfio, now or by a line of the config, not to mind? */
static bool allows_unsafe_interrupts(const struct machine *machine)
{
	const struct conf *conf = &machine->confdir.conf;
	char value[8];

	if (root_read(&machine->root, "sys/module/vfio_iommu_type1/parameters/" UNSAFE_INTERRUPTS,
		      value, sizeof(value)) > 0 &&
	    *value == 'Y')
		return true;
	for (size_t i = 0; i < conf->count; i++)
		if (conf->rules[i].statement == STATEMENT_OPTION &&
		    strstr(conf->rules[i].options, UNSAFE_INTERRUPTS "="))
			return true;
	return false;
}

bool iommu_lacks_interrupt_remapping(const struct machine *machine)
{
	struct text interrupts = { 0 };
	bool found = false;

	if (allows_unsafe_interrupts(machine))
		return false;
	if (root_read_proc(&machine->root, "proc/interrupts", 4 * 1024 * 1024, &interrupts) >= 0)
		found = strstr(text_string(&interrupts), "IO-APIC") &&
			!strstr(text_string(&interrupts), " IR-");
	text_done(&interrupts);
	return found;
}
