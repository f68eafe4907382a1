/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of what can go wrong, and the words for each kind of it. */

#include "machine/finding.h"

#include <stdlib.h>
#include <string.h>

#define REBUILD "vfio-early apply"

static const struct {
	const char *name;
	enum severity severity;
	bool due;
	const char *remedy; /* NULL if it depends */
	const char *label;  /* NULL if it depends, or is in no table */
} kinds[] = {
	[FINDING_BOOT_DISPLAY] = { "boot-display", SEVERITY_DANGER, .label = "boot display" },
	[FINDING_IN_USE] = { "in-use", SEVERITY_DANGER },
	[FINDING_MAYBE_IN_USE] = { "maybe-in-use", SEVERITY_NOTE },
	[FINDING_KEYBOARD] = { "keyboard", SEVERITY_DANGER, .label = "only keyboard" },
	[FINDING_GROUP] = { "group", SEVERITY_DANGER },
	[FINDING_VFS] = { "virtual-functions", SEVERITY_DANGER },
	[FINDING_VF] = { "virtual-function", SEVERITY_DANGER },
	[FINDING_RESCUE] = { "rescue", SEVERITY_DANGER, .label = "no rescue" },
	[FINDING_NO_GROUP] = { "no-group", SEVERITY_DANGER, .label = "no IOMMU group" },
	[FINDING_CONTROLLER] = { "controller", SEVERITY_DANGER },
	[FINDING_DRIVER] = { "driver", SEVERITY_DANGER },
	[FINDING_BUILT_IN] = { "built-in", SEVERITY_NOTE, .label = "driver is built in" },
	[FINDING_NO_RESET] = { "no-reset", SEVERITY_NOTE, .label = "no reset" },
	[FINDING_ID_ALONE] = { "id-alone", SEVERITY_NOTE },
	[FINDING_NO_PATH] = { "no-path", SEVERITY_NOTE },
	[FINDING_KEEPS_NOTHING] = { "keeps-nothing", SEVERITY_NOTE, false,
				    "correct the line, or delete it" },
	[FINDING_IOMMU_OFF] = { "iommu-off", SEVERITY_DANGER },
	[FINDING_NO_INTERRUPT_REMAPPING] = { "no-interrupt-remapping", SEVERITY_DANGER },
	[FINDING_UNKNOWN_SWITCH] = { "unknown-switch", SEVERITY_DANGER },
	[FINDING_OTHER_RECIPE] = { "other-recipe", SEVERITY_NOTE,
				   .remedy = "\"vfio-early import\" prints which words to "
					     "delete" },
	[FINDING_NO_REPORT] = { "no-report", SEVERITY_DANGER, true, ADVICE_APPLY },
	[FINDING_OTHER_BOOT] = { "other-boot", SEVERITY_DANGER, true, ADVICE_APPLY },
	[FINDING_OFF] = { "off", SEVERITY_NOTE, true, "reboot without it" },
	[FINDING_DRY_RUN] = { "dry-run", SEVERITY_NOTE, true, "reboot without it" },
	[FINDING_STOPPED] = { "stopped", SEVERITY_DANGER, true, ADVICE_APPLY },
	[FINDING_EDITED] = { "edited", SEVERITY_NOTE, true, ADVICE_APPLY },
	[FINDING_UNREADABLE] = { "unreadable", SEVERITY_DANGER, false,
				 "build the image again: " REBUILD },
	[FINDING_MISSING] = { "missing", SEVERITY_DANGER, true, REBUILD },
	[FINDING_LEFTOVER] = { "leftover", SEVERITY_NOTE, true, REBUILD },
	[FINDING_PROGRAM] = { "program", SEVERITY_DANGER, true, REBUILD },
	[FINDING_CONFIG] = { "config", SEVERITY_DANGER, true, REBUILD },
	[FINDING_PLAN] = { "plan", SEVERITY_DANGER, true, REBUILD },
	[FINDING_MODULES] = { "modules", SEVERITY_DANGER, true, REBUILD },
	[FINDING_INIT] = { "init", SEVERITY_DANGER, true, REBUILD },
	[FINDING_SCRIPT] = { "script", SEVERITY_DANGER, true, REBUILD },
	[FINDING_ORDER] = { "order", SEVERITY_DANGER, false,
			    "make that file run later, or write \"start init\" in the "
			    "config: then vfio-early runs before everything else" },
	[FINDING_KERNEL] = { "kernel", SEVERITY_DANGER, false,
			     "remove the image, or install its kernel and its modules "
			     "again" },
	[FINDING_INSTALLED] = { "installed", SEVERITY_DANGER, false, "install vfio-early again" },
};

