/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver=auto: which vfio variant driver was made for a function. */

#include "alias.h"

#include <string.h>

#include "conf.h"

/*
 * v00008086d000010D3sv*sd*bc*sc*i*: after the pattern and a blank, and the number of its stars; or
 * NULL where it does not match.
 */
static const char *match_pattern(const char *pattern, const uint32_t values[PCI_MODALIAS_FIELDS],
				 unsigned int *stars)
{
	for (int i = 0; i < PCI_MODALIAS_FIELDS; i++) {
		uint32_t value;

		pattern = pci_modalias_field(pattern, i, &value);
		if (pattern && *pattern == '*') {
			++*stars;
			pattern++;
		} else if (!pattern || value != values[i]) {
			return NULL;
		}
	}
	return prefix_skip(pattern, " ");
}

void alias_best_driver(const char *aliases, const struct pci_function *function, char *driver)
{
	const uint32_t values[PCI_MODALIAS_FIELDS] = {
		function->id.vendor,	    function->id.device,   function->subsystem.vendor,
		function->subsystem.device, function->class >> 16, function->class >> 8 & 0xff,
		function->class & 0xff,
	};
	unsigned int fewest = PCI_MODALIAS_FIELDS; /* vfio-pci's own line */

	string_copy(driver, PCI_DRIVER_SIZE, CONF_DRIVER_DEFAULT);
	for (const char *line = aliases; line; line = line_next(line)) {
		const char *module;
		unsigned int stars = 0;

		module = prefix_skip(line, ALIAS_PREFIX);
		module = module ? match_pattern(module, values, &stars) : NULL;
		if (!module || stars >= fewest)
			continue;
		fewest = stars;
		line_copy(driver, PCI_DRIVER_SIZE, module);
	}
}
