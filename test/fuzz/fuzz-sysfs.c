/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attributes of sysfs, and /proc/iomem, as a tree of files in memory of the kernel: the first byte
 * says which of them the rest is. What is read goes through the program's own scan.
 */

#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"

#define DEVICE "sys/bus/pci/devices/0000:01:00.0"
#define MODALIAS "pci:v000010DEd00001C03sv00000000sd00000000bc03sc00i00\n"
#define RESOURCE "0x00000000a0000000 0x00000000afffffff 0x0000000000040200\n"

static const struct {
	const char *path, *usual;
} files[] = {
	{ DEVICE "/modalias", MODALIAS },
	{ DEVICE "/resource", RESOURCE },
	{ DEVICE "/boot_vga", "0\n" },
	{ DEVICE "/config", "" },
	{ "proc/iomem", "a0000000-a07e8fff : BOOTFB\n" },
};

#define FILES (sizeof(files) / sizeof(files[0]))

static void put(int directory, const char *path, const void *data, size_t size)
{
	int fd = openat(directory, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CLAIM(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

/* The tree, made once and taken away at the end. */
static char directory[] = "/dev/shm/vfio-early-fuzz-XXXXXX";

static void remove_tree(void)
{
	char command[sizeof(directory) + 8];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	if (system(command))
		perror(command);
}

static struct root make_tree(void)
{
	static const char *const parents[] = { "proc",		 "sys", "sys/bus", "sys/bus/pci",
					       DEVICE_DIRECTORY, DEVICE };
	struct root root = ROOT_NONE;

	CLAIM(mkdtemp(directory));
	atexit(remove_tree);
	CLAIM(root_open(&root, directory) == 0);
	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
		CLAIM(mkdirat(root.fd, parents[i], 0700) == 0);
	for (size_t i = 0; i < FILES; i++)
		put(root.fd, files[i].path, files[i].usual, strlen(files[i].usual));
	return root;
}

static void scan(const struct root *root)
{
	static const char text[] = "bind serial=00-1b-21-ff-ff-a5-6c-0c with=group\n"
				   "bind 10de:1c03\n";
	struct conf conf = { 0 };
	struct cmdline cmdline = { 0 };
	struct pci_snapshot snapshot = { 0 };

	CLAIM(conf_parse(&conf, "x", text, strlen(text), false) == 0);
	CLAIM(device_scan(root, &conf, &cmdline, &snapshot) == 0);
	CLAIM(snapshot.count <= 1);
	for (size_t i = 0; i < snapshot.count; i++) {
		const struct pci_function *function = &snapshot.functions[i];

		CLAIM(function->class <= 0xffffff && function->address.bus == 1);
		CLAIM(strlen(function->driver) < sizeof(function->driver));
	}
	pci_snapshot_done(&snapshot);
	conf_done(&conf);
}

/* The link of a function is no file: its parser alone. */
static void parse_link(const uint8_t *data, size_t size)
{
	char *link = fuzz_string(data, size), text[PCI_PATH_SIZE];
	struct pci_path path = { 0 }, again;

	if (pci_link_parse(link, &path)) {
		CLAIM(path.hops && path.hops <= PCI_PATH_HOPS);
		CLAIM(!pci_path_parse(pci_path_format(&path, text), &again));
		CLAIM(pci_path_equal(&path, &again));
	}
	free(link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct root root = ROOT_NONE;
	size_t which = size ? data[0] % (FILES + 1) : FILES;

	if (root.fd < 0)
		root = make_tree();
	if (which == FILES) {
		parse_link(data + (size > 0), size - (size > 0));
		return 0;
	}
	put(root.fd, files[which].path, data + 1, size - 1);
	scan(&root);
	put(root.fd, files[which].path, files[which].usual, strlen(files[which].usual));
	return 0;
}
