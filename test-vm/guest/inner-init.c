/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The init of the machine that QEMU starts inside the guest: says what that machine has.
 *
 * It loads the modules that /modules names, and prints for each PCI function that is a network card
 * or an NVMe drive one line, when its driver is done with it:
 *
 *	function ADDRESS VENDOR:DEVICE DRIVER WORDS
 *
 * WORDS are the MAC address of a network card, and the first line of what is on a drive.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "modules.h"

#define FUNCTIONS "/sys/bus/pci/devices"
#define WORD_MAX 512
#define SECTOR 512
#define KERNEL_EVENTS 1 /* the group of netlink that the kernel itself sends to */
#define PATIENCE_S 50	/* without a word of the kernel */

/* A class of functions (PCI's class and subclass), and where its device turns up below one. */
struct kind {
	const char *class;
	const char *device;
	void (*look)(const char *device, char *ret_line);
};

/* First line of a file, or of a drive's first sector; "-" if there is none. */
static void first_line(const char *path, char *ret_line)
{
	int fd = open(path, O_RDONLY);
	ssize_t length = -1;

	if (fd >= 0) {
		length = read(fd, ret_line, SECTOR);
		close(fd);
	}
	ret_line[length > 0 ? length : 0] = '\0';
	ret_line[strcspn(ret_line, "\n")] = '\0';
	if (!*ret_line)
		strcpy(ret_line, "-");
}

static void look_at_mac(const char *device, char *ret_line)
{
	char path[WORD_MAX];

	snprintf(path, sizeof(path), "%.256s/address", device);
	first_line(path, ret_line);
}

static void look_at_sector(const char *device, char *ret_line)
{
	char path[WORD_MAX];

	snprintf(path, sizeof(path), "/dev/%.256s", strrchr(device, '/') + 1);
	first_line(path, ret_line);
}

static const struct kind kinds[] = {
	{ "0x0200", "net/*", look_at_mac },
	{ "0x0108", "nvme/*/nvme*n*", look_at_sector },
};

/* What the kernel says of new devices from now on. */
static int open_events(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_EVENTS };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		printf("vmtest: no events: %s\n", strerror(errno));
	return fd;
}

/* The device of a function, once it is there: the kernel announces it. */
static bool find_device(int events, const char *function, const char *below, char *ret_device)
{
	char pattern[WORD_MAX], event[8192];
	glob_t found;

	snprintf(pattern, sizeof(pattern), FUNCTIONS "/%.64s/%s", function, below);
	while (glob(pattern, 0, NULL, &found))
		if (recv(events, event, sizeof(event), 0) < 0 && errno != ENOBUFS)
			return false;
	snprintf(ret_device, WORD_MAX, "%s", found.gl_pathv[0]);
	globfree(&found);
	return true;
}

static void attribute(const char *function, const char *name, char *ret_line)
{
	char path[WORD_MAX];

	snprintf(path, sizeof(path), FUNCTIONS "/%.64s/%s", function, name);
	first_line(path, ret_line);
}

static const char *driver_of(const char *function, char *target)
{
	char path[WORD_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), FUNCTIONS "/%.64s/driver", function);
	length = readlink(path, target, WORD_MAX - 1);
	target[length > 0 ? length : 0] = '\0';
	return length > 0 ? strrchr(target, '/') + 1 : "-";
}

static void say_function(int events, const char *function, const struct kind *kind)
{
	char vendor[SECTOR + 1], id[SECTOR + 1], words[SECTOR + 1] = "(no device)";
	char device[WORD_MAX], target[WORD_MAX];

	attribute(function, "vendor", vendor);
	attribute(function, "device", id);
	if (find_device(events, function, kind->device, device))
		kind->look(device, words);
	printf("function %s %s:%s %s %s\n", function, vendor + 2, id + 2,
	       driver_of(function, target), words);
}

static void say_if_known(int events, const char *function)
{
	char class[SECTOR + 1];
	size_t number;

	attribute(function, "class", class);
	for (number = 0; number < sizeof(kinds) / sizeof(*kinds); number++)
		if (!strncmp(class, kinds[number].class, strlen(kinds[number].class)))
			say_function(events, function, &kinds[number]);
}

int main(void)
{
	struct dirent *entry;
	DIR *functions;
	int events;

	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	setvbuf(stdout, NULL, _IONBF, 0);
	events = open_events();
	load_modules("/modules");
	functions = opendir(FUNCTIONS);
	while (functions && (entry = readdir(functions)))
		if (entry->d_name[0] != '.')
			say_if_known(events, entry->d_name);
	reboot(RB_AUTOBOOT);
	return 1;
}
