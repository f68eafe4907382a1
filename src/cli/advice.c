/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to do next, in the words of what is installed. */

#include "advice.h"

#include "util.h"

const char *advice_rebuild(const struct root *root)
{
	/* Debian's dracut brings an update-initramfs of its own: where that is, it is right. */
	static const struct {
		const char *path, *command;
	} generators[] = {
		{ "usr/sbin/update-initramfs", "update-initramfs -u" },
		{ "usr/bin/dracut", "dracut --force --regenerate-all" },
		{ "usr/sbin/dracut", "dracut --force --regenerate-all" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(generators); i++)
		if (root_has(root, generators[i].path))
			return generators[i].command;
	return generators[0].command;
}

void advice_add_rebuild(const struct root *root, struct text *text)
{
	text_add(text, advice_rebuild(root), ", then reboot");
}
