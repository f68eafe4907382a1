/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two drivers that hang inside the kernel for ever, where no signal reaches: one that never lets
 * its devices go, and one whose probe never returns. A kernel module: kmodule.py compiles it.
 */

#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched.h>

static void hang(struct pci_dev *function, const char *what)
{
	pci_info(function, "vmtest: %s hangs\n", what);
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_timeout(3600 * HZ);
	}
}

static int accept(struct pci_dev *function, const struct pci_device_id *id)
{
	return 0;
}

static void never_remove(struct pci_dev *function)
{
	hang(function, "remove");
}

static int never_probe(struct pci_dev *function, const struct pci_device_id *id)
{
	hang(function, "probe");
	return 0;
}

/* QEMU's edu, which no driver of Debian's wants. */
static const struct pci_device_id ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, {} };

/* Only for what names it as driver_override: that matches without any ID. */
static const struct pci_device_id no_ids[] = { {} };

static struct pci_driver keeper = {
	.name = "vmtest-remove",
	.id_table = ids,
	.probe = accept,
	.remove = never_remove,
};

static struct pci_driver prober = {
	.name = "vmtest-probe",
	.id_table = no_ids,
	.probe = never_probe,
};

/* The prober last: what probes while the module is loaded never comes back from there. */
static int __init start(void)
{
	int error = pci_register_driver(&keeper);

	return error ? error : pci_register_driver(&prober);
}

module_init(start);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Drivers that hang, for the tests of vfio-early");
