/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules against machines: what each line selects, what is refused, and in which words. */

#include "condition.h"
#include "machine.h"

struct match_case {
	const char *name;
	struct trial_input input;
	const char *result;
};

/* "f:1 result: reason" a line, then "  address driver result: reason" for what it claims. */

static void add_claim(struct text *text, const struct claim *claim)
{
	char address[PCI_ADDRESS_SIZE];

	text_add(text, "  ", pci_address_format(&claim->function->address, address), " ",
		 claim->driver);
	if (claim->repeats) {
		text_add(text, " repeats ");
		place_add(&claim->repeats->rule->place, text);
	}
	if (claim->result != RESULT_NONE)
		text_add(text, " ", result_name(claim->result));
	if (claim->reason)
		text_add(text, ": ", claim->reason);
	text_add(text, "\n");
}

static const char *render(const struct match *match, struct text *text)
{
	for (size_t i = 0; i < match->conf->count; i++) {
		const struct line_match *line = &match->lines[i];

		if (line->result == RESULT_ACTIVE)
			continue;
		place_add(&match->conf->rules[i].place, text);
		if (line->result != RESULT_NONE)
			text_add(text, " ", result_name(line->result));
		if (line->reason)
			text_add(text, ": ", line->reason);
		text_add(text, "\n");
		for (size_t j = 0; j < match->claim_count; j++)
			if (match->claims[j].rule == &match->conf->rules[i])
				add_claim(text, &match->claims[j]);
	}
	return text_string(text);
}

/* A desktop: two identical network cards and a graphics card of two functions. */
#define DESKTOP                                                                    \
	"00:00.0 8086:29c0 060000\n"                                               \
	"00:01.0 8086:a32c 060400 group=1 driver=pcieport path=00:01.0\n"          \
	"00:02.0 8086:3e92 030000 group=2 driver=i915 path=00:02.0 boot\n"         \
	"00:14.0 8086:a36d 0c0330 group=3 driver=xhci_hcd path=00:14.0\n"          \
	"01:00.0 10de:1c03 030000 group=1 driver=nouveau path=00:01.0/00.0 "       \
	"subsystem=1458:3702\n"                                                    \
	"01:00.1 10de:10f1 040300 group=1 path=00:01.0/00.1 subsystem=1458:3702\n" \
	"02:00.0 8086:10d3 020000 group=5 driver=e1000e path=00:1c.0/00.0 "        \
	"serial=00-1b-21-ff-ff-00-00-01\n"                                         \
	"03:00.0 8086:10d3 020000 group=6 driver=e1000e path=00:1c.1/00.0 "        \
	"serial=00-1b-21-ff-ff-00-00-02\n"

#define ON_DESKTOP(text)                           \
	{                                          \
		.config = text, .machine = DESKTOP \
	}
#define FOUND_NOWHERE "; what the line describes is not in this machine"

static const struct match_case conditions[] = {
	{ "by address", ON_DESKTOP("bind 02:00.0"), "f:1\n  0000:02:00.0 vfio-pci\n" },
	{ "by ID", ON_DESKTOP("bind 10de:1c03"), "f:1\n  0000:01:00.0 vfio-pci\n" },
	{ "by subsystem and class", ON_DESKTOP("bind subsystem=1458:3702 class=0403"),
	  "f:1\n  0000:01:00.1 vfio-pci\n" },
	{ "by class", ON_DESKTOP("bind class=0c0330"), "f:1\n  0000:00:14.0 vfio-pci\n" },
	{ "by path", ON_DESKTOP("bind path=00:1c.1/00.0"), "f:1\n  0000:03:00.0 vfio-pci\n" },
	{ "by serial number", ON_DESKTOP("bind serial=00-1b-21-ff-ff-00-00-02"),
	  "f:1\n  0000:03:00.0 vfio-pci\n" },
	{ "one of two identical by address and ID", ON_DESKTOP("bind 03:00.0 8086:10d3"),
	  "f:1\n  0000:03:00.0 vfio-pci\n" },
	{ "one of two identical by ID and serial number",
	  ON_DESKTOP("bind 8086:10d3 serial=00-1b-21-ff-ff-00-00-01"),
	  "f:1\n  0000:02:00.0 vfio-pci\n" },
	{ "all conditions hold",
	  ON_DESKTOP("bind 01:00.0 10de:1c03 subsystem=1458:3702 class=03 "
		     "path=00:01.0/00.0"),
	  "f:1\n  0000:01:00.0 vfio-pci\n" },
	{ "another domain is another address", ON_DESKTOP("bind 0001:02:00.0"),
	  "f:1 absent: no device at 0001:02:00.0\n" },
	{ "another driver", ON_DESKTOP("bind 02:00.0 driver=uio_pci_generic"),
	  "f:1\n  0000:02:00.0 uio_pci_generic\n" },
	{ "nothing in the config", ON_DESKTOP(""), "" },
	{ "nothing in the machine",
	  { .config = "bind 02:00.0", .machine = "" },
	  "f:1 absent: no device at 0000:02:00.0\n" },
};

