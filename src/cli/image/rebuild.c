/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the images of all installed kernels are built anew here. */

#include "image/rebuild.h"

#include <stdio.h>

#include "util.h"

static const char *const initramfs_tools[] = { "update-initramfs", "-u", "-k", "all", NULL };
static const char *const dracut[] = { "dracut", "--force", "--regenerate-all", NULL };
static const char *const proxmox[] = { "proxmox-boot-tool", "refresh", NULL };

/* Debian's dracut brings an update-initramfs of its own: where that is, it is right. */
static const char *const *const generators[] = { initramfs_tools, dracut };

static bool has_program(const struct root *root, const char *name)
{
	static const char *const places[] = { "usr/local/sbin", "usr/sbin", "usr/local/bin",
					      "usr/bin",	"sbin",	    "bin" };
	char path[ROOT_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (string_join(path, sizeof(path), places[i], "/", name, NULL) &&
		    root_has(root, path))
			return true;
	return false;
}

void rebuild_plan(const struct root *root, struct rebuild *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(generators) && !ret->count; i++)
		if (has_program(root, generators[i][0]))
			ret->steps[ret->count++] = generators[i];
	if (ret->count && has_program(root, proxmox[0]))
		ret->steps[ret->count++] = proxmox;
}
