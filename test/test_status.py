# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early status: after a run of the boot program on a fake machine, and what was done to the
machine or its config since.
"""

import os
import re
import resource
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import hosts
import machine as machines
import pytest
from cli import (CONF, CONFIG, DUE, ENVIRONMENT, PROGRAM, UNWANTED, WELL, set_driver, vfio_early)

GPU, SOUND, NIC, TWIN = "0000:01:00.0", "0000:01:00.1", "0000:02:00.0", "0000:03:00.0"
IGPU, AHCI = "0000:00:02.0", "0000:00:17.0"
REPORT = "run/vfio-early/report"
KERNEL = "6.12.1"


def nothing(_machine):
    pass


def bound(*addresses, driver="vfio-pci"):
    """As if the kernel had bound them."""
    def change(machine):
        for address in addresses:
            set_driver(machine, address, driver)
    return change


def config(text, name=CONF):
    return lambda machine: machine.config(text, name)


def gone(path):
    def change(machine):
        if machine.path(path).is_dir():
            shutil.rmtree(machine.path(path))
        else:
            machine.path(path).unlink()
    return change


def written(path, text):
    return lambda machine: machine.write(path, text)


def of_version(machine, version):
    report = machine.read(REPORT)
    machine.write(REPORT, report.replace("version=1", f"version={version}"))


def rescued(address):
    def change(machine):
        with machine.path(REPORT).open("a") as report:
            report.write(f"rescue address={address} result=released\n")
    return change


def no_groups(machine):
    for link in machine.root.glob("sys/devices/**/iommu_group"):
        link.unlink()
    shutil.rmtree(machine.path("sys/kernel/iommu_groups"))


def all_of(*changes):
    def change(machine):
        for one in changes:
            one(machine)
    return change


@dataclass
class Case:
    """A config, what happened `before` the boot program ran and `since`, and what status says."""
    name: str
    config: str
    status: int
    results: dict = field(default_factory=dict)  # {address, or the line's number: result}
    before: object = nothing
    since: object = nothing
    notices: tuple = ()
    cmdline: str = ""
    told: tuple = ()
    boots: bool = True


LISTED = "bind 02:00.0 8086:10d3\n"
HAND = "vfio-early bind"
REBUILD = "next: vfio-early apply, then reboot"

CASES = [
    Case("bound", LISTED, WELL, {NIC: "bound"}, bound(NIC)),
    Case("bound, of several functions", "bind 01:00.0 with=functions\n", WELL,
         {GPU: "bound", SOUND: "bound"}, bound(GPU, SOUND)),
    Case("nothing listed", "# nothing\n", WELL, told=("the config lists no device\n",)),
    Case("nothing listed, nothing booted", "# nothing\n", WELL, boots=False),
    Case("no config", "", WELL, before=gone(CONF), told=(
        f"the config lists no device: there is no /{CONF}\n",)),
    Case("no line in force", "[gaming]\n" + LISTED, WELL, {2: "inactive"},
         told=("no line that is in force in this boot lists a device\n",)),
    Case("nothing but an error", "bnd\n", CONFIG,
         told=("no line without an error lists a device\n",)),
    Case("fenced", LISTED, UNWANTED, {NIC: "fenced"},
         told=(f"{NIC}: fenced: ", f"next: remove the cause, then {HAND} {NIC}, or reboot")),
    Case("fenced, without an IOMMU", LISTED, UNWANTED, {NIC: "fenced"}, no_groups,
         told=("next: the IOMMU is off: turn it on",)),
    Case("failed", "bind 00:17.0\n", UNWANTED, {AHCI: "failed"},
         told=(f"{AHCI}: failed, ahci has it: ",)),
    Case("bound by hand since", LISTED, WELL, {NIC: "bound"}, since=bound(NIC),
         told=("bound to vfio-pci: since the boot; the boot itself left it fenced",)),
    Case("rebound", LISTED, UNWANTED, {NIC: "rebound"}, bound(NIC), bound(NIC, driver="e1000e"),
         told=("rebound, e1000e has it: bound at boot, given to e1000e since",
               f"next: {HAND} {NIC}\n")),
    Case("released", LISTED, UNWANTED, {NIC: "released"}, bound(NIC), bound(NIC, driver=""),
         told=("bound at boot, taken from its driver since", f"next: {HAND} {NIC}\n")),
    Case("given back because the root file system did not appear", "bind 02:00.0 rescue=release\n",
         UNWANTED, {NIC: "rescued"}, bound(NIC), all_of(bound(NIC, driver="nvme"), rescued(NIC)),
         told=("the boot gave it back to the host", f"vfio-early remove {NIC}")),
    Case("a group that is not viable", "bind 01:00.0\n", UNWANTED, {GPU: "not-viable"},
         all_of(bound(GPU), bound(SOUND, driver="snd_hda_intel")),
         told=(f"its IOMMU group 1 is not viable, no guest can have it: snd_hda_intel has {SOUND}",
               "next: write with=group on /etc/vfio-early.conf:1")),
    Case("a group with an idle function", "bind 01:00.0\n", WELL, {GPU: "bound"}, bound(GPU)),
    Case("a driver of another name", "bind 02:00.0 driver=mlx5_vfio_pci\n", WELL,
         {NIC: "bound"}, bound(NIC, driver="mlx5_vfio_pci")),

    Case("no report", LISTED, DUE, {NIC: "pending"}, boots=False, notices=("no-report",),
         told=("danger: this boot: the boot program has left no report",
               "    remedy: vfio-early apply, then reboot\n",
               f"{NIC}: pending: this boot bound nothing")),
    Case("no report, bound all the same", LISTED, DUE, {NIC: "bound"}, bound(NIC), boots=False,
         notices=("no-report",)),
    Case("a report that is none", LISTED, DUE, {NIC: "pending"}, notices=("no-report",),
         since=written(REPORT, "\0\xff garbage=\nreport\n")),
    Case("a report of a version to come", LISTED, DUE, {NIC: "pending"},
         since=lambda machine: of_version(machine, 2), notices=("no-report",)),
    Case("a report of another kernel", LISTED, DUE, {NIC: "pending"}, notices=("other-boot",),
         since=written("proc/sys/kernel/osrelease", "5.10.0\n")),
    Case("off", LISTED, DUE, {NIC: "pending"}, cmdline="vfio_early=off", notices=("off",),
         told=("vfio_early=off is on the kernel command line", "    remedy: reboot without it; "
               "if each boot has it, remove it from the kernel command line\n")),
    Case("off, in a file", LISTED, DUE, {NIC: "pending"}, cmdline="vfio_early=off",
         notices=("off",), before=written("boot/firmware/cmdline.txt", "vfio_early=off"),
         told=("the kernel command line: edit /boot/firmware/cmdline.txt\n",)),
    Case("a dry run", LISTED, DUE, {NIC: "pending"}, cmdline="vfio_early=dry-run",
         notices=("dry-run",),
         told=("note: this boot: vfio_early=dry-run is on", "    remedy: reboot without it; ")),
    Case("a boot without /sys", LISTED, DUE, {NIC: "pending"}, notices=("stopped",),
         since=written(REPORT, "report version=1 program=1 kernel=6.12.1 time=1 mode=normal "
                               'note="no PCI bus in /sys"\nconfig file=/etc/vfio-early.conf\n'),
         told=("the boot program stopped: no PCI bus in /sys",)),

    Case("a line more", LISTED, DUE, {1: "", TWIN: "pending", NIC: "bound"}, bound(NIC),
         config("bind 03:00.0\n" + LISTED), ("edited",),
         told=(f"note: this boot: /{CONF} ", "this boot's config did not list it",
               f"or at once: {HAND} {TWIN}")),
    Case("a comment and blank space more", LISTED, WELL, {NIC: "bound"}, bound(NIC),
         config("# mine\n\n  bind\t02:00.0  8086:10d3 # the card\r\n")),
    Case("a file more that says nothing", LISTED, WELL, {NIC: "bound"}, bound(NIC),
         config("# nothing\n", f"{CONF}.d/new.conf")),
    Case("a file less that says nothing", "# nothing\n", WELL, {NIC: "bound"},
         all_of(config(LISTED, f"{CONF}.d/nic.conf"), bound(NIC)), gone(CONF)),
    Case("a line less", LISTED + "bind 03:00.0\n", DUE, {NIC: "bound", TWIN: "unlisted"},
         bound(NIC, TWIN), config(LISTED), ("edited",),
         told=("no line any more:\n", f"the boot took it for /{CONF}:2, which no longer lists it",
               f"or at once: vfio-early release {TWIN}")),
    Case("a line less, and released", LISTED + "bind 03:00.0\n", DUE, {NIC: "bound"},
         bound(NIC, TWIN), all_of(config(LISTED), bound(TWIN, driver="e1000e")), ("edited",)),
    Case("a drop-in more", LISTED, DUE, {NIC: "bound", TWIN: "pending"}, bound(NIC),
         config("bind 03:00.0", f"{CONF}.d/twin.conf"), ("edited",),
         told=(f"/{CONF}.d/twin.conf was edited since the boot\n",)),
    Case("a config gone", LISTED, DUE, {NIC: "unlisted"}, bound(NIC), gone(CONF), ("edited",),
         told=(f"/{CONF} is gone; this boot used it",)),
    Case("an image of another config", LISTED, DUE, {NIC: "pending"}, bound(TWIN),
         written("run/vfio-early/etc/vfio-early.conf", "bind 03:00.0\n"), ("edited",),
         told=(f"/{CONF} is not what this boot's image was built with",)),

    Case("absent", "bind 09:00.0\n", UNWANTED, {1: "absent"},
         told=("  absent: no device at 0000:09:00.0",
               f"next: correct /{CONF}:1, or take the line out: vfio-early remove /{CONF}:1")),
    Case("mismatch", "bind 02:00.0 10de:1c03\n", UNWANTED, {1: "mismatch"},
         told=(f"what the line describes is at {GPU}",)),
    Case("ambiguous", "bind 8086:10d3\n", UNWANTED, {1: "ambiguous"}),
    Case("refused", "bind 00:02.0\n", UNWANTED, {IGPU: "refused"},
         told=("allow=boot-display would take it",)),
    Case("refused by the image", LISTED, UNWANTED, {NIC: "refused"},
         written("usr/lib/vfio-early/keep.conf", "keep 02:00.0\n"),
         gone("usr/lib/vfio-early/keep.conf"),
         told=("at boot: the host uses it; allow=in-use would take it",
               "next: vfio-early check")),
    Case("inactive", "[gaming]\n" + LISTED, WELL, {2: "inactive"},
         told=("active only with vfio_early=gaming",)),
    Case("a profile that was chosen", "[gaming]\n" + LISTED, WELL, {NIC: "bound"}, bound(NIC),
         cmdline="vfio_early=gaming"),
    Case("an error", "bnd\n" + LISTED, CONFIG, {NIC: "bound"}, bound(NIC)),
    Case("two lines for one function", LISTED + "bind 8086:10d3 count=2\n", UNWANTED,
         {NIC: "bound", TWIN: "fenced"}, bound(NIC)),
]


def run_case(case, machine):
    machine.write("proc/sys/kernel/osrelease", f"{KERNEL}\n")
    machine.config(case.config)
    if case.cmdline:
        machine.cmdline(case.cmdline)
    case.before(machine)
    if case.boots:
        machine.run()
        report = re.sub(r"kernel=\S+ time=\d+", f"kernel={KERNEL} time=1700000000",
                        machine.read(REPORT))
        machine.write(REPORT, report)
        if machine.path(CONF).exists():
            os.utime(machine.path(CONF), (1600000000, 1600000000))
    case.since(machine)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_status(desktop, case):
    run_case(case, desktop)
    before = desktop.snapshot()
    said = vfio_early(desktop, "status")
    assert said.status == case.status, said
    for words in case.told:
        assert words in said.out, said.out
    json = vfio_early(desktop, "status", "--json")
    assert json.status == case.status == json.json["status"]
    results = {device["address"] or int(device["line"].rpartition(":")[2]): device["result"]
               for device in json.json["devices"]}
    assert results == {key: result for key, result in case.results.items() if result}
    assert tuple(notice["kind"] for notice in json.json["notices"]) == case.notices
    assert desktop.snapshot() == before


def test_what_it_prints(desktop):
    case = Case("", "# cards\nbind 02:00.0 # one\nbind 01:00.0 with=functions\n", UNWANTED,
                before=all_of(bound(NIC, GPU)), since=bound(GPU, driver="nouveau"))
    run_case(case, desktop)
    said = vfio_early(desktop, "status")
    reason = desktop_reason(desktop, SOUND)
    assert said.out == f"""\