static const struct match_case counts[] = {
	{ "two where one is meant", ON_DESKTOP("bind 8086:10d3"),
	  "f:1 ambiguous: 2 devices match, but the line wants 1: 0000:02:00.0, "
	  "0000:03:00.0; add an address, path= or serial=, or write count=2\n" },
	{ "one where two are meant", ON_DESKTOP("bind 10de:1c03 count=2"),
	  "f:1 ambiguous: 1 device matches, but the line wants 2: 0000:01:00.0; add an "
	  "address, path= or serial=, or write count=1\n" },
	{ "two where three are meant", ON_DESKTOP("bind 8086:10d3 count=3"),
	  "f:1 ambiguous: 2 devices match, but the line wants 3: 0000:02:00.0, "
	  "0000:03:00.0; add an address, path= or serial=, or write count=2\n" },
	{ "two", ON_DESKTOP("bind 8086:10d3 count=2"),
	  "f:1\n  0000:02:00.0 vfio-pci\n  0000:03:00.0 vfio-pci\n" },
	{ "all", ON_DESKTOP("bind 8086:10d3 count=all"),
	  "f:1\n  0000:02:00.0 vfio-pci\n  0000:03:00.0 vfio-pci\n" },
	{ "all of none is absent", ON_DESKTOP("bind 8086:ffff count=all"),
	  "f:1 absent: no such device\n" },
	{ "none of two is absent", ON_DESKTOP("bind 8086:ffff count=2"),
	  "f:1 absent: no such device\n" },
	{ "more candidates than a message names",
	  { .config = "bind class=0108",
	    .machine = "01:00.0 144d:a808 010802\n02:00.0 144d:a808 010802\n"
		       "03:00.0 144d:a808 010802\n04:00.0 144d:a808 010802\n"
		       "05:00.0 144d:a808 010802\n06:00.0 144d:a808 010802\n" },
	  "f:1 ambiguous: 6 devices match, but the line wants 1: 0000:01:00.0, "
	  "0000:02:00.0, 0000:03:00.0, 0000:04:00.0 ...; add an address, path= or "
	  "serial=, or write count=6\n" },
};

