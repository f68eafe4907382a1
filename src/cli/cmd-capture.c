/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-early capture: what the programs read of a machine, in a directory that --root reads. */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/anonymous.h"
#include "capture/tree-copy.h"
#include "command.h"
#include "lib/printable.h"

#define FUNCTION "sys/bus/pci/devices/*"
#define BLOCK "sys/class/block/*"
#define NETWORK "sys/class/net/*"
#define USB "sys/bus/usb/devices/*"
#define TABLES "sys/firmware/acpi/tables/"

static const struct {
	const char *pattern;
	enum take take;
} parts[] = {
	{ FUNCTION, TAKE_LINK },
	{ FUNCTION "/uevent", TAKE_FILE },
	{ FUNCTION "/boot_vga", TAKE_FILE },
	{ FUNCTION "/resource", TAKE_FILE },
	{ FUNCTION "/config", TAKE_CONFIG },
	{ FUNCTION "/modalias", TAKE_FILE },
	{ FUNCTION "/reset_method", TAKE_FILE },
	{ FUNCTION "/reset", TAKE_EXISTENCE },
	{ FUNCTION "/ari_enabled", TAKE_FILE },
	{ FUNCTION "/numa_node", TAKE_FILE },
	{ FUNCTION "/removable", TAKE_FILE },
	{ FUNCTION "/sriov_*vfs", TAKE_FILE },
	{ FUNCTION "/driver_override", TAKE_FILE },
	{ FUNCTION "/driver", TAKE_LINK },
	{ FUNCTION "/iommu_group", TAKE_LINK },
	{ FUNCTION "/physfn", TAKE_LINK },
	{ FUNCTION "/vfio-dev/*", TAKE_DIRECTORY },
	{ "sys/bus/pci/drivers/*", TAKE_DIRECTORY },
	{ "sys/bus/pci/drivers/*/module/initstate", TAKE_FILE },
	{ "sys/kernel/iommu_groups/*", TAKE_DIRECTORY },
	{ "sys/kernel/iommu_groups/*/devices/*", TAKE_LINK },
	{ TABLES "DMAR", TAKE_EXISTENCE },
	{ TABLES "IVRS", TAKE_EXISTENCE },
	{ TABLES "IORT", TAKE_EXISTENCE },
	{ "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", TAKE_FILE },
	{ "sys/power/resume", TAKE_FILE },

	{ BLOCK, TAKE_LINK },
	{ BLOCK "/dev", TAKE_FILE },
	{ BLOCK "/partition", TAKE_FILE },
	{ BLOCK "/size", TAKE_FILE },
	{ BLOCK "/dm/name", TAKE_FILE },
	{ BLOCK "/device/model", TAKE_FILE },
	{ BLOCK "/device/vendor", TAKE_FILE },
	{ BLOCK "/slaves", TAKE_DIRECTORY },
	{ BLOCK "/slaves/*", TAKE_LINK },
	{ "sys/dev/block/*", TAKE_LINK },
	{ "sys/fs/btrfs/*/devices/*", TAKE_LINK },
	{ "sys/class/nvme-subsystem/*", TAKE_LINK },
	{ "sys/class/nvme-subsystem/*/nvme*", TAKE_LINK },
	{ "dev/mapper/*", TAKE_LINK },
	{ "run/udev/data/b*", TAKE_FILE },
	{ "proc/spl/kstat/zfs/*", TAKE_DIRECTORY },
	{ "proc/self/mountinfo", TAKE_FILE },
	{ "proc/swaps", TAKE_FILE },
	{ "proc/[0-9]*/fd/*", TAKE_OPEN_DISK },

	{ NETWORK, TAKE_LINK },
	{ NETWORK "/lower_*", TAKE_LINK },
	{ NETWORK "/master", TAKE_LINK },
	{ NETWORK "/flags", TAKE_FILE },
	{ NETWORK "/address", TAKE_FILE },
	{ "proc/net/route", TAKE_FILE },
	{ "proc/net/ipv6_route", TAKE_FILE },

	{ "sys/class/drm/*", TAKE_LINK },
	{ "sys/class/drm/*/status", TAKE_FILE },
	{ USB, TAKE_LINK },
	{ USB "/idVendor", TAKE_FILE },
	{ USB "/idProduct", TAKE_FILE },
	{ USB "/manufacturer", TAKE_FILE },
	{ USB "/product", TAKE_FILE },
	{ USB "/bDeviceClass", TAKE_FILE },
	{ "sys/class/drm/*", TAKE_LINK },
	{ "sys/class/drm/*/status", TAKE_FILE },
	{ "proc/bus/input/devices", TAKE_FILE },

	{ "proc/cmdline", TAKE_FILE },
	{ "proc/cpuinfo", TAKE_FILE },
	{ "proc/interrupts", TAKE_FILE },
	{ "proc/iomem", TAKE_FILE },
	{ "proc/sys/kernel/osrelease", TAKE_FILE },
	{ "lib/modules/*/modules.*", TAKE_FILE },

	{ CONFDIR_MAIN, TAKE_FILE },
	{ CONFDIR_DROPINS "/*.conf", TAKE_FILE },
	{ "run/vfio-early/report", TAKE_FILE },
	{ "run/vfio-early/" CONFDIR_MAIN, TAKE_FILE },
	{ "run/vfio-early/" CONFDIR_DROPINS "/*.conf", TAKE_FILE },

	/* Other tools, and boot loaders. */
	{ "etc/modprobe.d/*.conf", TAKE_FILE },
	{ "etc/modules", TAKE_FILE },
	{ "etc/modules-load.d/*.conf", TAKE_FILE },
	{ "etc/initramfs-tools/modules", TAKE_FILE },
	{ "etc/initramfs-tools/scripts/init-top/*", TAKE_FILE },
	{ "etc/dracut.conf", TAKE_FILE },
	{ "etc/dracut.conf.d/*.conf", TAKE_FILE },
	{ "etc/driverctl.d/*", TAKE_FILE },
	{ "etc/pve/mapping/pci.cfg", TAKE_FILE },
	{ "etc/default/grub", TAKE_FILE },
	{ "etc/default/grub.d/*.cfg", TAKE_FILE },
	{ "etc/kernel/cmdline", TAKE_FILE },
	{ "boot/config/vfio-pci.cfg", TAKE_FILE },
	{ "boot/loader/entries/*.conf", TAKE_FILE },
	{ "efi/loader/entries", TAKE_DIRECTORY },
	{ "boot/firmware/cmdline.txt", TAKE_FILE },
	{ "boot/cmdline.txt", TAKE_FILE },
	{ "boot/grub*/grub.cfg", TAKE_EXISTENCE },
	{ "usr/sbin/update-grub", TAKE_EXISTENCE },
	{ "usr/*bin/grubby", TAKE_EXISTENCE },
	{ "usr/sbin/proxmox-boot-tool", TAKE_EXISTENCE },
	{ "usr/sbin/u-boot-update", TAKE_EXISTENCE },
	{ "sys/firmware/efi/efivars/LoaderInfo-*", TAKE_FILE },
};

