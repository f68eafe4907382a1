/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host stores on its block devices: the only user of libmount. */

#include "inuse/storage.h"

#include <libmount.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "inuse/block.h"

#define CLASS_BLOCK "sys/class/block"
#define FS_BTRFS "sys/fs/btrfs"
#define ZFS_POOLS "proc/spl/kstat/zfs"

static void unref_table(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

static void free_iterator(struct libmnt_iter **iterator)
{
	mnt_free_iter(*iterator);
}

/* A table of the kernel below the machine's directory; empty if it can't be read. */
static struct libmnt_table *read_table(const struct machine *machine, const char *file,
				       int (*parse)(struct libmnt_table *, const char *))
{
	_cleanup_(freep) char *path = NULL;
	struct libmnt_table *table = mnt_new_table();

	if (!table || asprintf(&path, "%s/%s", machine->directory, file) < 0) {
		path = NULL;
		mnt_unref_table(table);
		return NULL;
	}
	if (root_has(&machine->root, file) && parse(table, path) < 0)
		mnt_reset_table(table);
	return table;
}

/* "/home (dm-1)" */
static int add_block(const struct machine *machine, const char *name, const char *what,
		     struct in_uses *uses)
{
	struct text text = { 0 };
	int error;

	text_add(&text, what, " (", name, ")");
	error = text_error(&text);
	if (!error)
		error = block_add_use(machine, name, text_string(&text), true, uses);
	text_done(&text);
	return error;
}

/* Does udev say that the block device is a member of a pool? By content, or by partition type. */
static bool is_zfs_member(const struct root *root, const char *name)
{
	char value[64];

	if (block_property(root, name, "ID_FS_TYPE", value, sizeof(value)) &&
	    !strcmp(value, "zfs_member"))
		return true;
	return block_property(root, name, "ID_PART_ENTRY_TYPE", value, sizeof(value)) &&
	       !strcmp(value, "6a898cc3-1dd2-11b2-99a6-080020736631");
}

/* Returns whether `pool` is the ZFS pool that udev found the block device to be a member of. */
static bool is_zfs_member_of(const struct root *root, const char *name, const char *pool)
{
	char label[256];

	return is_zfs_member(root, name) &&
	       block_property(root, name, "ID_FS_LABEL", label, sizeof(label)) &&
	       !strcmp(label, pool);
}

/* Adds `what` to every disk of the pool that the dataset `source`, "rpool/ROOT/pve-1", is in. */
static int add_zfs_disks(const struct machine *machine, const char *source, const char *what,
			 struct in_uses *uses)
{
	char pool[256];
	char **names = NULL;
	size_t count = 0, length = strcspn(source, "/") + 1;
	int error = root_names_if_any(&machine->root, CLASS_BLOCK, &names, &count);

	string_copy(pool, length < sizeof(pool) ? length : sizeof(pool), source);
	for (size_t i = 0; i < count && !error; i++)
		if (is_zfs_member_of(&machine->root, names[i], pool))
			error = add_block(machine, names[i], what, uses);
	names_free(names, count);
	return error;
}

/* Adds `what` to every disk of the btrfs `uuid`, if the block device `name` is one of them. */
static int add_btrfs_mates(const struct machine *machine, const char *uuid, const char *name,
			   const char *what, struct in_uses *uses)
{
	char path[ROOT_PATH_SIZE];
	char **names = NULL;
	size_t count = 0;
	bool member = false;
	int error;

	string_join(path, sizeof(path), FS_BTRFS "/", uuid, "/devices", NULL);
	error = root_names_if_any(&machine->root, path, &names, &count);
	for (size_t i = 0; i < count; i++)
		member = member || !strcmp(names[i], name);
	for (size_t i = 0; i < count && member && !error; i++)
		error = add_block(machine, names[i], what, uses);
	names_free(names, count);
	return error;
}

static int add_btrfs_disks(const struct machine *machine, const char *name, const char *what,
			   struct in_uses *uses)
{
	char **uuids = NULL;
	size_t count = 0;
	int error = root_names_if_any(&machine->root, FS_BTRFS, &uuids, &count);

	for (size_t i = 0; i < count && !error; i++)
		error = add_btrfs_mates(machine, uuids[i], name, what, uses);
	names_free(uuids, count);
	return error;
}

/*
 * Adds the other disks of a file system on several disks, if the host does not start without it.
 * The mount table names one of the disks, `name`, or none, "".
 */
static int add_other_disks(const struct machine *machine, struct libmnt_fs *fs, const char *name,
			   struct in_uses *uses)
{
	const char *source = mnt_fs_get_source(fs), *target = mnt_fs_get_target(fs);
	const char *type = mnt_fs_get_fstype(fs);

	if (!type || !source || !target || !in_use_is_vital(target))
		return 0;
	if (!strcmp(type, "zfs"))
		return add_zfs_disks(machine, source, target, uses);
	if (!strcmp(type, "btrfs") && *name)
		return add_btrfs_disks(machine, name, target, uses);
	return 0;
}

/*
 * A device number tells the block device, except for file systems on several devices: they
 * have an anonymous number (major 0), and what is mounted names one of the devices at most.
 */
/* bcachefs names all members of a file system: "/dev/sda1:/dev/sdb1". */
static int add_members(const struct machine *machine, const char *source, const char *target,
		       struct in_uses *uses)
{
	int error = 0;

	while (source && !error) {
		const char *colon = strstr(source, ":/dev/");
		size_t length = colon ? (size_t)(colon - source) : strlen(source);
		char name[BLOCK_NAME_SIZE], member[ROOT_PATH_SIZE];

		string_copy(member, length < sizeof(member) ? length + 1 : sizeof(member), source);
		if (prefix_skip(member, "/dev/") && block_find(&machine->root, member, name))
			error = add_block(machine, name, target, uses);
		source = colon ? colon + 1 : NULL;
	}
	return error;
}

static int add_mount(const struct machine *machine, struct libmnt_fs *fs, struct in_uses *uses)
{
	const char *source = mnt_fs_get_source(fs), *target = mnt_fs_get_target(fs);
	dev_t number = mnt_fs_get_devno(fs);
	char name[BLOCK_NAME_SIZE], devno[32];
	bool found;
	int error;

	if (!major(number) && source && target && strstr(source, ":/dev/"))
		return add_members(machine, source, target, uses);
	snprintf(devno, sizeof(devno), "%u:%u", major(number), minor(number));
	found = major(number) ? block_find(&machine->root, devno, name)
			      : source && prefix_skip(source, "/dev/") &&
					block_find(&machine->root, source, name);
	error = found && target ? add_block(machine, name, target, uses) : 0;
	return error ? error : add_other_disks(machine, fs, found ? name : "", uses);
}

/* A swap file lies on a file system, and that is mounted. */
static int add_swap(const struct machine *machine, struct libmnt_fs *fs, struct in_uses *uses)
{
	const char *source = mnt_fs_get_source(fs);
	char name[BLOCK_NAME_SIZE];
	bool found = source && block_find(&machine->root, source, name);

	return found ? add_block(machine, name, "swap", uses) : 0;
}

static int add_each(const struct machine *machine, struct libmnt_table *table,
		    int (*add)(const struct machine *, struct libmnt_fs *, struct in_uses *),
		    struct in_uses *uses)
{
	_cleanup_(free_iterator) struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int error = table && iterator ? 0 : -ENOMEM;

	while (!error && !mnt_table_next_fs(table, iterator, &fs))
		error = add(machine, fs, uses);
	return error;
}

static int add_mounts(const struct machine *machine, struct in_uses *uses)
{
	_cleanup_(unref_table) struct libmnt_table *table =
		read_table(machine, "proc/self/mountinfo", mnt_table_parse_file);

	return add_each(machine, table, add_mount, uses);
}

static int add_swaps(const struct machine *machine, struct in_uses *uses)
{
	_cleanup_(unref_table) struct libmnt_table *table =
		read_table(machine, "proc/swaps", mnt_table_parse_swaps);

	return add_each(machine, table, add_swap, uses);
}

/* What the host mounts only now and then: a boot partition with noauto or x-systemd.automount. */
static int add_fstab_entry(const struct machine *machine, struct libmnt_fs *fs,
			   struct in_uses *uses)
{
	const char *source = mnt_fs_get_source(fs), *target = mnt_fs_get_target(fs);
	char name[BLOCK_NAME_SIZE];

	if (!source || !target || !in_use_is_vital(target) ||
	    !block_find(&machine->root, source, name))
		return 0;
	return add_block(machine, name, target, uses);
}

static int add_fstab(const struct machine *machine, struct in_uses *uses)
{
	_cleanup_(unref_table) struct libmnt_table *table =
		read_table(machine, "etc/fstab", mnt_table_parse_fstab);

	return add_each(machine, table, add_fstab_entry, uses);
}

/* proxmox-boot-tool mounts the partitions with these UUIDs, one a line, while it writes to them. */
static int add_proxmox_partitions(const struct machine *machine, struct in_uses *uses)
{
	struct text text = { 0 };
	int error =
		root_read_file(&machine->root, "etc/kernel/proxmox-boot-uuids", 64 * 1024, &text);

	error = error == -ENOMEM ? error : 0;
	for (const char *line = text_string(&text); line && !error; line = line_next(line)) {
		char uuid[64], source[80], name[BLOCK_NAME_SIZE];

		line_copy(uuid, sizeof(uuid), line);
		string_join(source, sizeof(source), "UUID=", uuid, NULL);
		if (*uuid && block_find(&machine->root, source, name))
			error = add_block(machine, name, IN_USE_ESP, uses);
	}
	text_done(&text);
	return error;
}

bool storage_root_is_zfs(const struct machine *machine)
{
	_cleanup_(unref_table) struct libmnt_table *table =
		read_table(machine, "proc/self/mountinfo", mnt_table_parse_file);
	struct libmnt_fs *fs = table ? mnt_table_find_target(table, "/", MNT_ITER_BACKWARD) : NULL;
	const char *type = fs ? mnt_fs_get_fstype(fs) : NULL;

	return type && !strcmp(type, "zfs");
}

/* Where the kernel would resume from (sys/power/resume, "0:0" for nowhere), and resume=. */
static int add_hibernation(const struct machine *machine, struct in_uses *uses)
{
	static const char what[] = "the hibernation image";
	char source[256], name[BLOCK_NAME_SIZE];
	const char *text = machine->cmdline.text ? machine->cmdline.text : "";
	int error = 0;

	if (root_read(&machine->root, "sys/power/resume", source, sizeof(source)) > 0 &&
	    strcmp(source, "0:0") && block_find(&machine->root, source, name))
		error = add_block(machine, name, what, uses);
	while (!error && *text) {
		const char *value;

		text += strspn(text, " \n");
		value = prefix_skip(text, "resume=");
		text += strcspn(text, " \n");
		if (!value || (size_t)(text - value) >= sizeof(source))
			continue;
		string_copy(source, text - value + 1, value);
		if (block_find(&machine->root, source, name))
			error = add_block(machine, name, what, uses);
	}
	return error;
}

/* All devices of each mounted btrfs: the kernel lists those, and only those, in sysfs. */
static int add_btrfs_devices(const struct machine *machine, const char *uuid, struct in_uses *uses)
{
	char path[ROOT_PATH_SIZE];
	char **names = NULL;
	size_t count = 0;
	int error;

	string_join(path, sizeof(path), FS_BTRFS "/", uuid, "/devices", NULL);
	/* "features" is no file system, and has none */
	error = root_names_if_any(&machine->root, path, &names, &count);
	for (size_t i = 0; i < count && !error; i++)
		error = add_block(machine, names[i], "a mounted btrfs", uses);
	names_free(names, count);
	return error;
}

static int add_btrfs(const struct machine *machine, struct in_uses *uses)
{
	return in_uses_add_each(machine, FS_BTRFS, add_btrfs_devices, uses);
}

static int add_zfs_member(const struct machine *machine, const char *name, struct in_uses *uses)
{
	char pool[256], path[ROOT_PATH_SIZE];
	struct text text = { 0 };
	bool imported, labelled;
	int error;

	if (!is_zfs_member(&machine->root, name))
		return 0;
	labelled = block_property(&machine->root, name, "ID_FS_LABEL", pool, sizeof(pool));
	imported = labelled && string_join(path, sizeof(path), ZFS_POOLS "/", pool, NULL) &&
		   root_has(&machine->root, path);
	text_add(&text, "ZFS pool ", labelled ? pool : "of unknown name", " (", name, ")");
	error = text_error(&text);
	if (!error)
		error = block_add_use(machine, name, text_string(&text), imported, uses);
	text_done(&text);
	return error;
}

/* ZFS tells nothing of its disks in sysfs, only which pools are imported. */
static int add_zfs(const struct machine *machine, struct in_uses *uses)
{
	if (!root_has(&machine->root, ZFS_POOLS))
		return 0;
	return in_uses_add_each(machine, CLASS_BLOCK, add_zfs_member, uses);
}

int storage_add_uses(const struct machine *machine, struct in_uses *uses)
{
	static int (*const sources[])(const struct machine *, struct in_uses *) = {
		add_mounts,	 add_swaps, add_fstab, add_proxmox_partitions,
		add_hibernation, add_btrfs, add_zfs
	};
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sources) && !error; i++)
		error = sources[i](machine, uses);
	return error;
}

