/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's IOMMU: is it on, does it remap interrupts, and how it is turned on. */

#include "machine/iommu.h"

#include <string.h>

#include "machine/boot-loader.h"

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

/*
 * The IOMMU of a processor, by a line of /proc/cpuinfo, and how it is turned on: first in the
 * firmware, which then makes the ACPI table, then by the kernel command line.
 */
static const struct vendor {
	const char *mark, *table, *firmware, *change, *more;
	bool always; /* the change is necessary, too, if the firmware makes no table yet */
} vendors[] = {
	{ "GenuineIntel", "DMAR",
	  "turn on Intel VT-d (\"Intel Virtualization Technology for Directed I/O\") in the "
	  "firmware's setup",
	  "add intel_iommu=on to", "", true },
	{ "AuthenticAMD", "IVRS",
	  "turn on IOMMU (\"AMD-Vi\", often below \"NBIO\" or \"AMD CBS\") in the firmware's "
	  "setup; Linux then uses it by itself",
	  "remove amd_iommu=off and iommu=off from", "", false },
	{ "HygonGenuine", "IVRS", "turn on IOMMU in the firmware's setup",
	  "remove amd_iommu=off and iommu=off from", "", false },
	{ "CPU implementer", "IORT",
	  "turn on the SMMU in the firmware's setup, or use a device tree that has it",
	  "remove iommu.passthrough and arm-smmu.disable_bypass from",
	  "; use a kernel with the driver of this SMMU", false },
};

static const struct vendor *find_by_table(const struct root *root)
{
	char path[ROOT_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++)
		if (string_join(path, sizeof(path), "sys/firmware/acpi/tables/", vendors[i].table,
				NULL) &&
		    root_has(root, path))
			return &vendors[i];
	return NULL;
}

static const struct vendor *find_by_processor(const char *cpu)
{
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++)
		if (strstr(cpu, vendors[i].mark))
			return &vendors[i];
	return NULL;
}

static bool has_virtio_iommu(const struct machine *machine)
{
	const struct pci_snapshot *snapshot = &machine->snapshot;

	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->functions[i].id.vendor == 0x1af4 &&
		    snapshot->functions[i].id.device == 0x1057)
			return true;
	return false;
}

static void add_change(const struct machine *machine, const struct vendor *vendor,
		       struct text *text)
{
	boot_loader_add_edit(&machine->root, vendor->change, text);
	text_add(text, vendor->more, ", then reboot");
}

/* The firmware has not turned it on: it is for the firmware's setup, or for the hypervisor. */
static void add_firmware(const struct machine *machine, const char *cpu, struct text *text)
{
	const struct vendor *vendor = find_by_processor(cpu);

	if (strstr(cpu, " hypervisor"))
		text_add(text, "give this virtual machine an IOMMU (QEMU: -device intel-iommu)");
	else
		text_add(text, vendor ? vendor->firmware
				      : "turn it on in the firmware's setup (Intel VT-d, AMD-Vi, "
					"SMMU)");
	if (!vendor) {
		text_add(text, "; with an Intel processor, also ");
		boot_loader_add_edit(&machine->root, vendors[0].change, text);
	} else if (vendor->always) {
		text_add(text, ", and ");
		add_change(machine, vendor, text);
	}
}

void iommu_add_remedy(const struct machine *machine, struct text *text)
{
	const struct vendor *vendor = find_by_table(&machine->root);
	struct text cpu = { 0 };

	if (has_virtio_iommu(machine))
		text_add(text, "load the module virtio_iommu at boot");
	else if (vendor)
		add_change(machine, vendor, text);
	else if (root_read_proc(&machine->root, "proc/cpuinfo", 4096, &cpu) == -ENOMEM)
		text->failed = true;
	else
		add_firmware(machine, text_string(&cpu), text);
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
