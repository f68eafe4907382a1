/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What other tools write down: each source in its place in a tree; the first byte chooses which. An
 * entry has a place and clean words, and a problem or a device. Nothing that is read gets out as it
 * is.
 */

#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/sources.h"

static const char *const sources[] = {
	"proc/cmdline",
	"etc/modprobe.d/a.conf",
	"etc/driverctl.d/pci-0000:02:00.0",
	"boot/config/vfio-pci.cfg",
	"etc/pve/mapping/pci.cfg",
	"etc/initramfs-tools/scripts/init-top/any",
	"devices.txt", /* a file that somebody names */
	"etc/pve/qemu-server/100.conf",
	"etc/libvirt/qemu/win10.xml",
};

#define CMDLINE 0
#define NAMED 6

static char tree[] = "/tmp/fuzz-import-XXXXXX";
static int top = -1; /* the tree's directory, once it is made */

static void remove_tree(void)
{
	char command[sizeof(tree) + 16];

	snprintf(command, sizeof(command), "rm -rf %s", tree);
	if (system(command))
		abort();
}

/* Every directory that a source lies in. */
static void make_tree(void)
{
	CLAIM(mkdtemp(tree));
	atexit(remove_tree);
	top = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLAIM(top >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		char path[128];

		for (const char *slash = sources[i]; (slash = strchr(slash, '/')); slash++) {
			snprintf(path, sizeof(path), "%.*s", (int)(slash - sources[i]), sources[i]);
			(void)!mkdirat(top, path, 0755);
		}
	}
}

static void put(const char *path, const uint8_t *data, size_t size)
{
	int fd = openat(top, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CLAIM(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void judge(const struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		const struct entry *entry = &entries->items[i];

		CLAIM(entry->place && fuzz_is_clean(entry->place));
		CLAIM(entry->words && fuzz_is_clean(entry->words));
		CLAIM(entry->problem || entry->has_address || entry->has_id);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine machine = { .root = ROOT_NONE, .directory = tree };
	struct entries entries = { 0 };
	char *text;
	size_t source;

	if (!size)
		return 0;
	if (top < 0)
		make_tree();
	source = data[0] % ARRAY_SIZE(sources);
	put(sources[source], data + 1, size - 1);
	text = fuzz_string(data + 1, source == CMDLINE ? size - 1 : 0);
	CLAIM(cmdline_parse(&machine.cmdline, text) == 0);
	CLAIM(root_open(&machine.root, tree) == 0);
	if (source == NAMED)
		(void)!sources_read(&machine, sources[source], &entries);
	else
		(void)!sources_find(&machine, &entries);
	judge(&entries);
	entries_done(&entries);
	cmdline_done(&machine.cmdline);
	free(text);
	root_done(&machine.root);
	unlinkat(top, sources[source], 0);
	return 0;
}