struct finding finding_make(enum finding_kind kind)
{
	struct finding finding = { .kind = kind, .severity = kinds[kind].severity };

	if (kinds[kind].remedy)
		text_add(&finding.remedy, kinds[kind].remedy);
	return finding;
}

static void finding_done(struct finding *finding)
{
	text_done(&finding->text);
	text_done(&finding->label);
	text_done(&finding->remedy);
}

void findings_add(struct findings *findings, struct finding *finding)
{
	struct finding *added;

	findings->failed |= finding->text.failed || finding->remedy.failed;
	findings->failed |= finding->label.failed;
	if (!finding->text.length || ARRAY_GROW(findings->items, findings->count)) {
		findings->failed |= finding->text.length > 0;
		finding_done(finding);
		return;
	}
	added = &findings->items[findings->count++];
	*added = *finding;
	added->object = findings->object ? findings->object : "this machine";
	finding->text = finding->label = finding->remedy = (struct text){ 0 };
}

void findings_add_strings(struct findings *findings, enum finding_kind kind, ...)
{
	struct finding finding = finding_make(kind);
	va_list strings;

	va_start(strings, kind);
	for (const char *s; (s = va_arg(strings, const char *));)
		text_add(&finding.text, s);
	va_end(strings);
	findings_add(findings, &finding);
}

size_t findings_count_dangers(const struct findings *findings)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->items[i].severity == SEVERITY_DANGER;
	return count;
}

int findings_error(const struct findings *findings)
{
	return findings->failed ? -ENOMEM : 0;
}

void findings_done(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		finding_done(&findings->items[i]);
	free(findings->items);
	*findings = (struct findings){ 0 };
}

const char *finding_kind_name(enum finding_kind kind)
{
	return kinds[kind].name;
}

const char *finding_label(const struct finding *finding)
{
	const char *label = kinds[finding->kind].label;

	if (finding->label.length)
		return text_string(&finding->label);
	return label ? label : kinds[finding->kind].name;
}

bool finding_is_due(const struct finding *finding)
{
	return kinds[finding->kind].due;
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = { "note", "allowed", "danger" };

	return names[severity];
}

void finding_add_object(const struct finding *finding, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];

	if (finding->function)
		text_add(text, pci_address_format(&finding->function->address, address));
	else if (finding->rule)
		place_add(&finding->rule->place, text);
	else
		text_add(text, finding->object);
}

void finding_set_no_driver(struct finding *finding, const char *kernel, const char *driver,
			   const struct place *place)
{
	text_add(&finding->label, "no driver ", driver);
	text_add(&finding->text, "Linux ", kernel, " has no driver ", driver);
	if (place->file) {
		text_add(&finding->text, ", which ");
		place_add(place, &finding->text);
		text_add(&finding->text, " names");
	}
	text_add(&finding->text, ": the device would have no driver");
	text_add(&finding->remedy, "install a kernel that has it, or change driver= on ");
	if (place->file)
		place_add(place, &finding->remedy);
	else
		text_add(&finding->remedy, "its line");
}

void rule_add_word(const struct rule *rule, const char *word, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];
	size_t name = strcspn(word, "=");

	if (rule->place.file) {
		text_add(text, "write ", word, " on ");
		place_add(&rule->place, text);
		return;
	}
	text_add(text, "vfio-early add ", pci_address_format(&rule->address, address), " --");
	text_add_bytes(text, word, name);
	text_add(text, " ", word + name + 1);
	if (rule->with == WITH_FUNCTIONS && !prefix_skip(word, "with="))
		text_add(text, " --with functions");
}