static const struct match_case missing[] = {
	{ "no such ID", ON_DESKTOP("bind 10de:ffff"), "f:1 absent: no such device\n" },
	{ "no such serial number", ON_DESKTOP("bind serial=00-00-00-00-00-00-00-09"),
	  "f:1 absent: no such device\n" },
	{ "nothing at the address", ON_DESKTOP("bind 04:00.0"),
	  "f:1 absent: no device at 0000:04:00.0\n" },
	{ "nothing at the path", ON_DESKTOP("bind path=00:1c.2/00.0"),
	  "f:1 absent: no device at that path\n" },
	{ "nothing at the address, and the device nowhere", ON_DESKTOP("bind 04:00.0 10de:ffff"),
	  "f:1 absent: no device at 0000:04:00.0" FOUND_NOWHERE "\n" },
	{ "nothing at the address: where the device went", ON_DESKTOP("bind 04:00.0 10de:1c03"),
	  "f:1 mismatch: no device at 0000:04:00.0; what the line describes is at "
	  "0000:01:00.0\n" },
	{ "nothing at the path: where the device went",
	  ON_DESKTOP("bind path=00:1c.2/00.0 10de:1c03"),
	  "f:1 mismatch: no device at that path; what the line describes is "
	  "at 0000:01:00.0\n" },
	{ "another device at the address: where it went", ON_DESKTOP("bind 02:00.0 10de:1c03"),
	  "f:1 mismatch: 0000:02:00.0 is 8086:10d3, not 10de:1c03; what the line "
	  "describes is at 0000:01:00.0\n" },
	{ "another device at the address: it went to one of two places",
	  ON_DESKTOP("bind 01:00.0 8086:10d3"),
	  "f:1 mismatch: 0000:01:00.0 is 10de:1c03, not 8086:10d3; what the line "
	  "describes is at 0000:02:00.0, 0000:03:00.0\n" },
	{ "another device at the address, and the one meant nowhere",
	  ON_DESKTOP("bind 01:00.0 10de:ffff"),
	  "f:1 mismatch: 0000:01:00.0 is 10de:1c03, not 10de:ffff" FOUND_NOWHERE "\n" },
	{ "another device at the path", ON_DESKTOP("bind path=00:01.0/00.0 8086:ffff"),
	  "f:1 mismatch: 0000:01:00.0 is 10de:1c03, not 8086:ffff" FOUND_NOWHERE "\n" },
	{ "another subsystem", ON_DESKTOP("bind 01:00.0 subsystem=1458:ffff"),
	  "f:1 mismatch: 0000:01:00.0 is of subsystem 1458:3702, not "
	  "1458:ffff" FOUND_NOWHERE "\n" },
	{ "another class", ON_DESKTOP("bind 01:00.0 10de:1c03 class=0302"),
	  "f:1 mismatch: 0000:01:00.0 is of another class" FOUND_NOWHERE "\n" },
	{ "the identical twin at the address, told by its serial number",
	  ON_DESKTOP("bind 02:00.0 8086:10d3 serial=00-1b-21-ff-ff-00-00-02"),
	  "f:1 mismatch: 0000:02:00.0 has another serial number, or none; what the line "
	  "describes is at 0000:03:00.0\n" },
	{ "the address at another path", ON_DESKTOP("bind 02:00.0 path=00:1c.1/00.0"),
	  "f:1 mismatch: 0000:02:00.0 is not at the path that the line states\n" },
	{ "the path tells which identical twin moved",
	  ON_DESKTOP("bind 04:00.0 8086:10d3 path=00:1c.1/00.0"),
	  "f:1 mismatch: no device at 0000:04:00.0; what the line describes is at "
	  "0000:03:00.0\n" },
	{ "one bad line does not touch the others",
	  ON_DESKTOP("bind 10de:ffff\nbind 02:00.0\nbind 8086:10d3\n"),
	  "f:1 absent: no such device\nf:2\n  0000:02:00.0 vfio-pci\n"
	  "f:3 ambiguous: 2 devices match, but the line wants 1: 0000:02:00.0, "
	  "0000:03:00.0; add an address, path= or serial=, or write count=2\n" },
};

#define BRIDGE "a bridge is never passed through"
#define HOST_USES_IT "the host uses it; allow=in-use would take it"
#define DISPLAY "the firmware's display is on it; allow=boot-display would take it"

static const struct match_case companions[] = {
	{ "with=functions takes the card",
	  { .config = "bind 01:00.0 with=functions",
	    .machine = DESKTOP "01:00.7 10de:0001 0c0330\n01:01.0 10de:0002 0c0330\n" },
	  "f:1\n  0000:01:00.0 vfio-pci\n  0000:01:00.1 vfio-pci\n"
	  "  0000:01:00.7 vfio-pci\n" },
	{ "with=group takes the group, bridges left out",
	  { .config = "bind 01:00.1 with=group",
	    .machine = DESKTOP "07:00.0 1106:3483 0c0330 group=1\n" },
	  "f:1\n  0000:01:00.1 vfio-pci\n  0000:01:00.0 vfio-pci\n"
	  "  0000:07:00.0 vfio-pci\n" },
	{ "with=group without a group takes the function alone",
	  { .config = "bind 01:00.0 with=group",
	    .machine = "01:00.0 10de:1c03 030000\n02:00.0 8086:10d3 020000\n" },
	  "f:1\n  0000:01:00.0 vfio-pci\n" },
	{ "companions have the line's driver",
	  ON_DESKTOP("bind 01:00.0 with=functions driver=pci-stub"),
	  "f:1\n  0000:01:00.0 pci-stub\n  0000:01:00.1 pci-stub\n" },
	{ "companions do not count",
	  ON_DESKTOP("bind subsystem=1458:3702 class=03 with=functions count=1"),
	  "f:1\n  0000:01:00.0 vfio-pci\n  0000:01:00.1 vfio-pci\n" },
	{ "both functions selected, and none twice",
	  ON_DESKTOP("bind subsystem=1458:3702 count=2 with=functions"),
	  "f:1\n  0000:01:00.0 vfio-pci\n  0000:01:00.1 vfio-pci\n" },
	{ "a refused function brings nothing in",
	  { .config = "bind 00:02.0 with=functions",
	    .machine = DESKTOP "00:02.1 8086:ffff 038000\n" },
	  "f:1\n  0000:00:02.0 vfio-pci refused: " DISPLAY "\n" },
	{ "a companion may be refused", ON_DESKTOP("bind 01:00.0 with=functions\nkeep 10de:10f1"),
	  "f:1\n  0000:01:00.0 vfio-pci\n"
	  "  0000:01:00.1 vfio-pci refused: f:2 keeps it for the host\n" },
	{ "the boot display is refused as a companion too",
	  { .config = "bind 01:00.1 with=functions",
	    .machine = "01:00.0 10de:1c03 030000 boot\n01:00.1 10de:10f1 040300\n" },
	  "f:1\n  0000:01:00.1 vfio-pci\n  0000:01:00.0 vfio-pci "
	  "refused: the firmware's display is on it; with= does not add it\n" },
};