/* "active volume vmdata-vm--100--disk--0 (dm-1)", of LVM, MD, LUKS, multipath or bcache */
static int add_active_block(const struct machine *machine, const char *name, struct in_uses *uses)
{
	char path[ROOT_PATH_SIZE], volume[128];
	struct text text = { 0 };
	char **slaves = NULL;
	size_t count = 0;
	int error;

	string_join(path, sizeof(path), CLASS_BLOCK "/", name, "/slaves", NULL);
	error = root_names_if_any(&machine->root, path, &slaves, &count);
	names_free(slaves, count);
	if (error || !count)
		return error;
	string_join(path, sizeof(path), CLASS_BLOCK "/", name, "/dm/name", NULL);
	if (root_read(&machine->root, path, volume, sizeof(volume)) <= 0)
		string_copy(volume, sizeof(volume), name);
	text_add(&text, "active volume ", volume);
	if (strcmp(volume, name))
		text_add(&text, " (", name, ")");
	error = text_error(&text);
	if (!error)
		error = block_add_use(machine, name, text_string(&text), false, uses);
	text_done(&text);
	return error;
}

/* A block device that a process has open: `directory` is its proc/PID/fd. */
static int add_open_files(const struct machine *machine, const char *directory, const char *command,
			  struct in_uses *uses)
{
	char path[ROOT_PATH_SIZE], target[256], block[BLOCK_NAME_SIZE], what[256];
	char **names = NULL;
	size_t count = 0;
	int error = 0;

