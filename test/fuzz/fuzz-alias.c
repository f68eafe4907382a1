/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modules.alias: whatever is in it, driver=auto comes to a name. */

#include "fuzz.h"

#include "alias.h"
#include "conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pci_function function = {
		.id = { 0x8086, 0x10d3 },
		.subsystem = { 0x1458, 0x3702 },
		.class = 0x020000,
	};
	char *text = fuzz_string(data, size), driver[PCI_DRIVER_SIZE];

	alias_best_driver(text, &function, driver);
	CLAIM(strlen(driver) < sizeof(driver) && !strchr(driver, '\n'));
	CLAIM(!strcmp(driver, CONF_DRIVER_DEFAULT) || strstr(text, driver));
	free(text);
	return 0;
}