static const struct match_case guards[] = {
	{ "keep wins wherever it stands",
	  ON_DESKTOP("keep 02:00.0\nbind 8086:10d3 count=2\nkeep 03:00.0"),
	  "f:2\n  0000:02:00.0 vfio-pci refused: f:1 keeps it for the host\n"
	  "  0000:03:00.0 vfio-pci refused: f:3 keeps it for the host\n" },
	{ "every condition of a keep line holds, or it keeps nothing",
	  ON_DESKTOP("keep 02:00.0 10de:1c03\nbind 02:00.0"), "f:2\n  0000:02:00.0 vfio-pci\n" },
	{ "a keep line is not overruled by allow=in-use",
	  ON_DESKTOP("keep 02:00.0\nbind 02:00.0 allow=in-use"),
	  "f:2\n  0000:02:00.0 vfio-pci refused: f:1 keeps it for the host\n" },
	{ "what the host uses is refused",
	  { .config = "bind 02:00.0", .machine = DESKTOP, .keep = "keep 02:00.0" },
	  "f:1\n  0000:02:00.0 vfio-pci refused: " HOST_USES_IT "\n" },
	{ "allow=in-use takes it",
	  { .config = "bind 02:00.0 allow=in-use", .machine = DESKTOP, .keep = "keep 02:00.0" },
	  "f:1\n  0000:02:00.0 vfio-pci\n" },
	{ "allow=in-use on one line does not help another",
	  { .config = "bind 02:00.0\nbind 03:00.0 allow=in-use",
	    .machine = DESKTOP,
	    .keep = "keep 02:00.0\nkeep 03:00.0" },
	  "f:1\n  0000:02:00.0 vfio-pci refused: " HOST_USES_IT
	  "\nf:2\n  0000:03:00.0 vfio-pci\n" },
	{ "the boot display is refused", ON_DESKTOP("bind 00:02.0"),
	  "f:1\n  0000:00:02.0 vfio-pci refused: " DISPLAY "\n" },
	{ "allow=boot-display takes it", ON_DESKTOP("bind 00:02.0 allow=boot-display"),
	  "f:1\n  0000:00:02.0 vfio-pci\n" },
	{ "allow=in-use does not take the boot display", ON_DESKTOP("bind 00:02.0 allow=in-use"),
	  "f:1\n  0000:00:02.0 vfio-pci refused: " DISPLAY "\n" },
	{ "a bridge is refused", ON_DESKTOP("bind 00:01.0"),
	  "f:1\n  0000:00:01.0 vfio-pci refused: " BRIDGE "\n" },
	{ "a bridge is refused whatever is allowed",
	  ON_DESKTOP("bind 00:01.0 allow=in-use allow=boot-display"),
	  "f:1\n  0000:00:01.0 vfio-pci refused: " BRIDGE "\n" },
	{ "a host bridge that a line names is no PCI bridge", ON_DESKTOP("bind 00:00.0"),
	  "f:1\n  0000:00:00.0 vfio-pci\n" },
};

