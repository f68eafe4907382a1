/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor: the system calls without which no program can bind functions to vfio-pci, and nothing
 * else. It checks nothing and tells nobody.
 *
 * floor MODULE... ADDRESS...	fences, then loads; loading vfio-pci binds what is fenced
 * floor ADDRESS...		fences, and binds by the attribute of a driver that is there
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices/"
#define OVERRIDE "/driver_override"
#define BIND "/sys/bus/pci/drivers/vfio-pci/bind"

int finit_module(int fd, const char *options, int flags);

static void put(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0 && write(fd, text, length) > 0)
		close(fd);
}

static void fence(const char *address)
{
	char path[sizeof(DEVICES) + sizeof(OVERRIDE) + 16] = DEVICES;
	size_t length = strlen(address);

	memcpy(path + sizeof(DEVICES) - 1, address, length);
	memcpy(path + sizeof(DEVICES) - 1 + length, OVERRIDE, sizeof(OVERRIDE));
	put(path, "vfio-pci", 8);
}

static void load(const char *path)
{
	int fd = open(path, O_RDONLY);

	finit_module(fd, "", 0);
	close(fd);
}

int main(int argc, char **argv)
{
	int modules = 0;

	for (int i = 1; i < argc; i++)
		if (*argv[i] == '/')
			modules++;
		else
			fence(argv[i]);
	for (int i = 1; i < argc; i++)
		if (*argv[i] == '/')
			load(argv[i]);
		else if (!modules)
			put(BIND, argv[i], strlen(argv[i]));
	_exit(0);
}
