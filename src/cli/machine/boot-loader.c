/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's boot loader: in which file it has the kernel command line. */

#include "machine/boot-loader.h"

#include <string.h>

/* https://systemd.io/BOOT_LOADER_INTERFACE: systemd-boot sets it, and GRUB does since 2.12. */
#define LOADER_INFO "sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define ATTRIBUTES 4 /* bytes in front of the variable's value, a string in UTF-16 */

#define GRUB_FILE "edit GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub"
#define KERNEL_FILE "edit /etc/kernel/cmdline"

enum loader { LOADER_OTHER, LOADER_GRUB, LOADER_SYSTEMD };

/*
 * What to do with each boot loader if the file `mark` is there: the first row that fits. Debian's
 * update-grub is also Proxmox VE's. Fedora's GRUB reads /boot/loader/entries, which grubby edits.
 */
static const struct {
	enum loader loader;
	const char *mark, *steps;
} ways[] = {
	{ LOADER_GRUB, "usr/sbin/update-grub", GRUB_FILE " and run update-grub" },
	{ LOADER_GRUB, "usr/sbin/grubby", "use grubby --update-kernel=ALL" },
	{ LOADER_GRUB, "usr/bin/grubby", "use grubby --update-kernel=ALL" },
	{ LOADER_GRUB, "etc/default/grub",
	  GRUB_FILE " and run grub-mkconfig -o /boot/grub/grub.cfg" },
	{ LOADER_SYSTEMD, "usr/sbin/proxmox-boot-tool",
	  KERNEL_FILE " and run proxmox-boot-tool refresh" },
	{ LOADER_SYSTEMD, "etc/kernel/cmdline",
	  KERNEL_FILE " and run kernel-install add-all (before systemd 255: kernel-install add "
		      "VERSION IMAGE)" },
	{ LOADER_SYSTEMD, "boot/loader/entries", "edit the options in /boot/loader/entries" },
	{ LOADER_SYSTEMD, "efi/loader/entries", "edit the options in /efi/loader/entries" },
	{ LOADER_OTHER, "boot/firmware/cmdline.txt", "edit /boot/firmware/cmdline.txt" },
	{ LOADER_OTHER, "boot/cmdline.txt", "edit /boot/cmdline.txt" },
	{ LOADER_OTHER, "usr/sbin/u-boot-update",
	  "edit U_BOOT_PARAMETERS in /etc/default/u-boot and run u-boot-update" },
};

/* Stores the name that the boot loader gave itself, or "". */
static void read_name(const struct root *root, char *name, size_t size)
{
	char value[128];
	ssize_t length = root_read_at(root, LOADER_INFO, value, sizeof(value), ATTRIBUTES);
	size_t end = 0;

	for (ssize_t i = 0; i < length && end < size - 1; i += 2)
		name[end++] = value[i];
	name[end] = '\0';
}

static enum loader find_loader(const struct root *root)
{
	char name[32];

	read_name(root, name, sizeof(name));
	if (prefix_skip(name, "systemd-boot"))
		return LOADER_SYSTEMD;
	if (prefix_skip(name, "GRUB") || root_has(root, "boot/grub/grub.cfg") ||
	    root_has(root, "boot/grub2/grub.cfg") || root_has(root, "etc/default/grub"))
		return LOADER_GRUB;
	if (root_has(root, "etc/kernel/cmdline") || root_has(root, "boot/loader/entries") ||
	    root_has(root, "efi/loader/entries"))
		return LOADER_SYSTEMD;
	return LOADER_OTHER;
}

void boot_loader_add_edit(const struct root *root, const char *change, struct text *text)
{
	enum loader loader = find_loader(root);

	text_add(text, change, " the kernel command line");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (ways[i].loader != loader || !root_has(root, ways[i].mark))
			continue;
		text_add(text, ": ", ways[i].steps);
		return;
	}
}
