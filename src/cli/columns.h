/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_COLUMNS_H
#define VFIO_EARLY_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "danger/survey.h"
#include "inuse/in-use.h"
#include "lib/json.h"
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
	NEED_SURVEY = 1 << 1,
	NEED_ATTACHED = 1 << 2,
	NEED_SERIAL = 1 << 3, /* an ordinary user is told that the column may be empty */
};

/* What is listed: the cells are made of it. Starts zeroed; listing_done() frees it. */
struct listing {
	bool json; /* full words, for programs */
	struct machine machine;
	struct names *names;
	struct resolver *resolver; /* for NEED_MODULES; NULL: the modules can't be read */
	struct survey survey;	   /* for NEED_SURVEY */
	struct findings dangers;   /* NEED_SURVEY: what keeps every device from a guest */
	struct in_uses attached;   /* for NEED_ATTACHED */
};

/*
 * Loads what columns need (enum column_need) of `listing->machine`, which is loaded. `drivers`: the
 * survey is also about drivers. 0 or -ENOMEM.
 */
int listing_load(struct listing *listing, unsigned int needs, bool drivers) _must_check_;
void listing_done(struct listing *listing);

/* A function, and its claim or NULL. */
struct row {
	const struct pci_function *function;
	const struct claim *claim;
	int group; /* -1 for none */
};

struct row row_of(const struct listing *listing, const struct pci_function *function);

struct column {
	char name[12];
	unsigned int flags; /* enum table_flag and enum column_flag */
	unsigned int shown; /* to people or in JSON, without being asked for */
	unsigned int needs; /* enum column_need */
	/* Adds the cell of `row`; nothing for an empty one. */
	void (*get)(struct listing *listing, const struct row *row, struct text *text);
	/* Adds the same to JSON; NULL if it is the cell. */
	void (*add_json)(struct listing *listing, const struct row *row, struct json *json);
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

/* Adds the cell of the column `name` to `text`. */
void column_get(const char *name, struct listing *listing, const struct row *row,
		struct text *text);

/* Adds the object of a row, with the names of its columns in small letters as the keys. */
void columns_add_json(const struct columns *columns, struct listing *listing, const struct row *row,
		      struct json *json);

#endif
