/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order of the steps: first every fence, whatever else fails. */

#include "machine.h"
#include "plan.h"

#define MACHINE                                       \
	"00:02.0 8086:3e92 030000 driver=i915 boot\n" \
	"01:00.0 10de:1c03 030000 driver=nouveau\n"   \
	"01:00.1 10de:10f1 040300\n"                  \
	"02:00.0 8086:10d3 020000 driver=vfio-pci\n"  \
	"03:00.0 8086:10d3 020000\n"

struct plan_case {
	const char *name, *config, *steps;
};

static const struct plan_case plans[] = {
	{ "nothing to do", "keep 01:00.0", "" },
	{ "a function without a driver", "bind 03:00.0",
	  "fence 03:00.0\nload vfio-pci\nbind 03:00.0\n" },
	{ "a function of the host's driver", "bind 01:00.0",
	  "fence 01:00.0\nrelease 01:00.0\nload vfio-pci\nbind 01:00.0\n" },
	{ "a function that is bound already is fenced all the same", "bind 02:00.0",
	  "fence 02:00.0\n" },
	{ "every fence first, one load for all, every bind last",
	  "bind 01:00.0 with=functions\nbind 02:00.0\nbind 03:00.0",
	  "fence 01:00.0\nfence 01:00.1\nfence 02:00.0\nfence 03:00.0\nrelease 01:00.0\n"
	  "load vfio-pci\nbind 01:00.0\nbind 01:00.1\nbind 03:00.0\n" },
	{ "a load for each driver, in the order of the lines",
	  "bind 03:00.0 driver=pci-stub\nbind 01:00.1\nbind 01:00.0 driver=pci-stub",
	  "fence 03:00.0\nfence 01:00.1\nfence 01:00.0\nrelease 01:00.0\nload pci-stub\n"
	  "load vfio-pci\nbind 03:00.0\nbind 01:00.1\nbind 01:00.0\n" },
	{ "another driver than vfio-pci has to let go", "bind 02:00.0 driver=pci-stub",
	  "fence 02:00.0\nrelease 02:00.0\nload pci-stub\nbind 02:00.0\n" },
	{ "a refused function gets no step", "bind 00:02.0\nbind 03:00.0",
	  "fence 03:00.0\nload vfio-pci\nbind 03:00.0\n" },
	{ "a repeated function gets its steps once", "bind 03:00.0\nbind 03:00.0",
	  "fence 03:00.0\nload vfio-pci\nbind 03:00.0\n" },
	{ "invalid, absent and ambiguous lines get no step",
	  "bind 01:00.0\nbind 01:00.0 driver=pci-stub\nbind 09:00.0\nbind 8086:10d3", "" },
};

static const char *render(const struct plan *plan, struct text *text)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct step *step = &plan->steps[i];
		char address[PCI_ADDRESS_SIZE];

		pci_address_format(&step->claim->function->address, address);
		text_add(text, step_kind_name(step->kind), " ",
			 step->kind == STEP_LOAD ? step->claim->driver : address + strlen("0000:"),
			 "\n");
	}
	return text_string(text);
}

static void test_plan(void **state)
{
	const struct plan_case *row = *state;
	const struct trial_input input = { .config = row->config, .machine = MACHINE };
	struct trial trial;
	struct plan plan = { 0 };
	struct text text = { 0 };

	trial_run(&trial, &input);
	assert_int_equal(plan_make(&trial.match, &plan), 0);
	assert_string_equal(render(&plan, &text), row->steps);
	text_done(&text);
	plan_done(&plan);
	trial_done(&trial);
}

int main(void)
{
	return RUN_TABLE(plans, test_plan) != 0;
}
