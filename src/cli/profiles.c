/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The config in a boot that somebody may choose one day: the lines below each heading are matched
 * as if the kernel command line named it, so that `check` finds what is wrong before that boot.
 */

#include "profiles.h"

#include <string.h>

#include "danger/danger.h"

static bool is_active(const struct cmdline *cmdline, const char *name)
{
	const struct rule rule = { .profile = name };

	return cmdline_activates(cmdline, &rule);
}

static bool is_known(const struct profiles *profiles, const char *name)
{
	for (size_t i = 0; i < profiles->count; i++)
		if (!strcmp(profiles->items[i].name, name))
			return true;
	return false;
}

/* Chooses `name` instead of the profiles of this boot, and matches. */
static int match_profile(const struct machine *machine, const char *name, struct machine *ret)
{
	*ret = *machine;
	ret->match = (struct match){ 0 };
	ret->snapshot = (struct pci_snapshot){ 0 };
	ret->cmdline.profiles[0] = name;
	ret->cmdline.profile_count = 1;
	return machine_match(ret);
}

/* Moves a finding about a line of the profile to `dangers`. */
static void add_danger(const struct profile *profile, struct finding *danger,
		       struct findings *dangers)
{
	if (!danger->rule || !danger->rule->profile ||
	    strcmp(danger->rule->profile, profile->name) != 0)
		return;
	danger->profile = profile->name;
	findings_add(dangers, danger);
}

static int add_profile(const struct machine *machine, const char *name, struct profiles *profiles,
		       struct findings *dangers)
{
	_cleanup_(findings_done) struct findings found = { 0 };
	struct profile *profile = &profiles->items[profiles->count++];
	int error;

	profile->name = name;
	error = match_profile(machine, name, &profile->machine);
	if (!error)
		error = dangers_find(&profile->machine, &found);
	for (size_t i = 0; i < found.count && !error; i++)
		add_danger(profile, &found.items[i], dangers);
	return error ? error : findings_error(dangers);
}

int profiles_find(const struct machine *machine, struct profiles *ret, struct findings *dangers)
{
	const struct conf *conf = &machine->confdir.conf;
	int error = 0;

	/* No reallocation: dangers point into the matches, and rules into the machines. */
	*ret = (struct profiles){ calloc(CMDLINE_PROFILES_MAX, sizeof(*ret->items)), 0 };
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < conf->count && !error; i++) {
		const char *name = conf->rules[i].profile;

		if (name && *name && !is_active(&machine->cmdline, name) && !is_known(ret, name) &&
		    ret->count < CMDLINE_PROFILES_MAX)
			error = add_profile(machine, name, ret, dangers);
	}
	return error;
}

void profiles_done(struct profiles *profiles)
{
	for (size_t i = 0; i < profiles->count; i++) {
		match_done(&profiles->items[i].machine.match);
		pci_snapshot_done(&profiles->items[i].machine.snapshot);
	}
	free(profiles->items);
	*profiles = (struct profiles){ 0 };
}

const struct machine *profiles_machine(const struct profiles *profiles, const struct rule *rule)
{
	for (size_t i = 0; i < profiles->count; i++)
		if (rule->profile && !strcmp(profiles->items[i].name, rule->profile))
			return &profiles->items[i].machine;
	return NULL;
}