#define BROKEN " refused: f:1:6 may protect it, and has an error\n"

/* A keep line that is not understood may be about any device that a line does not name itself. */
#define BROKEN_ON_DESKTOP(text)                                 \
	{                                                       \
		.config = text, .machine = DESKTOP, .errors = 1 \
	}

static const struct match_case broken_keeps[] = {
	{ "an ID after a broken keep line", BROKEN_ON_DESKTOP("keep 02:00\nbind 10de:1c03"),
	  "f:2" BROKEN },
	{ "a class before a broken keep line",
	  BROKEN_ON_DESKTOP("keep clas=01\nbind class=02 count=all"), "f:2" BROKEN },
	{ "an address", BROKEN_ON_DESKTOP("keep 02:00\nbind 01:00.0"),
	  "f:2\n  0000:01:00.0 vfio-pci\n" },
	{ "a path", BROKEN_ON_DESKTOP("keep 02:00\nbind path=00:1c.1/00.0"),
	  "f:2\n  0000:03:00.0 vfio-pci\n" },
	{ "a serial number", BROKEN_ON_DESKTOP("keep 02:00\nbind serial=00-1b-21-ff-ff-00-00-02"),
	  "f:2\n  0000:03:00.0 vfio-pci\n" },
	{ "a broken keep line of a profile not chosen",
	  BROKEN_ON_DESKTOP("[x]\nkeep 02:00\n[y]\nbind 02:00.0"), "f:4 inactive\n" },
	{ "a broken bind line", BROKEN_ON_DESKTOP("bind 02:00\nbind 10de:1c03"),
	  "f:2\n  0000:01:00.0 vfio-pci\n" },
	{ "a keep line with a byte that is not ASCII",
	  BROKEN_ON_DESKTOP("keep \xc3\xbc\nbind 10de:1c03"), "f:2" BROKEN },
};

static const struct match_case profiles[] = {
	{ "a profile not chosen is inactive", ON_DESKTOP("[x]\nbind 02:00.0"), "f:2 inactive\n" },
	{ "a profile that is chosen",
	  { .config = "[x]\nbind 02:00.0\n[y]\nbind 03:00.0",
	    .machine = DESKTOP,
	    .cmdline = "quiet vfio_early=x" },
	  "f:2\n  0000:02:00.0 vfio-pci\nf:4 inactive\n" },
	{ "a keep line of a profile counts only with it",
	  ON_DESKTOP("bind 02:00.0\n[x]\nkeep 02:00.0"),
	  "f:1\n  0000:02:00.0 vfio-pci\nf:3 inactive\n" },
	{ "a keep line of the chosen profile",
	  { .config = "bind 02:00.0\n[x]\nkeep 02:00.0",
	    .machine = DESKTOP,
	    .cmdline = "vfio_early=x" },
	  "f:1\n  0000:02:00.0 vfio-pci refused: f:3 keeps it for the host\n" },
	{ "profiles that contradict each other don't unless both are chosen",
	  { .config = "[x]\nbind 02:00.0\n[y]\nbind 02:00.0 driver=pci-stub",
	    .machine = DESKTOP,
	    .cmdline = "vfio_early=y" },
	  "f:2 inactive\nf:4\n  0000:02:00.0 pci-stub\n" },
};

