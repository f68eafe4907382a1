/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host itself needs: its screen, its disks and its route, a keyboard. */

#include "danger/host-needs.h"

#include "condition.h"
#include "inuse/host-use.h"

/* A permission does not extend to what with= adds: that needs a line of its own. */
static void add_permission(struct finding *finding, const char *joint, const char *word,
			   const struct claim *claim)
{
	finding->permission = finding->remedy.length;
	text_add(&finding->remedy, joint);
	if (condition_missed(claim->rule, claim->function))
		text_add(&finding->remedy, "write a line of its own for it with ", word);
	else
		rule_add_word(claim->rule, word, &finding->remedy);
}

/* Is there a display beside that of `claim` that no line takes? */
static bool has_display_left(const struct danger_context *context, const struct claim *claim)
{
	const struct pci_snapshot *snapshot = &context->machine->snapshot;

	for (size_t i = 0; i < snapshot->count; i++)
		if (pci_is_display(&snapshot->functions[i]) &&
		    &snapshot->functions[i] != claim->function &&
		    !danger_context_claim(context, &snapshot->functions[i]))
			return true;
	return false;
}

/*
 * A firmware that draws on no display, as on a host without a monitor, leaves no sign of it. A 3D
 * controller (class 0302) has no output.
 */
static void find_only_display(const struct danger_context *context, const struct claim *claim,
			      struct finding *finding)
{
	const struct pci_function *function = claim->function;

	if (!danger_context_is_taken(claim) || !pci_is_display(function) ||
	    function->class >> 8 == 0x0302 || has_display_left(context, claim))
		return;
	finding->severity = SEVERITY_NOTE;
	text_add(&finding->text, "this machine has no other display: its screen stays black");
	text_add(&finding->remedy, "make sure that the host can be reached by network");
}

void host_needs_find_display(const struct danger_context *context, const struct claim *claim,
			     struct finding *finding)
{
	bool allowed = match_allows(claim->rule, claim->function) & ALLOW_BOOT_DISPLAY;
	bool other = has_display_left(context, claim);

	if (!claim->function->boot_display) {
		find_only_display(context, claim, finding);
		return;
	}
	finding->refuses = !allowed;
	if (allowed && other)
		finding->severity = SEVERITY_ALLOWED;
	text_add(&finding->text, "the firmware's display is on it: without it the screen "
				 "stays black until a driver has another one");
	if (!other)
		text_add(&finding->text, ", and the host has no other");
	text_add(&finding->remedy,
		 other ? "choose another display as the first one in the firmware's setup"
		       : "give the host another graphics card, or use the host over ssh");
	if (!allowed)
		add_permission(finding, other ? ", or " : " and ", "allow=boot-display", claim);
}

void host_needs_find_use(const struct danger_context *context, const struct claim *claim,
			 struct finding *finding)
{
	const struct in_use *use = in_uses_get(&context->uses, claim->function);
	bool allowed = match_allows(claim->rule, claim->function) & ALLOW_IN_USE;

	if (!use || !use->certain)
		return;
	finding->refuses = !allowed;
	if (allowed && !use->vital)
		finding->severity = SEVERITY_ALLOWED;
	text_add(&finding->text, "the host uses it: ", text_string(&use->what));
	text_add(&finding->label, "host uses ", text_string(&use->what));
	text_add(&finding->remedy, "move that to another device");
	if (!allowed)
		add_permission(finding, ", or ", "allow=in-use", claim);
}

void host_needs_find_possible_use(const struct danger_context *context, const struct claim *claim,
				  struct finding *finding)
{
	const struct in_use *use = in_uses_get(&context->uses, claim->function);

	if (!use || use->certain)
		return;
	if (match_allows(claim->rule, claim->function) & ALLOW_IN_USE)
		finding->severity = SEVERITY_ALLOWED;
	text_add(&finding->text, "the host may use it: ", text_string(&use->what));
	text_add(&finding->label, "host may use ", text_string(&use->what));
	text_add(&finding->remedy, "if the host needs that, move it to another device");
}

/* Is there a keyboard that no line takes? */
static bool has_keyboard_left(const struct danger_context *context)
{
	if (context->other_keyboards)
		return true;
	for (size_t i = 0; i < context->keyboards.count; i++)
		if (!danger_context_claim(context, context->keyboards.items[i].function))
			return true;
	return false;
}

void host_needs_find_keyboard(const struct danger_context *context, const struct claim *claim,
			      struct finding *finding)
{
	const struct in_use *use = in_uses_get(&context->keyboards, claim->function);

	if (!use || has_keyboard_left(context))
		return;
	text_add(&finding->text, "the only keyboard (", text_string(&use->what),
		 ") is connected to it");
	text_add(&finding->remedy, "plug a keyboard into a port of another controller, or make "
				   "sure that the host can be reached by network");
}

/*
 * The scripts of OpenZFS for initramfs-tools and dracut import the pool by themselves: neither
 * waits for a root device, so that rescue=release never has its turn.
 */
static void find_rescue_on_zfs(const struct claim *claim, struct finding *finding)
{
	text_add(&finding->text, "rescue=release cannot work: the root file system is on ZFS, "
				 "and nothing waits for its disks");
	text_add(&finding->remedy, "boot with vfio_early=off if the root file system does not "
				   "appear, and delete rescue=release from ");
	place_add(&claim->rule->place, &finding->remedy);
}

/* Does the line take a storage device, which rescue=release is for? */
static bool takes_storage(const struct match *match, const struct rule *rule)
{
	for (size_t i = 0; i < match->claim_count; i++)
		if (match->claims[i].rule == rule &&
		    pci_class_is_storage(match->claims[i].function->class))
			return true;
	return false;
}

void host_needs_find_rescue(const struct danger_context *context, const struct claim *claim,
			    struct finding *finding)
{
	if (!claim->rule->rescue || condition_missed(claim->rule, claim->function))
		return;
	if (!takes_storage(&context->machine->match, claim->rule)) {
		finding->severity = SEVERITY_NOTE;
		text_add(&finding->text, "rescue=release has no effect: it gives back storage "
					 "devices only, and this is none");
		text_add(&finding->remedy, "delete rescue=release from ");
		place_add(&claim->rule->place, &finding->remedy);
	} else if (host_use_root_is_zfs(context->machine)) {
		find_rescue_on_zfs(claim, finding);
	}
}
