/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's network: the default routes, and which interfaces carry them or are up. */

#include "inuse/network.h"

#include <string.h>

#define CLASS_NET "sys/class/net"
#define LAYERS_MAX 8		  /* of interfaces, as dev_get_iflink() allows in Linux */
#define OVS_DATAPATH "ovs-system" /* the kernel's part of Open vSwitch, for all its bridges */
#define ROUTES_MAX (4 * 1024 * 1024)
#define INTERFACE_SIZE 64 /* of a name; Linux allows 15 bytes */

#define IFF_UP 1	 /* include/uapi/linux/if.h */
#define RTF_REJECT 0x200 /* include/uapi/linux/route.h */

/* Of one table of the kernel: which of its blank-separated fields say what, from 0. */
struct route_table {
	const char *path;
	unsigned int zeros[2]; /* fields that are all zeros in a default route */
	unsigned int flags, interface;
};

/* fib_route_seq_show() in net/ipv4/fib_trie.c, rt6_info_route() in net/ipv6/route.c of Linux */
static const struct route_table tables[] = {
	{ "proc/net/route", { 1, 7 }, 3, 0 },	   /* destination, mask */
	{ "proc/net/ipv6_route", { 0, 1 }, 8, 9 }, /* destination, length of its prefix */
};

/* The field of a line, without the blanks around it, in INTERFACE_SIZE bytes. */
static void read_field(const char *line, unsigned int field, char *value)
{
	static const char blanks[] = " \t";
	size_t length;

	line += strspn(line, blanks);
	while (field--) {
		line += strcspn(line, " \t\n");
		line += strspn(line, blanks);
	}
	length = strcspn(line, " \t\n");
	string_copy(value, length < INTERFACE_SIZE ? length + 1 : INTERFACE_SIZE, line);
}

static bool is_default(const struct route_table *table, const char *line, char *interface)
{
	char field[INTERFACE_SIZE];
	uint64_t flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table->zeros); i++) {
		read_field(line, table->zeros[i], field);
		if (!*field || field[strspn(field, "0")])
			return false;
	}
	read_field(line, table->flags, field);
	if (!number_parse(field, 16, UINT32_MAX, &flags) || flags & RTF_REJECT)
		return false;
	read_field(line, table->interface, interface);
	return *interface && strcmp(interface, "lo");
}

struct interface_walk {
	const struct machine *machine;
	const char *what;
	struct in_uses *uses;
};

static int descend(const struct interface_walk *descent, const char *interface, int layers);

/*
 * The interfaces below: links called lower_NAME in its directory. Sets `*ret_found` if there is
 * one.
 */
static int descend_lower(const struct interface_walk *descent, const char *directory, int layers,
			 bool *ret_found)
{
	char **names = NULL;
	size_t count = 0;
	int error = root_names_if_any(&descent->machine->root, directory, &names, &count);

	for (size_t i = 0; i < count && !error; i++) {
		const char *lower = prefix_skip(names[i], "lower_");

		*ret_found = *ret_found || lower;
		error = lower ? descend(descent, lower, layers) : 0;
	}
	names_free(names, count);
	return error;
}

/*
 * Open vSwitch makes an interface for each of its bridges, without a link to the bridge's ports.
 * The ports, which ovs-vswitchd alone can assign to bridges, are below the datapath and have it as
 * their master (netdev_create() in net/openvswitch/vport-netdev.c of Linux). So an interface that
 * is connected to nothing may lead to any of the ports.
 */
static int descend_datapath(const struct interface_walk *descent, const char *interface, int layers)
{
	char path[ROOT_PATH_SIZE];
	bool found = false;

	string_join(path, sizeof(path), CLASS_NET "/", interface, "/master", NULL);
	if (root_has(&descent->machine->root, path))
		return 0;
	return descend_lower(descent, CLASS_NET "/" OVS_DATAPATH, layers, &found);
}

static int descend(const struct interface_walk *descent, const char *interface, int layers)
{
	char path[ROOT_PATH_SIZE], link[ROOT_PATH_SIZE];
	bool found = false;
	int error;

	string_join(path, sizeof(path), CLASS_NET "/", interface, NULL);
	if (!layers || root_link(&descent->machine->root, path, link, sizeof(link)))
		return 0;
	error = in_uses_add(descent->uses, descent->machine, link, descent->what, true);
	if (!error)
		error = descend_lower(descent, path, layers - 1, &found);
	if (!error && !found && strstr(link, "/virtual/"))
		error = descend_datapath(descent, interface, layers - 1);
	return error;
}

static int add_interface(const struct machine *machine, const char *interface, struct in_uses *uses)
{
	char what[INTERFACE_SIZE + 32];
	const struct interface_walk descent = { machine, what, uses };

	string_join(what, sizeof(what), "the default route (", interface, ")", NULL);
	return descend(&descent, interface, LAYERS_MAX);
}

static int add_table(const struct machine *machine, const struct route_table *table,
		     struct in_uses *uses)
{
	struct text text = { 0 };
	int error = root_read_proc(&machine->root, table->path, ROUTES_MAX, &text);

	error = error == -ENOMEM ? error : 0;
	for (const char *line = text_string(&text); line && !error; line = line_next(line)) {
		char interface[INTERFACE_SIZE];

		if (is_default(table, line, interface))
			error = add_interface(machine, interface, uses);
	}
	text_done(&text);
	return error;
}

int network_add_uses(const struct machine *machine, struct in_uses *uses)
{
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables) && !error; i++)
		error = add_table(machine, &tables[i], uses);
	return error;
}

/* "network interface eno2, part of vmbr1", or "..., up"; nothing for one that is neither. */
static int add_active_interface(const struct machine *machine, const char *interface,
				struct in_uses *uses)
{
	char path[ROOT_PATH_SIZE], link[ROOT_PATH_SIZE], master[INTERFACE_SIZE], flags[32];
	char what[2 * INTERFACE_SIZE + 64];
	uint64_t bits = 0;

	string_join(path, sizeof(path), CLASS_NET "/", interface, "/master", NULL);
	if (root_link_name(&machine->root, path, master, sizeof(master)))
		master[0] = '\0';
	string_join(path, sizeof(path), CLASS_NET "/", interface, "/flags", NULL);
	if (root_read(&machine->root, path, flags, sizeof(flags)) > 2)
		number_parse(flags + 2, 16, UINT32_MAX, &bits);
	if (!*master && !(bits & IFF_UP))
		return 0;
	string_join(path, sizeof(path), CLASS_NET "/", interface, NULL);
	if (root_link(&machine->root, path, link, sizeof(link)))
		return 0;
	string_join(what, sizeof(what), "network interface ", interface,
		    *master ? ", part of " : ", up", master, NULL);
	return in_uses_add(uses, machine, link, what, false);
}

int network_add_possible_uses(const struct machine *machine, struct in_uses *uses)
{
	return in_uses_add_each(machine, CLASS_NET, add_active_interface, uses);
}
