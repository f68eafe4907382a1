/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firmware's display: a machine that loses it boots blind. */

#include "display.h"

#include <string.h>

#define RESOURCE_SIZE 1024 /* the resource attribute: 57 bytes a line, 13 to 17 lines */
#define IOMEM_MAX (256 * 1024)

/* FIRST-LAST : NAME, indented by its depth (r_show() in kernel/resource.c of Linux) */
static const char *parse_iomem_line(const char *line, struct memory_range *ret)
{
	const char *p = number_parse(line + strspn(line, " "), 16, UINT64_MAX, &ret->first);

	if (!p || *p != '-')
		return NULL;
	p = number_parse(p + 1, 16, UINT64_MAX, &ret->last);
	return p ? prefix_skip(p, " : ") : NULL;
}

/* Who asks for a framebuffer's memory: sysfb's device and the drivers that bind to it. */
static bool is_framebuffer(const char *name)
{
	static const char *const names[] = {
		"BOOTFB",      "efifb",	 "vesafb",  "simplefb", "simpledrm", "simple-framebuffer",
		"corebootdrm", "efidrm", "vesadrm", "ofdrm",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (prefix_skip(name, names[i]))
			return true;
	return false;
}

static void read_framebuffers(const struct root *root, struct framebuffers *framebuffers)
{
	struct text text = { 0 };

	framebuffers->read = true;
	if (root_read_proc(root, "proc/iomem", IOMEM_MAX, &text) < 0)
		goto out;
	for (const char *line = text_string(&text); line; line = line_next(line)) {
		struct memory_range range;
		const char *name;

		name = parse_iomem_line(line, &range);
		/* An ordinary user sees zeros for addresses: last is 0 then. */
		if (!name || !range.last || !is_framebuffer(name))
			continue;
		if (framebuffers->count < ARRAY_SIZE(framebuffers->ranges))
			framebuffers->ranges[framebuffers->count++] = range;
	}
out:
	text_done(&text);
}

/* 0xFIRST 0xLAST 0xFLAGS (resource_show() in drivers/pci/pci-sysfs.c of Linux) */
static const char *parse_bar(const char *line, struct memory_range *ret)
{
	const char *p = prefix_skip(line, "0x");

	p = p ? number_parse(p, 16, UINT64_MAX, &ret->first) : NULL;
	p = p ? prefix_skip(p, " 0x") : NULL;
	return p ? number_parse(p, 16, UINT64_MAX, &ret->last) : NULL;
}

static bool overlaps_any(const struct framebuffers *framebuffers, const struct memory_range *range)
{
	for (size_t i = 0; i < framebuffers->count; i++)
		if (range->first <= framebuffers->ranges[i].last &&
		    range->last >= framebuffers->ranges[i].first)
			return true;
	return false;
}

static bool has_framebuffer(const struct root *root, const char *directory,
			    const struct framebuffers *framebuffers)
{
	char path[96], resource[RESOURCE_SIZE];

	string_join(path, sizeof(path), directory, "/resource", NULL);
	root_read(root, path, resource, sizeof(resource));
	for (const char *line = resource; line; line = line_next(line)) {
		struct memory_range bar;

		if (parse_bar(line, &bar) && bar.last && overlaps_any(framebuffers, &bar))
			return true;
	}
	return false;
}

bool display_is_boot(const struct root *root, const char *directory,
		     struct framebuffers *framebuffers)
{
	char path[96], boot_vga[4];

	string_join(path, sizeof(path), directory, "/boot_vga", NULL);
	if (root_read(root, path, boot_vga, sizeof(boot_vga)) > 0 && !strcmp(boot_vga, "1"))
		return true;
	if (!framebuffers->read)
		read_framebuffers(root, framebuffers);
	return framebuffers->count && has_framebuffer(root, directory, framebuffers);
}