/*
 * What is learned before anything is copied: it can be in the content and in the name of any file.
 */
static const struct {
	const char *pattern;
	void (*learn)(struct anonymous *anonymous, const struct text *content);
} sources[] = {
	{ "run/udev/data/b*", anonymous_learn_properties },
	{ BLOCK "/device/serial", anonymous_learn_value },
	{ BLOCK "/device/wwid", anonymous_learn_value },
	{ BLOCK "/wwid", anonymous_learn_value },
	{ "etc/machine-id", anonymous_learn_value }, /* it names entries of systemd-boot */
};

static void report_missed(void *context, const char *path, const char *reason)
{
	size_t *missed = context;

	complain("/%s: not taken: %s", path, reason);
	++*missed;
}

static int copy_machine(struct tree_copy *copy)
{
	int error = 0;

	for (size_t i = 0; copy->anonymous && i < ARRAY_SIZE(sources) && !error; i++)
		error = tree_copy_read(copy, sources[i].pattern, sources[i].learn);
	if (!error && copy->anonymous && copy->anonymous->failed)
		error = -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && !error; i++)
		error = tree_copy_take(copy, parts[i].pattern, parts[i].take);
	return error;
}

static enum status capture(const struct request *request, const struct root *from,
			   const struct root *to)
{
	_cleanup_(anonymous_done) struct anonymous anonymous = { 0 };
	const char *directory = *request->arguments;
	size_t missed = 0;
	struct tree_copy copy = { from,		 to,	 request->anonymous ? &anonymous : NULL, 0,
				  report_missed, &missed };
	int error = copy_machine(&copy);

	if (error)
		return fail(directory, error);
	printable_print(stdout, "%s: %zu files\n", directory, copy.count);
	puts(request->anonymous
		     ? "Names of volumes, mount points and networks are in them: look before you "
		       "publish them."
		     : "Serial numbers and addresses are in them: look before you publish them, "
		       "or use --anonymous.");
	return missed ? STATUS_UNWANTED : STATUS_WELL;
}

static enum status run(const struct request *request)
{
	_cleanup_(root_done) struct root from = ROOT_NONE, to = ROOT_NONE;
	const char *directory = *request->arguments;
	int error = root_open(&from, request->root);

	if (error)
		return fail(request->root, error);
	if (mkdir(directory, 0755) < 0) {
		error = -errno;
		complain("%s: cannot be made: %s; name a new directory", directory,
			 strerror(-error));
		return error == -EEXIST ? STATUS_USAGE : STATUS_ENVIRONMENT;
	}
	error = root_open(&to, directory);
	if (error)
		return fail(directory, error);
	if (from.live && geteuid())
		remark("serial numbers, the framebuffer and ZFS members are for root only; run it "
		       "as root to take them");
	return capture(request, &from, &to);
}

const struct command command_capture = {
	.name = "capture",
	.arguments = "DIR",
	.summary = "copy what this program reads of the machine, for --root and for bug reports",
	.details =
		"Makes the directory DIR and copies into it the parts of /sys, /proc, /etc and\n"
		"/run that this program reads. \"list\", \"check\" and \"status\" with --root DIR\n"
		"then print what they print on this machine. Run it as root.\n\n"
		"Exit status: 0 all is well, 1 a file could not be read, 2 DIR exists, 4 DIR\n"
		"cannot be written.",
	.options = OPTION_ROOT | OPTION_ANONYMOUS,
	.least = 1,
	.most = 1,
	.run = run,
};
