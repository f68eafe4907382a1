/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keyboards of the machine, and which controllers they hang on. */

#include "inuse/keyboard.h"

#include <string.h>

#define INPUT_DEVICES "proc/bus/input/devices"
#define INPUT_DEVICES_MAX (1024 * 1024)

/* One paragraph of INPUT_DEVICES: what of it is needed. */
struct input {
	char name[80];
	char link[ROOT_PATH_SIZE]; /* its place in sysfs */
	bool keyboard;
};

/*
 * B: KEY=... 3803078f800d001 feffffdfffefffff fffffffffffffffe: words from the highest down. A
 * keyboard has the keys 1 to 31, ESC to S (as udev's input_id has it).
 */
static bool has_all_keys(const char *bits)
{
	char line[256];
	const char *word;
	uint64_t value = 0;

	line_copy(line, sizeof(line), bits);
	word = strrchr(line, ' ');
	return number_parse(word ? word + 1 : line, 16, UINT64_MAX, &value) &&
	       (value & 0xfffffffe) == 0xfffffffe;
}

/* Reads the paragraph at `*text` and moves on; false at the end. */
static bool next_input(const char **text, struct input *ret)
{
	const char *line = *text;

	*ret = (struct input){ 0 };
	if (!line || !*line)
		return false;
	for (; line && *line && *line != '\n'; line = line_next(line)) {
		const char *name = prefix_skip(line, "N: Name=\"");
		const char *place = prefix_skip(line, "S: Sysfs=");
		const char *keys = prefix_skip(line, "B: KEY=");

		if (name)
			line_copy(ret->name, sizeof(ret->name), name);
		if (place)
			line_copy(ret->link, sizeof(ret->link), place);
		if (keys)
			ret->keyboard = has_all_keys(keys);
	}
	ret->name[strcspn(ret->name, "\"")] = '\0';
	*text = line ? line_next(line) : NULL;
	return true;
}

int keyboard_find(const struct machine *machine, struct in_uses *uses, size_t *ret_elsewhere)
{
	struct text text = { 0 };
	int error = root_read_proc(&machine->root, INPUT_DEVICES, INPUT_DEVICES_MAX, &text);
	const char *cursor = text_string(&text);
	struct input input;
	size_t elsewhere = 0;

	error = error == -ENOMEM ? error : 0;
	while (!error && next_input(&cursor, &input)) {
		/* What a program made up (uinput) is no keyboard to sit in front of. */
		if (!input.keyboard || strstr(input.link, "/virtual/"))
			continue;
		elsewhere += !strstr(input.link, "/pci");
		error = in_uses_add(uses, machine, input.link, input.name, true);
	}
	text_done(&text);
	if (!error)
		*ret_elsewhere = elsewhere;
	return error;
}
