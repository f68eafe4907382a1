# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge on recorded traces, good and bad, and on good ones that are spoilt in one way
each.
"""

import re

import pytest

import judge
import once
import pictures

TRACES = once.HERE / "traces"
NIC = judge.Subject("0000:01:00.0", judge.CLAIMED, "e1000e", "e1000e")
TWIN = judge.Subject("0000:02:00.0", judge.HOST, "e1000e", "e1000e")
XHCI = judge.Subject("0000:03:00.0", judge.CLAIMED, "xhci_hcd", "xhci_pci")
NVME = judge.Subject("0000:03:00.0", judge.CLAIMED, "nvme", "nvme")
SOUND = judge.Subject("0000:00:05.1", judge.CLAIMED, "snd_hda_intel", "snd_hda_intel")
AHCI = judge.Subject("0000:03:00.0", judge.FENCED, "ahci", "ahci")
EDU = judge.Subject("0000:00:05.0", judge.CLAIMED)
EDU_TWIN = judge.Subject("0000:00:06.0", judge.IDLE, tried=("r8169",))
SERIAL = judge.Subject("0000:00:07.0", judge.TAKEN, "serial")

STUCK = judge.Subject("0000:00:08.0", judge.STUCK, "vmtest-remove")
PROBING = judge.Subject(
    "0000:01:00.0", judge.PROBING, "e1000e", "e1000e", target="vmtest-probe"
)

RECORDED = [
    ("hang-bookworm", STUCK, set()),
    ("hang-bookworm", PROBING, set()),
    ("desktop-bookworm", NIC, set()),
    ("desktop-bookworm", TWIN, set()),
    ("desktop-bookworm", XHCI, set()),
    ("desktop-bookworm", SOUND, set()),
    ("desktop-trixie", NIC, set()),
    ("desktop-trixie", TWIN, set()),
    ("edu-trixie", EDU, set()),
    ("edu-trixie", EDU_TWIN, set()),
    ("edu-trixie", SERIAL, set()),
    ("no-iommu-trixie", AHCI, set()),
    ("no-iommu-trixie", TWIN, set()),
    ("after-udev-bookworm", NIC, {"host-first", "module-first"}),
    ("after-udev-bookworm", NVME, {"host-first", "module-first"}),
    ("after-udev-bookworm", TWIN, set()),
    ("off-trixie", NIC, {"host-first", "not-fenced", "not-bound", "module-first"}),
    ("off-trixie", XHCI, {"host-first", "not-fenced", "not-bound", "module-first"}),
    ("off-trixie", TWIN, set()),
]


def recorded(name):
    return [(TRACES / name / part).read_text("utf-8") for part in ("trace", "functions")]


def codes(trace, functions, subject):
    (finding,) = judge.judge(trace, functions, [subject])
    return finding.codes


@pytest.mark.parametrize("name, subject, wrong", RECORDED)
def test_recorded_boot(name, subject, wrong):
    assert codes(*recorded(name), subject) == wrong


def without(pattern):
    """Spoils a trace: the lines that match are gone."""
    return lambda trace: re.sub(rf"^.*{pattern}.*\n(?:\"\n)?", "", trace, flags=re.M)


def renamed(one, other):
    return lambda trace: trace.replace(one, other)


def at_front(pattern):
    """Spoils a trace: the first line that matches comes before all others."""

    def spoil(trace):
        line = re.search(rf"^.*{pattern}.*\n(?:\"\n)?", trace, re.M)
        rest = trace[: line.start()] + trace[line.end() :]
        start = re.search(r"^[^#]", rest, re.M).start()
        return rest[:start] + line[0] + rest[start:]

    return spoil


def followed_by(text):
    return lambda trace: trace + text + "\n"


def preceded_by(text):
    return lambda trace: re.sub(r"^(?=[^#])", text + "\n", trace, count=1, flags=re.M)


LATE = (
    '  x-1 [000] ..... 9.0: probe: (really_probe+0x0/0x1) dev="0000:01:00.0" drv="e1000e"'
)
SPOILT = [
    ("never fenced", NIC, without('fence: .*dev="0000:01:00.0"'), {"not-fenced"}),
    ("fenced after vfio_pci", NIC, at_front("module_load: vfio_pci "), {"fenced-late"}),
    ("module before the bind", NIC, at_front("module_load: e1000e"), {"module-first"}),
    ("no module of the host", NIC, without("module_load: e1000e"), {"no-contender"}),
    ("probed again by the host", NIC, followed_by(LATE), {"host-later"}),
    ("probed by the host first", NIC, preceded_by(LATE), {"host-first"}),
    ("probe failed", NIC, without('bound: .*dev="0000:01:00.0"'), {"not-bound"}),
    ("twin fenced", TWIN, renamed('dev="0000:00:06.0"', 'dev="0000:02:00.0"'),
     {"touched"}),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, subject, spoil, wrong", SPOILT, ids=[row[0] for row in SPOILT]
)
def test_spoilt_trace(name, subject, spoil, wrong):
    trace, functions = recorded("desktop-bookworm")
    spoilt = spoil(trace)
    assert spoilt != trace
    assert codes(spoilt, functions, subject) >= wrong
    assert bool(codes(spoilt, functions, subject)) == bool(wrong)


SPOILT_SERIAL = [
    (
        "release before the fence",
        at_front('release: .*dev="0000:00:07.0"'),
        "not-released",
    ),
    ("no release", without("release: "), "not-released"),
    ("not built in", without('drv="serial"'), "not-built-in"),
]


@pytest.mark.parametrize(
    "name, spoil, code", SPOILT_SERIAL, ids=[row[0] for row in SPOILT_SERIAL]
)
def test_spoilt_release(name, spoil, code):
    trace, functions = recorded("edu-trixie")
    assert code in codes(spoil(trace), functions, SERIAL)


TRIED = judge.Subject("0000:00:07.0", judge.TRIED, "serial")


def test_built_in_driver_that_tried_in_vain():
    """The recorded one had it: without that it tried in vain, and nothing was released."""
    trace, functions = recorded("edu-trixie")
    assert codes(trace, functions, TRIED) == {"not-in-vain"}
    had = re.search(r'^.*bound: .*dev="0000:00:07.0"\n', trace, re.M)[0]
    vain = without("release: ")(trace.replace(had, "", 1))
    assert codes(vain, functions, TRIED) == set()
    assert codes(without('drv="serial"')(vain), functions, TRIED) == {"not-built-in"}
    again = LATE.replace("01:00.0", "00:07.0").replace("e1000e", "serial")
    assert codes(followed_by(again)(vain), functions, TRIED) == {"host-later"}


def test_older_kernel_shows_the_fence_as_a_write():
    trace, functions = recorded("desktop-bookworm")
    written = re.sub(r": fence: (.*) drv=", r': store: \1 attr="driver_override" drv=', trace)
    assert codes(written, functions, NIC) == set()
    other = written.replace('attr="driver_override"', 'attr="enable"')
    assert codes(other, functions, NIC) == {"not-fenced"}
    both = written + re.search(r".*: fence: .*dev=\"0000:00:06.0.*\n(?:\"\n)?", trace)[0]
    assert codes(both, functions, NIC) == {"not-fenced"}


SPOILT_FENCE = [
    ("no fence", without('fence: .*dev="0000:03:00.0"'), {"not-fenced", "module-first"}),
    ("module before the fence", at_front("module_load: ahci"), {"module-first"}),
    (
        "bound",
        followed_by(LATE.replace("probe", "bound").replace("01:", "03:")),
        {"bound"},
    ),
    ("probed by the host", preceded_by(LATE.replace("01:", "03:")), {"host-first"}),
]


@pytest.mark.parametrize(
    "name, spoil, wrong", SPOILT_FENCE, ids=[row[0] for row in SPOILT_FENCE]
)
def test_spoilt_fence(name, spoil, wrong):
    trace, functions = recorded("no-iommu-trixie")
    assert codes(spoil(trace), functions, AHCI) == wrong


SPOILT_HANG = [
    ("not released", STUCK, without("release: "), "not-released"),
    ("not fenced", STUCK, without('fence: .*dev="0000:00:08.0"'), "not-released"),
    ("probed by the host", STUCK, followed_by(LATE.replace("01:", "00:").replace("00.0", "08.0")),
     "probed"),
    ("no probe", PROBING, without('probe: .*dev="0000:01:00.0"'), "not-probed"),
    ("probed by the host", PROBING, followed_by(LATE), "host-later"),
    ("bound", PROBING, followed_by(LATE.replace("probe", "bound")), "bound"),
    ("not fenced", PROBING, without('fence: .*dev="0000:01:00.0"'), "not-fenced"),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, subject, spoil, code", SPOILT_HANG, ids=[row[0] for row in SPOILT_HANG]
)
def test_spoilt_hang(name, subject, spoil, code):
    trace, functions = recorded("hang-bookworm")
    assert code in codes(spoil(trace), functions, subject)


def test_contender_that_never_came():
    trace, functions = recorded("edu-trixie")
    assert codes(without('drv="r8169"')(trace), functions, EDU_TWIN) == {"no-contender"}


def test_driver_lost_at_the_end():
    trace, functions = recorded("desktop-bookworm")
    lost = re.sub(r"^(0000:01:00.0 .*driver=)\S+", r"\1-", functions, flags=re.M)
    assert codes(trace, lost, NIC) == {"lost"}


@pytest.mark.parametrize(
    "trace",
    ["", "# nothing", "# entries-in-buffer/entries-written: 5/9   #P:1\n",
     "# entries-in-buffer/entries-written: 0/0   #P:1\n"],
)  # fmt: skip
def test_trace_with_gaps_is_no_proof(trace):
    assert codes(trace, "", NIC) == {"no-trace"}
    assert codes(trace, "", TWIN) == {"no-trace"}


def test_module_loaded_by_name_must_come_late():
    trace, _ = recorded("desktop-trixie")

    def late(spoil=lambda trace: trace, modules=("e1000e",)):
        return list(judge.latecomers(spoil(trace), [NIC, TWIN], modules))

    assert late() == []
    assert "never loaded" in late(modules=["sky2"])[0]
    assert NIC.address in late(at_front("module_load: e1000e"))[0]


def test_module_loaded_by_name_must_find_the_fence():
    trace, _ = recorded("no-iommu-trixie")
    assert not list(judge.latecomers(trace, [AHCI], ["ahci"]))
    (words,) = judge.latecomers(at_front("module_load: ahci")(trace), [AHCI], ["ahci"])
    assert "not fenced yet" in words


def test_device_that_nobody_listed():
    trace, _ = recorded("after-udev-bookworm")
    assert judge.strangers(trace, [NIC, NVME, TWIN]) == []
    assert judge.strangers(trace, [NIC]) == [NVME.address]


def test_words_tell_the_story():
    (finding,) = judge.judge(*recorded("desktop-bookworm"), [NIC])
    order = [
        "fenced for vfio-pci",
        "vfio_pci loaded",
        "bound to vfio-pci",
        "e1000e loaded",
    ]
    places = [finding.saw.index(words) for words in order]
    assert places == sorted(places)


@pytest.mark.parametrize("suffix", pictures.WORDS)
def test_the_pictures_show_these_traces(suffix):
    drawn = (pictures.PICTURES / f"boot{suffix}.svg").read_text("utf-8")
    assert pictures.draw(suffix) == drawn, "run make pictures"
