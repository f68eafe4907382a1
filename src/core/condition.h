/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_CONDITION_H
#define VFIO_EARLY_CONDITION_H

#include "cmdline.h"
#include "conf.h"
#include "pci.h"

/*
 * The conditions of `rule` (enum condition) that `function` does not meet. Details that were not
 * read are not met.
 */
unsigned int condition_missed(const struct rule *rule, const struct pci_function *function);

/*
 * Which details (enum pci_detail) of `function` the active rules need to be known. What its
 * uevent tells must be filled in.
 */
unsigned int condition_needs(const struct conf *conf, const struct cmdline *cmdline,
			     const struct pci_function *function);

#endif
