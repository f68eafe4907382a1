/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Details of one function, each one attribute of sysfs, read when somebody asks. */

#include "machine/sysfs.h"

#include <string.h>

#include "device.h"

static ssize_t read_attribute(const struct root *root, const struct pci_address *address,
			      const char *attribute, char *value, size_t size)
{
	char path[DEVICE_PATH_SIZE];

	return root_read(root, device_path(address, attribute, path), value, size);
}

int sysfs_group(const struct root *root, const struct pci_address *address)
{
	char path[DEVICE_PATH_SIZE], name[16];
	uint64_t group;

	if (root_link_name(root, device_path(address, "iommu_group", path), name, sizeof(name)) ||
	    !number_parse(name, 10, INT32_MAX, &group))
		return -1;
	return group;
}

void sysfs_reset(const struct root *root, const struct pci_address *address, char *methods,
		 size_t size)
{
	char path[DEVICE_PATH_SIZE];
	ssize_t length = read_attribute(root, address, "reset_method", methods, size);

	if (length > 0)
		return;
	if (length < 0 && length != -ENOENT)
		string_copy(methods, size, SYSFS_RESET_UNKNOWN);
	else
		string_copy(methods, size,
			    length && root_has(root, device_path(address, "reset", path))
				    ? "reset"
				    : SYSFS_RESET_NONE);
}

unsigned int sysfs_virtual_functions(const struct root *root, const struct pci_address *address)
{
	char value[16];
	uint64_t count = 0;

	if (read_attribute(root, address, "sriov_numvfs", value, sizeof(value)) <= 0 ||
	    !number_parse(value, 10, UINT16_MAX, &count))
		return 0;
	return count;
}

bool sysfs_physical_function(const struct root *root, const struct pci_address *address,
			     struct pci_address *ret)
{
	char path[DEVICE_PATH_SIZE], name[PCI_ADDRESS_SIZE];

	return !root_link_name(root, device_path(address, "physfn", path), name, sizeof(name)) &&
	       !pci_address_parse(name, ret);
}

bool sysfs_controller(const struct root *root, const struct pci_address *address,
		      struct pci_address *ret)
{
	char path[DEVICE_PATH_SIZE], link[ROOT_PATH_SIZE];
	char *bus, *parent;

	if (address->domain <= UINT16_MAX ||
	    root_link(root, device_path(address, "", path), link, sizeof(link)))
		return false;
	bus = strstr(link, "/pci");
	for (char *next = bus; next; next = strstr(next + 1, "/pci"))
		bus = next;
	if (!bus)
		return false;
	*bus = '\0';
	parent = strrchr(link, '/');
	return parent && !pci_address_parse(parent + 1, ret);
}

int sysfs_numa_node(const struct root *root, const struct pci_address *address)
{
	char value[16];
	uint64_t node;

	if (read_attribute(root, address, "numa_node", value, sizeof(value)) <= 0 ||
	    !number_parse(value, 10, INT32_MAX, &node)) /* "-1" for none */
		return -1;
	return node;
}

bool sysfs_modalias(const struct root *root, const struct pci_address *address, char *modalias,
		    size_t size)
{
	return read_attribute(root, address, "modalias", modalias, size) > 0;
}

bool sysfs_path(const struct root *root, const struct pci_address *address, struct pci_path *ret)
{
	char path[DEVICE_PATH_SIZE], link[ROOT_PATH_SIZE];

	return !root_link(root, device_path(address, "", path), link, sizeof(link)) &&
	       pci_link_parse(link, ret);
}

bool sysfs_is_guest_driver(const char *driver)
{
	return strstr(driver, "vfio") || !strcmp(driver, "pci-stub");
}

bool sysfs_is_host_driver(const char *driver)
{
	return *driver && !sysfs_is_guest_driver(driver) && strcmp(driver, "pcieport");
}

/*
 * A built-in driver has a link to its module as well, if the module has parameters; but only a
 * loaded module has a state (module_add_driver() in drivers/base/module.c, mod_sysfs_setup() in
 * kernel/module/sysfs.c of Linux).
 */
bool sysfs_driver_is_built_in(const struct root *root, const char *driver)
{
	char path[ROOT_PATH_SIZE];

	string_join(path, sizeof(path), "sys/bus/pci/drivers/", driver, NULL);
	if (!root_has(root, path))
		return false;
	string_join(path, sizeof(path), "sys/bus/pci/drivers/", driver, "/module/initstate", NULL);
	return !root_has(root, path);
}