static const struct match_case repeats[] = {
	{ "lines that agree", ON_DESKTOP("bind 02:00.0\nbind path=00:1c.0/00.0"),
	  "f:1\n  0000:02:00.0 vfio-pci\nf:2\n  0000:02:00.0 vfio-pci repeats f:1\n" },
	{ "a later line that agrees by with=",
	  ON_DESKTOP("bind 01:00.1\nbind 01:00.0 with=functions"),
	  "f:1\n  0000:01:00.1 vfio-pci\nf:2\n  0000:01:00.0 vfio-pci\n"
	  "  0000:01:00.1 vfio-pci repeats f:1\n" },
	{ "a refused claim is not repeated",
	  ON_DESKTOP("bind 00:02.0\nbind 00:02.0 allow=boot-display\nbind 8086:3e92 "
		     "allow=boot-display"),
	  "f:1\n  0000:00:02.0 vfio-pci refused: " DISPLAY "\nf:2\n  0000:00:02.0 vfio-pci\n"
	  "f:3\n  0000:00:02.0 vfio-pci repeats f:2\n" },
	{ "lines that name different drivers are both invalid",
	  ON_DESKTOP("bind 02:00.0\nbind 02:00.0 driver=pci-stub\nbind 03:00.0"),
	  "f:1 invalid: f:2 names another driver, pci-stub, for 0000:02:00.0\n"
	  "  0000:02:00.0 vfio-pci invalid\n"
	  "f:2 invalid: f:1 names another driver, vfio-pci, for 0000:02:00.0\n"
	  "  0000:02:00.0 pci-stub invalid\nf:3\n  0000:03:00.0 vfio-pci\n" },
	{ "an invalid line does not take its other functions either",
	  ON_DESKTOP("bind 01:00.0 with=functions\nbind 01:00.1 driver=pci-stub"),
	  "f:1 invalid: f:2 names another driver, pci-stub, for 0000:01:00.1\n"
	  "  0000:01:00.0 vfio-pci invalid\n  0000:01:00.1 vfio-pci invalid\n"
	  "f:2 invalid: f:1 names another driver, vfio-pci, for 0000:01:00.1\n"
	  "  0000:01:00.1 pci-stub invalid\n" },
	{ "three lines of which two agree are all invalid",
	  ON_DESKTOP("bind 02:00.0\nbind 02:00.0\nbind 02:00.0 driver=pci-stub"),
	  "f:1 invalid: f:3 names another driver, pci-stub, for 0000:02:00.0\n"
	  "  0000:02:00.0 vfio-pci invalid\n"
	  "f:2 invalid: f:3 names another driver, pci-stub, for 0000:02:00.0\n"
	  "  0000:02:00.0 vfio-pci invalid\n"
	  "f:3 invalid: f:1 names another driver, vfio-pci, for 0000:02:00.0\n"
	  "  0000:02:00.0 pci-stub invalid\n" },
};

#define VARIANTS                                       \
	"alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n" \
	"alias vfio_pci:v00008086d000010D3sv*sd*bc*sc*i* nic_vfio_pci\n"

static const struct match_case variants[] = {
	{ "driver=auto takes the variant of each function",
	  { .config = "bind 8086:10d3 count=2 driver=auto\nbind 01:00.0 driver=auto",
	    .machine = DESKTOP,
	    .aliases = VARIANTS },
	  "f:1\n  0000:02:00.0 nic_vfio_pci\n  0000:03:00.0 nic_vfio_pci\n"
	  "f:2\n  0000:01:00.0 vfio-pci\n" },
	{ "a variant is not taken unasked",
	  { .config = "bind 02:00.0", .machine = DESKTOP, .aliases = VARIANTS },
	  "f:1\n  0000:02:00.0 vfio-pci\n" },
	{ "driver=auto and the driver that it comes to agree",
	  { .config = "bind 02:00.0 driver=auto\nbind 02:00.0 driver=nic_vfio_pci",
	    .machine = DESKTOP,
	    .aliases = VARIANTS },
	  "f:1\n  0000:02:00.0 nic_vfio_pci\n"
	  "f:2\n  0000:02:00.0 nic_vfio_pci repeats f:1\n" },
};

static void test_match(void **state)
{
	const struct match_case *row = *state;
	struct trial trial;
	struct text text = { 0 };

	trial_run(&trial, &row->input);
	assert_string_equal(render(&trial.match, &text), row->result);
	text_done(&text);
	trial_done(&trial);
}

/* A condition on what was not read does not hold: an ordinary user sees no serial number. */
static void test_what_is_not_known_does_not_match(void **state)
{
	static const char *const configs[] = { "bind path=00:1c.0/00.0",
					       "bind serial=00-1b-21-ff-ff-00-00-01" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
		struct trial trial;
		const struct trial_input input = ON_DESKTOP(configs[i]);

		trial_run(&trial, &input);
		assert_int_equal(trial.match.claim_count, 1);
		match_done(&trial.match);
		for (size_t j = 0; j < trial.snapshot.count; j++)
			trial.snapshot.functions[j].known = 0;
		assert_int_equal(
			match_rules(&trial.conf, &trial.cmdline, "", &trial.snapshot, &trial.match),
			0);
		assert_int_equal(trial.match.claim_count, 0);
		assert_int_equal(trial.match.lines[0].result, RESULT_ABSENT);
		trial_done(&trial);
	}
}