	if (root_names(&machine->root, directory, &names, &count))
		return 0; /* it has ended, or belongs to somebody else */
	for (size_t i = 0; i < count && !error; i++) {
		string_join(path, sizeof(path), directory, "/", names[i], NULL);
		if (root_link(&machine->root, path, target, sizeof(target)) ||
		    !prefix_skip(target, "/dev/") || !block_find(&machine->root, target, block))
			continue;
		string_join(what, sizeof(what), "open in ", command, " (", block, ")", NULL);
		error = block_add_use(machine, block, what, false, uses);
	}
	names_free(names, count);
	return error;
}

/* Disks that a running guest has open leave no other trace in sysfs or /proc. */
static int add_guest(const struct machine *machine, const char *process, struct in_uses *uses)
{
	char path[ROOT_PATH_SIZE], command[32];

	if (process[0] < '0' || process[0] > '9')
		return 0;
	string_join(path, sizeof(path), "proc/", process, "/comm", NULL);
	if (root_read(&machine->root, path, command, sizeof(command)) <= 0 ||
	    (!strstr(command, "qemu") && strcmp(command, "kvm")))
		return 0;
	string_join(path, sizeof(path), "proc/", process, "/fd", NULL);
	return add_open_files(machine, path, command, uses);
}

int storage_add_possible_uses(const struct machine *machine, struct in_uses *uses)
{
	int error = in_uses_add_each(machine, CLASS_BLOCK, add_active_block, uses);

	return error ? error : in_uses_add_each(machine, "proc", add_guest, uses);
}
