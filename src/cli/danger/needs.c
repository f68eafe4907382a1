/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host itself needs: its screen, its disks and its route, a keyboard. */

#include "needs.h"

void needs_find_display(const struct survey *survey, const struct claim *claim,
			struct finding *finding)
{
	(void)survey;
	if (!claim->function->boot_display || claim->rule->allow & ALLOW_BOOT_DISPLAY)
		return;
	finding->refuses = true;
	text_add(&finding->text, "the firmware's display is on it: without it the screen "
				 "stays black until a driver has another one");
	text_add(&finding->remedy,
		 "choose another display as the first one in the firmware's setup, or ");
	finding_add_word(finding, "allow=boot-display", claim->rule);
}

/* The use by the host that the line does not allow, or NULL. */
static const struct in_use *unwanted_use(const struct survey *survey,
					 const struct claim *claim)
{
	return claim->rule->allow & ALLOW_IN_USE
		       ? NULL
		       : in_uses_get(&survey->uses, claim->function);
}

void needs_find_use(const struct survey *survey, const struct claim *claim,
		    struct finding *finding)
{
	const struct in_use *use = unwanted_use(survey, claim);

	if (!use || !use->certain)
		return;
	finding->refuses = true;
	text_add(&finding->text, "the host uses it: ", text_string(&use->what));
	text_add(&finding->remedy, "move that to another device, or ");
	finding_add_word(finding, "allow=in-use", claim->rule);
}

void needs_find_possible_use(const struct survey *survey, const struct claim *claim,
			     struct finding *finding)
{
	const struct in_use *use = unwanted_use(survey, claim);

	if (!use || use->certain)
		return;
	text_add(&finding->text, "the host may use it: ", text_string(&use->what));
	text_add(&finding->remedy,
		 "nothing, if a guest uses it; else move that to another device");
}

/* Is there a keyboard that no line takes? */
static bool has_keyboard_left(const struct survey *survey)
{
	if (survey->other_keyboards)
		return true;
	for (size_t i = 0; i < survey->keyboards.count; i++)
		if (!survey_claim(survey, survey->keyboards.items[i].function))
			return true;
	return false;
}

void needs_find_keyboard(const struct survey *survey, const struct claim *claim,
			 struct finding *finding)
{
	const struct in_use *use = in_uses_get(&survey->keyboards, claim->function);

	if (!use || has_keyboard_left(survey))
		return;
	text_add(&finding->text,
		 "the last keyboard hangs on it: ", text_string(&use->what));
	text_add(&finding->remedy,
		 "plug a keyboard into a port of another controller, or make "
		 "sure that the host can be reached by network");
}
