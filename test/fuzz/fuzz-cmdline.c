/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel command line: it chooses names only, and options are words of its own. */

#include "fuzz.h"

#include "cmdline.h"
#include "conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct cmdline cmdline = { 0 };
	struct text options = { 0 };

	CLAIM(cmdline_parse(&cmdline, text) == 0);
	CLAIM(cmdline.profile_count <= CMDLINE_PROFILES_MAX);
	for (size_t i = 0; i < cmdline.profile_count; i++)
		CLAIM(conf_name_is_good(cmdline.profiles[i]));
	if (cmdline.off || cmdline.dry_run || cmdline.profile_count || cmdline.wrong)
		CLAIM(strstr(text, "vfio_early="));
	cmdline_module_options(&cmdline, "vfio_pci", &options);
	CLAIM(text_error(&options) == 0 && options.length <= strlen(text));
	if (cmdline_blacklists(&cmdline, "vfio_pci"))
		CLAIM(strstr(text, "modprobe.blacklist="));
	text_done(&options);
	cmdline_done(&cmdline);
	free(text);
	return 0;
}