boot: 2023-11-14 22:13:20 +0000, Linux {KERNEL}
/{CONF}:2: bind 02:00.0
  {NIC}: bound to vfio-pci
/{CONF}:3: bind 01:00.0 with=functions
  {GPU}: rebound, nouveau has it: bound at boot, given to nouveau since
  {SOUND}: fenced: {reason}
1 of 3 devices bound
next: vfio-early bind {GPU}
next: remove the cause, then vfio-early bind {SOUND}, or reboot
"""
    assert said.err == ""


def desktop_reason(machine, address):
    report = machines.Report(machine.read(REPORT))
    return report.reason("address", address)


def test_json(desktop):
    run_case(Case("", LISTED, WELL, before=bound(NIC)), desktop)
    assert vfio_early(desktop, "status", "--json").json == {
        "schema": 1, "status": 0, "error": None, "notices": [], "errors": [],
        "listed": 1, "bound": 1,
        "boot": {"report": True, "kernel": KERNEL, "mode": "normal", "note": None,
                 "time": 1700000000},
        "devices": [{"line": f"/{CONF}:1", "statement": "bind 02:00.0 8086:10d3",
                     "address": NIC, "target": "vfio-pci", "driver": "vfio-pci",
                     "boot": "bound", "result": "bound", "well": True, "why": None,
                     "next": None}]}


# config, what is bound, the summary
COUNTS = {
    "all": ("bind 01:00.0 with=functions\nbind 02:00.0\n", (GPU, SOUND, NIC), "3 of 3 devices"),
    "one": (LISTED, (NIC,), "1 of 1 device bound"),
    "none": (LISTED, (), "0 of 1 device bound"),
    "a line that selects nothing": (LISTED + "bind 77:00.0\n", (NIC,), "1 of 2 devices bound"),
    "a line that does not count": (LISTED + "[x]\nbind 03:00.0\n", (NIC,), "1 of 1 device b"),
    "two lines for one device": (LISTED + "bind 02:00.0\n", (NIC,), "1 of 1 device bound"),
    "a second line that may take it": ("bind 00:02.0\nbind 00:02.0 allow=boot-display\n",
                                       (IGPU,), "1 of 1 device bound"),
}


@pytest.mark.parametrize("case", COUNTS)
def test_summary(desktop, case):
    text, devices, summary = COUNTS[case]
    run_case(Case("", text, WELL, before=bound(*devices)), desktop)
    assert summary in vfio_early(desktop, "status").out
    counts = vfio_early(desktop, "status", "--json").json
    assert [str(counts["bound"]), "of", str(counts["listed"])] == summary.split()[:3]


def test_a_next_step_is_printed_once(desktop):
    """With all devices that need it."""
    run_case(Case("", "bind 01:00.0 with=functions\nbind 02:00.0\nbind 77:00.0\nbind 78:00.0\n",
                  UNWANTED), desktop)
    steps = [line for line in vfio_early(desktop, "status").out.splitlines() if "next" in line]
    assert steps == [
        f"next: remove the cause, then vfio-early bind {GPU} {SOUND} {NIC}, or reboot",
        *(f"next: correct /etc/vfio-early.conf:{line}, or take the line out: "
          f"vfio-early remove /etc/vfio-early.conf:{line}" for line in (3, 4))]


# arguments, the addresses that are printed, exit status, words
CHOICES = {
    "an address": ("02:00.0", [NIC], WELL, "1 of 1 device bound"),
    "a card": ("01:00", [GPU, SOUND], UNWANTED, "0 of 2 devices bound"),
    "an ID": ("10de:1c03", [GPU], UNWANTED, ""),
    "a group": ("group=1", [GPU, SOUND], UNWANTED, ""),
    "several": ("02:00.0 01:00.1", [SOUND, NIC], UNWANTED, ""),
    "a device that is missing": ("77:00.0", [None], UNWANTED, "0 of 1 device bound"),
    "a device that is not listed": ("03:00.0", None, UNWANTED,
                                    "03:00.0: no line of the config lists such a device"),
    "one of two": ("02:00.0 03:00.0", [NIC], UNWANTED, "03:00.0: no line of the config"),
    "no device": ("no:such.x", None, 2, "no:such.x"),
}


@pytest.mark.parametrize("case", CHOICES)
def test_some_devices(desktop, case):
    """The boot did more than these lines: the exit status is about the devices."""
    arguments, addresses, status, words = CHOICES[case]
    run_case(Case("", "bind 01:00.0 with=functions\nbind 02:00.0\nbind 77:00.0\n", DUE,
                  before=bound(NIC), since=config("[x]\nbind 08:00.0\n", f"{CONF}.d/x.conf")),
             desktop)
    said = vfio_early(desktop, "status", *arguments.split())
    assert said.status == status and words in said.out + said.err, said
    json = vfio_early(desktop, "status", "--json", *arguments.split()).json
    assert [device["address"] for device in json["devices"]] == addresses if addresses else \
        "devices" not in json


@pytest.mark.parametrize("expected, text, status", [
    ("1", LISTED, WELL), ("2", LISTED, UNWANTED), ("0", "", WELL), ("1", "", UNWANTED),
    ("1", LISTED + "bind 77:00.0\n", UNWANTED), ("x", LISTED, 2), ("-1", LISTED, 2)])
def test_fewer_than_expected(desktop, expected, text, status):
    """A config that was lost is no success."""
    run_case(Case("", text, WELL, before=bound(NIC)), desktop)
    said = vfio_early(desktop, "status", "--expect", expected)
    assert said.status == status
    if (expected, status) in (("2", UNWANTED), ("1", UNWANTED)):
        assert ("fewer devices are bound than expected" in said.err) == ("77" not in text)


def test_colors(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0 with=functions\nbind 77:00.0\n")
    assert host.run().report is not None
    bound("0000:02:00.0", "0000:02:00.1")(host)
    text = host.terminal(80, "status")
    assert f"{NIC}: \033[32mbound\033[0m to vfio-pci" in text
    assert "  \033[31mabsent\033[0m: " in text and "\033[31m2 of 3 devices bound\033[0m\n" in text
    for plain in (host.terminal(80, "status", NO_COLOR="1"), host.host("status").stdout,
                  host.terminal(80, "status", TERM="dumb"),
                  host.terminal(80, "status", "--no-color")):
        assert "\033" not in plain and f"{NIC}: bound to vfio-pci" in plain


def test_what_the_host_needs_is_refused_as_check_refuses_it(tmp_path):
    """A new line for the disk with / is not to be bound at once, and not at the next boot."""
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0\n")
    assert host.run().report is not None
    host.config("bind 02:00.0\nbind 03:00.0\n")
    told = vfio_early(host, "check", "--json").json
    (danger,) = [danger for danger in told["dangers"] if danger["refuses"]]
    (device,) = [device for device in vfio_early(host, "status", "--json").json["devices"]
                 if device["address"] == danger["address"]]
    assert (device["result"], device["why"]) == ("refused", danger["text"])
    assert device["result"] == told["lines"][1]["devices"][0]["result"]
    assert device["next"] == danger["remedy"] and "at once" not in device["next"]


def test_json_of_what_is_not_utf8(desktop):
    desktop.config(b"bind 02:00.0 \xff\"\\\nbind 02:00.0 # \xff\n")
    assert vfio_early(desktop, "status", "--json").json["devices"][0]["statement"] == \
        "bind 02:00.0"


def test_no_sysfs(machine):
    shutil.rmtree(machine.path("sys"))
    said = vfio_early(machine, "status")
    assert said.status == ENVIRONMENT and f"{machine.root}/sys: no PCI bus" in said.err


def test_a_report_that_cannot_be_read(desktop):
    desktop.config(LISTED)
    desktop.path(REPORT).mkdir(parents=True)
    said = vfio_early(desktop, "status")
    assert said.status == ENVIRONMENT
    assert "/run/vfio-early/report: cannot be read: Is a directory" in said.err


def test_an_ordinary_user_can_run_it():
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        machine = machines.desktop(Path(directory) / "root")
        run_case(Case("", LISTED, WELL, before=bound(NIC)), machine)
        program = shutil.copy(PROGRAM, directory)
        who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        said = vfio_early(machine, "status", program=program, **who)
        assert said.status == WELL, said


def cpu_time():
    """Of the programs that ran and ended; what else runs on the machine is not in it."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_it_is_quick(machine, record_property):
    """A desktop's tree: 120 functions, the aliases of a distribution's kernel. Two milliseconds are
    the dynamic linker's, for the libraries that libxml2 needs.
    """
    for bus in range(15):
        for device in range(8):
            machine.function(f"0000:{bus:02x}:{device:02x}.0", "8086:10d3", "020000",
                             group=8 * bus + device)
    release = subprocess.run(["uname", "-r"], capture_output=True, text=True,
                             check=True).stdout.strip()
    alias = "alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n"
    machine.write(f"lib/modules/{release}/modules.alias", alias * 25000)
    machine.config("".join(f"bind {bus:02x}:00.0 8086:10d3\n" for bus in range(10)))
    machine.run()
    took = []
    for _ in range(20):
        start = cpu_time()
        vfio_early(machine, "status")
        took.append(cpu_time() - start)
    record_property("figure", ("milliseconds of status", round(min(took) * 1000), 15))
    assert min(took) < 0.015


def test_a_switch_that_nothing_has(desktop):
    """Whoever mistyped `off` at a dark screen must learn that it had no effect."""
    desktop.config("bind 02:00.0\n")
    desktop.cmdline("vfio_early=of")
    assert desktop.run().report is not None
    words = "vfio_early: unknown word on the kernel command line: of (expected off, dry-run or"
    assert f"danger: this boot: {words}" in vfio_early(desktop, "status").out
    assert words in vfio_early(desktop, "check").out
