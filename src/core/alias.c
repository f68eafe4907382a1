/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver=auto: which vfio variant driver was made for a function. */

#include "alias.h"

#include <string.h>

#include "conf.h"

#define FIELDS 7

/*
 * v00008086d000010D3sv*sd*bc*sc*i*: seven fields in this order, each a number of fixed width or
 * "*" for any (do_pci_entry() in scripts/mod/file2alias.c of Linux). Behind the pattern and the
 * number of its stars, or NULL where it does not match.
 */
static const char *match_pattern(const char *pattern, const uint32_t values[FIELDS],
				 unsigned int *stars)
{
	static const struct {
		char name[3];
		uint8_t digits;
	} fields[FIELDS] = {
		{ "v", 8 },  { "d", 8 },  { "sv", 8 }, { "sd", 8 },
		{ "bc", 2 }, { "sc", 2 }, { "i", 2 },
	};

	for (int i = 0; i < FIELDS; i++) {
		uint32_t value;

		pattern = prefix_skip(pattern, fields[i].name);
		if (pattern && *pattern == '*') {
			++*stars;
			pattern++;
			continue;
		}
		pattern = pattern ? hex_parse(pattern, fields[i].digits, &value) : NULL;
		if (!pattern || value != values[i])
			return NULL;
	}
	return prefix_skip(pattern, " ");
}

void alias_best_driver(const char *aliases, const struct pci_function *function,
		       char *driver)
{
	const uint32_t values[FIELDS] = {
		function->id.vendor,	    function->id.device,
		function->subsystem.vendor, function->subsystem.device,
		function->class >> 16,	    function->class >> 8 & 0xff,
		function->class & 0xff,
	};
	unsigned int fewest = FIELDS; /* so many has vfio-pci's own line */

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
