/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_SURVEY_H
#define VFIO_EARLY_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "inuse/inuse.h"
#include "machine.h"
#include "resolve.h"
#include "text.h"
#include "util.h"

/* What is looked at in search of dangers. */
struct survey {
	const struct machine *machine;
	struct in_uses uses; /* of the host */
	struct in_uses keyboards;
	size_t other_keyboards; /* on no PCI function */
	bool iommu_is_off;
	struct resolver *resolver; /* NULL: the kernel's modules can't be read */
};

/* A danger being found: there is one if `text` is not empty. */
struct finding {
	bool refuses;
	bool allowed;
	struct text text, remedy; /* as in struct danger */
};

/* 0 or -ENOMEM; in either case survey_done() frees what `ret` has. */
int survey_make(const struct machine *machine, struct survey *ret) _must_check_;
void survey_done(struct survey *survey);

/* Will the boot program take the claim's function, as far as the match can tell? */
bool survey_is_taken(const struct claim *claim);

/* The claim that takes `function`, or NULL. */
const struct claim *survey_claim(const struct survey *survey,
				 const struct pci_function *function);

/* Adds "write WORD on /etc/vfio-early.conf:3" to the remedy. */
void finding_add_word(struct finding *finding, const char *word, const struct rule *rule);

#endif
