/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the attributes of a function are in sysfs. */

#include "attribute.h"

#include <string.h>

const char *device_path(const struct pci_address *address, const char *attribute, char *path)
{
	static const char directory[] = DEVICE_DIRECTORY "/";
	char *end;

	memcpy(path, directory, sizeof(directory));
	end = pci_address_put(address, path + strlen(directory));
	string_join(end, path + DEVICE_PATH_SIZE - end, *attribute ? "/" : "", attribute, NULL);
	return path;
}

void device_driver(const struct root *root, const struct pci_address *address, char *driver)
{
	char path[DEVICE_PATH_SIZE];

	if (root_link_name(root, device_path(address, "driver", path), driver, PCI_DRIVER_SIZE))
		driver[0] = '\0';
}
