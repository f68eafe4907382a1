/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which functions the host itself needs: for the dangers, and for an image's keep lines. */

#include "inuse/host-use.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "inuse/network.h"
#include "inuse/storage.h"
#include "machine/sysfs.h"

int host_use_find(const struct machine *machine, struct in_uses *ret)
{
	_cleanup_(in_uses_done) struct in_uses possible = { 0 };
	int error = storage_add_uses(machine, ret);

	if (!error)
		error = network_add_uses(machine, ret);
	if (!error)
		error = storage_add_possible_uses(machine, &possible);
	if (!error)
		error = network_add_possible_uses(machine, &possible);
	/* What is certain says enough. */
	return error ? error : in_uses_take_others(ret, &possible);
}

int host_use_protect(struct machine *machine, const struct in_uses *uses)
{
	for (size_t i = 0; i < uses->count; i++) {
		const struct pci_address *at = &uses->items[i].function->address;

		pci_find(&machine->snapshot, at)->in_use = uses->items[i].certain;
	}
	return machine_match_again(machine);
}

bool host_use_root_is_zfs(const struct machine *machine)
{
	return storage_root_is_zfs(machine);
}

/* Is / another directory than that of the first process (as systemd's running_in_chroot() asks)? */
static bool is_chroot(const struct root *root)
{
	_cleanup_(closep) int first = root_descriptor(root, "proc/1/root", O_PATH | O_DIRECTORY);
	struct stat ours, theirs;

	return first < 0 || fstat(first, &theirs) < 0 || fstat(root->fd, &ours) < 0 ||
	       ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino;
}

static bool is_container(const struct root *root)
{
	return root_has(root, "run/systemd/container") || root_has(root, ".dockerenv") ||
	       root_has(root, "run/.containerenv");
}

static int add_keep_line(const struct machine *machine, const struct in_use *use, struct text *text)
{
	const struct pci_address *at = &use->function->address;
	char address[PCI_ADDRESS_SIZE], path[PCI_PATH_SIZE], id[PCI_ID_SIZE];
	struct pci_path way = { 0 };
	bool known = sysfs_path(&machine->root, at, &way);

	pci_address_format(at, address);
	text_add(text, "\n# ", address, ": ", text_string(&use->what), "\nkeep ",
		 known ? "path=" : "", known ? pci_path_format(&way, path) : address,
		 " id=", pci_id_format(&use->function->id, id), "\n");
	return text_error(text);
}

int host_use_keep_lines(const struct machine *machine, struct text *text)
{
	struct in_uses uses = { 0 };
	int error = 0;

	if (!machine->root.live || is_chroot(&machine->root) || is_container(&machine->root))
		return 0;
	error = host_use_find(machine, &uses);
	for (size_t i = 0; i < uses.count && !error; i++)
		if (uses.items[i].certain)
			error = add_keep_line(machine, &uses.items[i], text);
	in_uses_done(&uses);
	return error;
}
