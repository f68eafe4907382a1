/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_COLUMNS_H
#define VFIO_EARLY_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "display.h"
#include "inuse/in-use.h"
#include "machine/machine.h"
#include "machine/names.h"
#include "machine/resolver.h"

/* What a column is in JSON, beside enum table_flag; text without either. */
enum column_flag {
	COLUMN_NUMBER = 1 << 8,
	COLUMN_BOOLEAN = 1 << 9, /* for the cells "1" and "0" */
};

/* What some columns need, and is loaded only for them. */
enum column_need {
	NEED_MODULES = 1 << 0,
	NEED_USES = 1 << 1,
	NEED_ROOT = 1 << 2, /* an ordinary user is told that the column may be empty */
};

/* What is listed: the cells are made of it. */
struct listing {
	bool json; /* full words, for programs */
	struct machine machine;
	struct names *names;
	struct resolver *resolver; /* for NEED_MODULES; NULL: the modules can't be read */
	struct in_uses uses;	   /* for NEED_USES */
	struct framebuffers framebuffers;
};

/* A function, and the claim that speaks for it or NULL. */
struct row {
	const struct pci_function *function;
	const struct claim *claim;
	int group; /* -1 for none */
};

struct column {
	char name[12];
	unsigned int flags; /* enum table_flag and enum column_flag */
	double width;	    /* that is enough, if need be; 0: as wide as its content */
	unsigned int shown; /* to people or in JSON, without being asked for */
	unsigned int needs; /* enum column_need */
	/* Adds the cell of `row`; nothing for an empty one. */
	void (*get)(struct listing *listing, const struct row *row, struct text *text);
};

#define COLUMNS_MAX 32

/* Those chosen, in their order; each once. */
struct columns {
	const struct column *items[COLUMNS_MAX];
	size_t count;
};

/*
 * Chooses columns by `words`, ["+"] NAME {"," NAME}: these, or with + these beside the usual ones
 * (for people, or in JSON), which NULL stands for; "all" names all. False, with a complaint, for
 * one that there isn't.
 */
bool columns_choose(struct columns *ret, const char *words, bool json);

/* What they need together: enum column_need. */
unsigned int columns_needs(const struct columns *columns);

#endif