struct needs_case {
	const char *name, *config;
	unsigned int gpu, nic; /* enum pci_detail for 01:00.0 and 02:00.0 */
};

static const struct needs_case needs[] = {
	{ "a display that is bound", "bind 01:00.0", PCI_DISPLAY, 0 },
	{ "a display that is kept", "keep 01:00.0", 0, 0 },
	{ "a display that with= may bring in", "bind 01:00.1 with=functions", PCI_DISPLAY, 0 },
	{ "an ID", "bind 8086:10d3", 0, 0 },
	{ "a serial number of that ID", "bind 8086:10d3 serial=00-1b-21-ff-ff-00-00-01", 0,
	  PCI_SERIAL },
	{ "a serial number, wherever the device went",
	  "bind 09:00.0 8086:10d3 serial=00-1b-21-ff-ff-00-00-01", 0, PCI_SERIAL },
	{ "a path that ends in another device", "bind path=00:1c.0/01.0", PCI_DISPLAY, 0 },
	{ "a path, whatever the ID", "bind 8086:10d3 path=00:1c.0/00.0", PCI_PATH, PCI_PATH },
	{ "a path that is kept", "keep path=00:1c.0/00.0", PCI_PATH, PCI_PATH },
	{ "a group", "bind 02:00.0 with=group", PCI_DISPLAY, PCI_GROUP },
	{ "a profile that is not chosen", "[x]\nbind 02:00.0 with=group", 0, 0 },
};

static void test_needs(void **state)
{
	const struct needs_case *row = *state;
	struct trial trial;
	const struct trial_input input = ON_DESKTOP(row->config);
	struct pci_address gpu = { 0, 1, 0, 0 }, nic = { 0, 2, 0, 0 };

	trial_run(&trial, &input);
	for (size_t i = 0; i < trial.snapshot.count; i++)
		trial.snapshot.functions[i].known = 0;
	assert_int_equal(
		condition_needs(&trial.conf, &trial.cmdline, pci_find(&trial.snapshot, &gpu)),
		row->gpu);
	assert_int_equal(
		condition_needs(&trial.conf, &trial.cmdline, pci_find(&trial.snapshot, &nic)),
		row->nic);
	trial_done(&trial);
}

struct question_case {
	const char *name, *config;
	bool names_addresses, found_all, wants_aliases;
};

static const struct question_case questions[] = {
	{ "addresses only", "bind 01:00.0\nbind 02:00.0 8086:10d3", true, true, false },
	{ "an ID among addresses", "bind 01:00.0\nbind 8086:3e92", false, true, false },
	{ "a path only", "bind path=00:1c.0/00.0", false, true, false },
	{ "an ID to keep", "bind 01:00.0\nkeep 8086:3e92", true, true, false },
	{ "an ID in a profile", "bind 01:00.0\n[x]\nbind 8086:3e92 driver=auto", true, true,
	  false },
	{ "an address that is not there", "bind 09:00.0\nbind 01:00.0", true, false, false },
	{ "an address of another device", "bind 02:00.0 10de:1c03", true, false, false },
	{ "too many of an ID", "bind 8086:10d3", false, true, false },
	{ "driver=auto", "bind 01:00.0\nbind 02:00.0 driver=auto", true, true, true },
};

static void test_questions(void **state)
{
	const struct question_case *row = *state;
	const struct trial_input input = ON_DESKTOP(row->config);
	struct trial trial;

	trial_run(&trial, &input);
	assert_int_equal(match_names_addresses(&trial.conf, &trial.cmdline), row->names_addresses);
	assert_int_equal(match_found_all(&trial.match), row->found_all);
	assert_int_equal(match_wants_aliases(&trial.conf, &trial.cmdline), row->wants_aliases);
	trial_done(&trial);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_not_known_does_not_match),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	failed += RUN_TABLE(conditions, test_match);
	failed += RUN_TABLE(counts, test_match);
	failed += RUN_TABLE(missing, test_match);
	failed += RUN_TABLE(companions, test_match);
	failed += RUN_TABLE(guards, test_match);
	failed += RUN_TABLE(broken_keeps, test_match);
	failed += RUN_TABLE(profiles, test_match);
	failed += RUN_TABLE(repeats, test_match);
	failed += RUN_TABLE(variants, test_match);
	failed += RUN_TABLE(needs, test_needs);
	failed += RUN_TABLE(questions, test_questions);
	return failed != 0;
}
