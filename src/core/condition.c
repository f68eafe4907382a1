/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule against one function. */

#include "condition.h"

/* Conditions on what modalias does not have. */
#define UNREAD (CONDITION_PATH | CONDITION_SERIAL)

unsigned int condition_missed(const struct rule *rule, const struct pci_function *function)
{
	unsigned int given = rule->given, met = 0;

	if (given & CONDITION_ADDRESS &&
	    pci_address_compare(&rule->address, &function->address) == 0)
		met |= CONDITION_ADDRESS;
	if (pci_id_equal(&rule->id, &function->id))
		met |= CONDITION_ID;
	if (pci_id_equal(&rule->subsystem, &function->subsystem))
		met |= CONDITION_SUBSYSTEM;
	if (pci_class_has_prefix(function->class, rule->class, rule->class_digits))
		met |= CONDITION_CLASS;
	if (function->known & PCI_PATH && pci_path_equal(&rule->path, &function->path))
		met |= CONDITION_PATH;
	if (function->known & PCI_SERIAL && rule->serial == function->serial)
		met |= CONDITION_SERIAL;
	return given & CONDITIONS & ~met;
}

static bool may_have_path(const struct pci_function *function, const struct pci_path *path)
{
	return path->domain == function->address.domain &&
	       path->devfn[path->hops - 1] ==
		       (function->address.device << 3 | function->address.function);
}

static unsigned int rule_needs(const struct rule *rule, const struct pci_function *function)
{
	unsigned int missed = condition_missed(rule, function);
	unsigned int needs = 0;

	if (rule->statement == STATEMENT_BIND &&
	    (rule->with != WITH_NOTHING || !(missed & ~UNREAD))) {
		needs |= pci_is_display(function) ? PCI_DISPLAY : 0;
		needs |= pci_may_be_bridge(function) ? PCI_HEADER : 0;
	}
	/* Also where the rest misses: the report says what is at that path instead. */
	if (rule->given & CONDITION_PATH && may_have_path(function, &rule->path))
		needs |= PCI_PATH;
	/* The address is left out: where it misses, the report says where the device went. */
	if (missed & ~(UNREAD | CONDITION_ADDRESS))
		return needs;
	if (rule->given & CONDITION_SERIAL)
		needs |= PCI_SERIAL;
	if (rule->with == WITH_GROUP && !(missed & CONDITION_ADDRESS))
		needs |= PCI_GROUP;
	return needs;
}

unsigned int condition_needs(const struct conf *conf, const struct cmdline *cmdline,
			     const struct pci_function *function)
{
	bool any_rule = pci_is_display(function) || pci_may_be_bridge(function);
	unsigned int needs = 0;

	for (size_t i = 0; i < conf->count; i++) {
		const struct rule *rule = &conf->rules[i];

		/* Most lines need nothing of most functions: asked for each line and function. */
		if (!any_rule && !(rule->given & UNREAD) && rule->with != WITH_GROUP)
			continue;
		if (cmdline_activates(cmdline, rule))
			needs |= rule_needs(rule, function);
	}
	return needs;
}
