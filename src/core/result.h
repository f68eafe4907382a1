/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_RESULT_H
#define VFIO_EARLY_RESULT_H

/*
 * How a line or a function ended, from best to worst: a line's result is the worst of its
 * functions'. The words are those of the report.
 */
enum result {
	RESULT_NONE,	  /* not decided yet */
	RESULT_ACTIVE,	  /* a keep, option or start line that counts */
	RESULT_INACTIVE,  /* below a [NAME] that this boot did not choose */
	RESULT_PLANNED,	  /* dry-run: would be bound */
	RESULT_BOUND,	  /* the target driver has it */
	RESULT_ABSENT,	  /* no such device */
	RESULT_AMBIGUOUS, /* more devices, or fewer, than the line says */
	RESULT_MISMATCH,  /* the device at that address or path is another one */
	RESULT_REFUSED,	  /* a keep line or a guard forbids it */
	RESULT_INVALID,	  /* not understood, or contradicted by another line */
	RESULT_FENCED,	  /* reserved for the target driver, which does not have it */
	RESULT_FAILED,	  /* a host driver has it, or can still come to have it */
};

/* The word, as "bound". */
const char *result_name(enum result result);

/* The result of that name, RESULT_NONE if there is none. */
enum result result_parse(const char *name);

#endif
