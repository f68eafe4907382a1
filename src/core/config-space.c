/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration space of functions. Unlike the other attributes of sysfs, `config` asks the
 * device: pci_read_config() in drivers/pci/pci-sysfs.c of Linux wakes it up first.
 */

#include "config-space.h"

#include "attribute.h"
#include "deadline.h"

/* Beyond 64 bytes `config` is for root only: an ordinary user sees no serial number. */
static void read_serial(const struct root *root, struct pci_function *function)
{
	char path[DEVICE_PATH_SIZE];
	uint8_t space[4096 - 256];
	ssize_t length = root_read_at(root, device_path(&function->address, "config", path), space,
				      sizeof(space), 256);

	if (length > 0)
		function->serial = pci_extended_serial(space, length);
}

/* Offset 14 of the configuration space, without the bit for "has several functions". */
static void read_header(const struct root *root, struct pci_function *function)
{
	char path[DEVICE_PATH_SIZE];
	uint8_t space[16];

	if (root_read_at(root, device_path(&function->address, "config", path), space,
			 sizeof(space), 0) == sizeof(space))
		function->header_type = space[14] & 0x7f;
}

void config_space_read(const struct root *root, struct pci_function *function, unsigned int details)
{
	if (details & PCI_SERIAL)
		read_serial(root, function);
	if (details & PCI_HEADER)
		read_header(root, function);
	function->known |= details;
}

enum answer_state { ANSWER_NONE, ANSWER_AWAITED, ANSWER_HERE };

/* What the child found out about the function with the same index. */
struct answer {
	uint64_t serial;
	uint8_t header_type;
	uint8_t state; /* enum answer_state */
};

struct work {
	const struct root *root;
	struct pci_snapshot *snapshot; /* the child has a copy */
	const uint8_t *details;
	struct progress *progress; /* shared with the child; the answers follow it */
	struct answer *answers;
};

static void ask(void *context)
{
	struct work *work = context;

	for (size_t i = 0; i < work->snapshot->count && !work->progress->stop; i++) {
		struct pci_function *function = &work->snapshot->functions[i];
		struct answer *answer = &work->answers[i];

		if (!work->details[i] || answer->state != ANSWER_NONE)
			continue;
		work->progress->steps++;
		answer->state = ANSWER_AWAITED;
		config_space_read(work->root, function, work->details[i]);
		answer->serial = function->serial;
		answer->header_type = function->header_type;
		answer->state = ANSWER_HERE;
	}
}

/* Returns whether a function is still to be asked: again, if its child ended without an answer. */
static bool has_next(const struct work *work, enum deadline end)
{
	bool next = false;

	for (size_t i = 0; i < work->snapshot->count; i++) {
		struct answer *answer = &work->answers[i];

		if (answer->state == ANSWER_AWAITED && end == DEADLINE_ENDED)
			answer->state = ANSWER_NONE;
		next |= work->details[i] && answer->state == ANSWER_NONE;
	}
	return next;
}

/* A child that hangs is left behind, and the next one asks the functions after that one. */
static void ask_all(struct work *work, bool shared)
{
	unsigned int budget = CONFIG_SPACE_DEADLINE_MS;
	enum deadline end = DEADLINE_GAVE_UP;

	while (shared && budget && end != DEADLINE_NO_CHILD && has_next(work, end)) {
		end = deadline_run(ask, work, work->progress, budget / 2, &budget);
		budget /= 2;
	}
	if (!shared || end == DEADLINE_NO_CHILD)
		ask(work);
}

static void take_answers(const struct work *work)
{
	for (size_t i = 0; i < work->snapshot->count; i++) {
		struct pci_function *function = &work->snapshot->functions[i];
		const struct answer *answer = &work->answers[i];

		if (answer->state != ANSWER_HERE)
			continue;
		function->serial = answer->serial;
		function->header_type = answer->header_type;
		function->known |= work->details[i];
	}
}

int config_space_read_all(const struct root *root, struct pci_snapshot *snapshot,
			  const uint8_t *details)
{
	size_t size = sizeof(struct progress) + snapshot->count * sizeof(struct answer);
	void *memory = shared_allocate(size);
	bool shared = memory;
	struct work work = { .root = root, .snapshot = snapshot, .details = details };

	if (!shared)
		memory = calloc(1, size);
	if (!memory)
		return -ENOMEM;
	work.progress = memory;
	work.answers = (struct answer *)(work.progress + 1);
	ask_all(&work, shared);
	take_answers(&work);
	shared_free(memory, shared ? size : 0);
	return 0;
}
