/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of each function and line: by the driver link, and why. */

#include "machine.h"
#include "tree.h"
#include "verdict.h"

#define NOT OUTCOME_NOT_TRIED
#define RUNNING OUTCOME_RUNNING
#define LOADED "[vfio-pci]\n/lib/vfio.ko\n/lib/vfio-pci.ko\n"

struct verdict_case {
	const char *name;
	const char *was;     /* the driver before */
	int steps[4];	     /* fence, release, load, bind */
	const char *now;     /* the driver afterwards */
	bool group;	     /* has it an IOMMU group? */
	const char *modules; /* the load plan */
	int outcomes[2];     /* of its modules */
	enum result result;
	const char *sentence;
};

#define AT "0000:01:00.0: "
#define LINE " (f:1)"
#define FENCED AT "fenced, but not bound to vfio-pci: "

/* Packed: clang-format would give each member a line. */
/* clang-format off */
static const struct verdict_case verdicts[] = {
	{ "bound", "", { 0, NOT, 0, 0 }, "vfio-pci", true, LOADED, { 0, 0 }, RESULT_BOUND,
	  AT "bound to vfio-pci" LINE },
	{ "taken from the host's driver", "nouveau", { 0, 0, 0, 0 }, "vfio-pci", true, LOADED,
	  { 0, 0 }, RESULT_BOUND, AT "taken from nouveau, bound to vfio-pci" LINE },
	{ "had it already", "vfio-pci", { 0, NOT, NOT, NOT }, "vfio-pci", true, LOADED,
	  { NOT, NOT }, RESULT_BOUND, AT "bound to vfio-pci" LINE },
	{ "bound whatever bind said", "", { 0, NOT, 0, -EBUSY }, "vfio-pci", true, LOADED,
	  { 0, 0 }, RESULT_BOUND, AT "bound to vfio-pci" LINE },
	{ "bound, but without its fence", "vfio-pci", { -EIO, NOT, NOT, NOT }, "vfio-pci",
	  true, LOADED, { NOT, NOT }, RESULT_FAILED,
	  AT "failed, vfio-pci has it: cannot write driver_override: Input/output error" LINE },
	{ "not fenced", "", { -ENOENT, NOT, 0, NOT }, "", true, LOADED, { 0, 0 },
	  RESULT_FAILED,
	  AT "failed, not even fenced: cannot write driver_override: No such file or "
	     "directory" LINE },
	{ "the host's driver does not let go", "ahci", { 0, -ENOENT, 0, NOT }, "ahci", true,
	  LOADED, { 0, 0 }, RESULT_FAILED,
	  AT "failed, ahci has it: ahci does not release it: No such file or directory" LINE },
	{ "a module hangs", "", { 0, NOT, RUNNING, NOT }, "", true, LOADED, { 0, RUNNING },
	  RESULT_FENCED, FENCED "module vfio_pci: it hangs inside the kernel" LINE },
	{ "the release hangs", "ahci", { 0, RUNNING, NOT, NOT }, "ahci", true, LOADED,
	  { NOT, NOT }, RESULT_FAILED,
	  AT "failed, ahci has it: ahci does not release it: it hangs inside the kernel" LINE },
	{ "no IOMMU", "", { 0, NOT, 0, -EINVAL }, "", false, LOADED, { 0, 0 },
	  RESULT_FENCED,
	  FENCED "Invalid argument (no IOMMU group: the IOMMU is off)" LINE },
	{ "the probe refuses it", "", { 0, NOT, 0, -EINVAL }, "", true, LOADED, { 0, 0 },
	  RESULT_FENCED,
	  FENCED "Invalid argument (the driver's probe refuses it)" LINE },
	{ "the probe hangs", "", { 0, NOT, 0, RUNNING }, "", true, LOADED, { 0, 0 },
	  RESULT_FENCED, FENCED "its probe: it hangs inside the kernel" LINE },
	{ "the probe hangs, and the link is there already", "", { 0, NOT, 0, RUNNING },
	  "vfio-pci", true, LOADED, { 0, 0 }, RESULT_FENCED,
	  FENCED "its probe: it hangs inside the kernel" LINE },
	{ "bind lies", "", { 0, NOT, 0, 0 }, "", true, LOADED, { 0, 0 }, RESULT_FENCED,
	  FENCED "the kernel reported success and bound nothing" LINE },
	{ "a module is missing", "", { 0, NOT, -ENOENT, -ENOENT }, "", true, LOADED,
	  { 0, -ENOENT }, RESULT_FENCED,
	  FENCED "module vfio_pci: No such file or directory (not in this image, or without "
		 "a module it needs; rebuild it)" LINE },
	{ "a module is forbidden", "", { 0, NOT, -EPERM, -ENOENT }, "", true, LOADED,
	  { -EPERM, -ENOENT }, RESULT_FENCED,
	  FENCED "module vfio: Operation not permitted (module_blacklist= or lockdown "
		 "forbids it)" LINE },
	{ "no load plan", "", { 0, NOT, -ENOENT, -ENOENT }, "", true, "", { 0, 0 },
	  RESULT_FENCED,
	  FENCED "this image has no list of modules (/usr/lib/vfio-early/modules); rebuild "
		 "it" LINE },
	{ "another driver's load plan", "", { 0, NOT, -ENOENT, -ENOENT }, "", true,
	  "[pci-stub]\n", { 0, 0 }, RESULT_FENCED,
	  FENCED "this image has no module for the driver vfio-pci; rebuild it" LINE },
};
/* clang-format on */

static void test_verdict(void **state)
{
	const struct verdict_case *row = *state;
	char machine[64], link[64];
	const struct trial_input input = { .config = "bind 01:00.0", .machine = machine };
	struct outcome outcome;
	struct applied applied = { .outcomes = &outcome, .modules = (int *)row->outcomes };
	struct loadplan loadplan = { 0 };
	struct verdicts verdicts = { 0 };
	struct text sentence = { 0 };
	struct trial trial;
	struct tree tree;

	string_join(machine, sizeof(machine), "01:00.0 10de:1c03 030000",
		    *row->was ? " driver=" : "", row->was, NULL);
	trial_run(&trial, &input);
	tree_open(&tree);
	string_join(link, sizeof(link), "../drivers/", row->now, NULL);
	if (*row->now)
		tree_link(&tree, "sys/bus/pci/devices/0000:01:00.0/driver", link);
	if (row->group)
		tree_directory(&tree, "sys/bus/pci/devices/0000:01:00.0/iommu_group");
	assert_int_equal(loadplan_parse(&loadplan, row->modules), 0);
	memcpy(outcome.steps, row->steps, sizeof(outcome.steps));

	assert_int_equal(verdicts_make(&tree.root, &trial.match, &loadplan, &applied, &verdicts),
			 0);
	assert_string_equal(result_name(verdicts.claims[0].result), result_name(row->result));
	assert_int_equal(verdicts.lines[0], row->result);
	assert_string_equal(verdicts.claims[0].driver, row->now);
	verdict_sentence(&trial.match.claims[0], &verdicts.claims[0], &sentence);
	assert_string_equal(text_string(&sentence), row->sentence);
	text_done(&sentence);
	verdicts_done(&verdicts);
	loadplan_done(&loadplan);
	tree_done(&tree);
	trial_done(&trial);
}

/* Results of claims and lines as text, without a run: as a dry run gives them. */
struct dry_case {
	const char *name, *config, *lines;
	size_t planned, refused, invalid;
};

#define MACHINE                                       \
	"00:02.0 8086:3e92 030000 driver=i915 boot\n" \
	"02:00.0 8086:10d3 020000\n"                  \
	"03:00.0 8086:10d3 020000\n"

static const struct dry_case dry_runs[] = {
	{ "a line", "bind 02:00.0", "planned ", 1, 0, 0 },
	{ "a line is as its worst function", "bind 8086:10d3 count=2\nkeep 03:00.0",
	  "refused active ", 1, 1, 0 },
	{ "a function of two lines counts once", "bind 02:00.0\nbind 02:00.0", "planned planned ",
	  1, 0, 0 },
	{ "refused by one line, taken by another: only the taking counts",
	  "bind 00:02.0\nbind 00:02.0 allow=boot-display", "refused planned ", 1, 0, 0 },
	{ "refused by two lines counts once", "bind 00:02.0\nbind 8086:3e92", "refused refused ", 0,
	  1, 0 },
	{ "invalid lines speak for no function", "bind 02:00.0\nbind 02:00.0 driver=x",
	  "invalid invalid ", 0, 0, 0 },
	{ "lines without a function", "bind 09:00.0\nbind 8086:10d3\n[x]\nbind 02:00.0",
	  "absent ambiguous inactive ", 0, 0, 0 },
};

static void test_dry_run(void **state)
{
	const struct dry_case *row = *state;
	const struct trial_input input = { .config = row->config, .machine = MACHINE };
	const struct loadplan loadplan = { 0 };
	const struct root root = ROOT_NONE;
	struct verdicts verdicts = { 0 };
	struct text lines = { 0 };
	struct trial trial;

	trial_run(&trial, &input);
	assert_int_equal(verdicts_make(&root, &trial.match, &loadplan, NULL, &verdicts), 0);
	for (size_t i = 0; i < trial.conf.count; i++)
		text_add(&lines, result_name(verdicts.lines[i]), " ");
	assert_string_equal(text_string(&lines), row->lines);
	assert_int_equal(verdicts_count(&verdicts, RESULT_PLANNED), row->planned);
	assert_int_equal(verdicts_count(&verdicts, RESULT_REFUSED), row->refused);
	assert_int_equal(verdicts_count(&verdicts, RESULT_INVALID), row->invalid);
	text_done(&lines);
	verdicts_done(&verdicts);
	trial_done(&trial);
}

int main(void)
{
	int failed = RUN_TABLE(verdicts, test_verdict);

	failed += RUN_TABLE(dry_runs, test_dry_run);
	return failed != 0;
}
