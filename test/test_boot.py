# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot program on fake machines: what it writes where, what it tells, and what it leaves
alone. A machine of files binds nothing by itself, so that "fenced" is the best that most cases
can come to; real kernels are test-vm's.
"""

import os
import re
import subprocess
from dataclasses import dataclass, field

import machine as machines
import pytest
from machine import BOOT, TOP

CONF = "/etc/vfio-early.conf"
GPU, SOUND, NIC, TWIN = "0000:01:00.0", "0000:01:00.1", "0000:02:00.0", "0000:03:00.0"
IGPU, AHCI, PORT = "0000:00:02.0", "0000:00:17.0", "0000:00:01.0"


def fence(*addresses, driver="vfio-pci"):
    return {f"{address}/driver_override": driver for address in addresses}


@dataclass
class Case:
    """A config on the desktop, and what comes of it."""
    name: str
    config: str
    results: dict = field(default_factory=dict)   # {address: result}
    lines: dict = field(default_factory=dict)     # {number: result}
    written: dict = field(default_factory=dict)
    keep: str = ""
    cmdline: str = ""
    status: int = 1
    told: tuple = ()


def fenced(name, config, *addresses, **more):
    return Case(name, config, {a: "fenced" for a in addresses}, {1: "fenced"},
                fence(*addresses), **more)


CASES = [
    fenced("address", "bind 02:00.0", NIC),
    fenced("address and ID", "bind 02:00.0 8086:10d3", NIC),
    fenced("ID", "bind 10de:1c03", GPU),
    fenced("subsystem", "bind subsystem=1458:3702 class=04", SOUND),
    fenced("path", "bind path=00:1c.1/00.0", TWIN),
    fenced("serial number", "bind serial=00-1b-21-ff-ff-00-00-02", TWIN),
    fenced("ID and serial number", "bind 8086:10d3 serial=00-1b-21-ff-ff-00-00-01", NIC),
    fenced("count", "bind 8086:10d3 count=2", NIC, TWIN),
    fenced("with=functions", "bind 01:00.0 with=functions", GPU, SOUND),
    fenced("with=group leaves the bridge alone", "bind 01:00.1 with=group", GPU, SOUND),
    Case("a host driver has to let go", "bind 00:17.0", {AHCI: "failed"}, {1: "failed"},
         fence(AHCI) | {"ahci/unbind": AHCI}, told=("ahci has it",)),
    Case("another driver", "bind 02:00.0 driver=pci-stub", {NIC: "fenced"}, {1: "fenced"},
         fence(NIC, driver="pci-stub"),
         told=("this image has no module for the driver pci-stub; rebuild it",)),
    Case("the boot display", "bind 00:02.0", {IGPU: "refused"}, {1: "refused"},
         told=("the firmware's display is on it; allow=boot-display would take it",)),
    Case("the boot display, allowed", "bind 00:02.0 allow=boot-display", {IGPU: "failed"},
         {1: "failed"}, fence(IGPU) | {"i915/unbind": IGPU}),
    Case("a bridge", "bind 00:01.0", {PORT: "refused"}, {1: "refused"},
         told=("a bridge is never passed through",)),
    Case("keep wins", "bind 8086:10d3 count=2\nkeep 03:00.0",
         {NIC: "fenced", TWIN: "refused"}, {1: "fenced", 2: "active"}, fence(NIC),
         told=(f"{TWIN}: refused: {CONF}:2 keeps it for the host ({CONF}:1)",)),
    Case("what the host uses", "bind 00:17.0", {AHCI: "refused"}, {1: "refused"},
         keep="keep 00:17.0\n", told=("the host uses it; allow=in-use would take it",)),
    Case("what the host uses, allowed", "bind 02:00.0 allow=in-use", {NIC: "fenced"},
         {1: "fenced"}, fence(NIC), keep="keep 02:00.0\n"),
    Case("nothing there", "bind 04:00.0", {}, {1: "absent"},
         told=(f"{CONF}:1: absent: no device at 0000:04:00.0",)),
    Case("moved", "bind 04:00.0 10de:1c03", {}, {1: "mismatch"},
         told=(f"no device at 0000:04:00.0; what the line describes is at {GPU}",)),
    Case("another device in its place", "bind 02:00.0 10de:1c03", {}, {1: "mismatch"},
         told=(f"{NIC} is 8086:10d3, not 10de:1c03; what the line describes is at {GPU}",)),
    Case("another device at its path", "bind path=00:1c.0/00.0 10de:1c03", {},
         {1: "mismatch"},
         told=(f"{NIC} is 8086:10d3, not 10de:1c03; what the line describes is at {GPU}",)),
    Case("moved, and told by its serial number",
         "bind 02:00.0 8086:10d3 serial=00-1b-21-ff-ff-00-00-02", {}, {1: "mismatch"},
         told=(f"{NIC} has another serial number, or none; what the line describes is at "
               f"{TWIN}",)),
    Case("ambiguous", "bind 8086:10d3", {}, {1: "ambiguous"},
         told=(f"2 devices match, but the line wants 1: {NIC}, {TWIN}",)),
    Case("lines that agree", "bind 02:00.0\nbind path=00:1c.0/00.0",
         {NIC: "fenced"}, {1: "fenced", 2: "fenced"}, fence(NIC)),
    Case("lines that contradict each other",
         "bind 02:00.0\nbind 02:00.0 driver=pci-stub\nbind 03:00.0",
         {NIC: "invalid", TWIN: "fenced"}, {1: "invalid", 2: "invalid", 3: "fenced"},
         fence(TWIN), told=(f"{CONF}:1: invalid: {CONF}:2 names another driver",)),
    Case("a profile not chosen", "[x]\nbind 02:00.0", {}, {2: "inactive"}, status=0),
    Case("a profile chosen", "[x]\nbind 02:00.0\n[y]\nbind 03:00.0", {NIC: "fenced"},
         {2: "fenced", 4: "inactive"}, fence(NIC), cmdline="vfio_early=x quiet"),
    Case("only keep lines", "keep 02:00.0", {}, {}, status=0, told=("no bind line",)),
    Case("an empty config", "", {}, {}, status=0, told=("no bind line",)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(desktop, case):
    desktop.config(case.config + "\n")
    if case.keep:
        desktop.write("usr/lib/vfio-early/keep.conf", case.keep)
    desktop.cmdline(case.cmdline)
    run = desktop.run()
    assert run.written == case.written
    assert not run.gone
    assert run.report.results() == case.results
    here = {number: result for number, result in
            ((int(at.removeprefix(f"{CONF}:")), result)
             for at, result in run.report.lines().items() if at.startswith(f"{CONF}:"))}
    assert here == case.lines
    assert run.status == case.status
    for words in case.told:
        assert run.told(words), run.log
    assert run.out == ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_dry_run_touches_nothing(desktop, case):
    desktop.config(case.config + "\n")
    desktop.cmdline(case.cmdline)
    run = desktop.run("--dry-run")
    assert run.written == {}
    assert "fenced" not in run.report.results().values()
    assert set(run.report.results()) == set(case.results)
    assert run.report.head["mode"] == "dry-run"


def test_dry_run_says_what_would_be_done(desktop):
    desktop.config("bind 00:17.0\nbind 02:00.0\nbind 00:02.0\n")
    desktop.cmdline("vfio_early=dry-run")
    run = desktop.run()
    assert run.written == {}
    assert run.told(f"{AHCI}: taken from ahci, would be bound to vfio-pci ({CONF}:1)")
    assert run.told(f"{NIC}: would be bound to vfio-pci ({CONF}:2)")
    assert run.told(f"{IGPU}: refused")
    assert run.log[-1].startswith("vfio-early: 0 bound, 2 planned, 1 refused")
    assert run.report.head["mode"] == "dry-run"
    assert run.report.results() == {AHCI: "planned", NIC: "planned", IGPU: "refused"}


@pytest.mark.parametrize("words", ["vfio_early=off", "quiet vfio_early=x,off",
                                   "vfio_early=dry-run vfio_early=off"])
def test_off_touches_nothing(desktop, words):
    desktop.config("bind 02:00.0\n")
    desktop.cmdline(words)
    run = desktop.run()
    assert run.written == {}
    assert run.report.head["mode"] == "off"
    assert run.report.head["note"] == "vfio_early=off is on the kernel command line"
    assert run.report.results() == {}
    assert run.told("vfio_early=off is on the kernel command line")


def test_bound_already_is_fenced_and_bound(desktop):
    desktop.function("0000:05:00.0", "144d:a808", "010802", driver="vfio-pci")
    desktop.config("bind 05:00.0\n")
    run = desktop.run()
    assert run.written == fence("0000:05:00.0")
    assert run.report.results() == {"0000:05:00.0": "bound"}
    assert run.status == 0
    assert run.log == [f"vfio-early: 0000:05:00.0: bound to vfio-pci ({CONF}:1)",
                       "vfio-early: 1 bound; see /run/vfio-early/report"]


def test_a_driver_that_is_built_in_is_asked_to_bind(desktop):
    desktop.driver("vfio-pci")
    desktop.write("usr/lib/vfio-early/modules", "[vfio-pci]\n")
    desktop.config("bind 02:00.0\n")
    run = desktop.run()
    assert run.written == fence(NIC) | {"vfio-pci/bind": NIC}
    assert run.told("the kernel reported success and bound nothing")
    assert run.report.results() == {NIC: "fenced"}


def test_without_driver_override_nothing_else_is_tried(desktop):
    desktop.driver("vfio-pci")
    desktop.write("sys/bus/pci/drivers/pci-stub/bind", "")
    for address in (AHCI, TWIN):
        desktop.path(f"sys/bus/pci/devices/{address}/driver_override").unlink()
    desktop.config("bind 00:17.0\nbind 02:00.0\nbind 03:00.0 driver=pci-stub\n")
    run = desktop.run()
    assert run.written == fence(NIC) | {"vfio-pci/bind": NIC}
    assert run.report.results() == {AHCI: "failed", NIC: "fenced", TWIN: "failed"}
    assert run.told(f"{TWIN}: failed, not even fenced")
    assert run.told("cannot write driver_override: No such file or directory")


def test_a_driver_without_unbind_keeps_it(desktop):
    desktop.driver("vfio-pci")
    desktop.path("sys/bus/pci/drivers/ahci/unbind").unlink()
    desktop.config("bind 00:17.0\nbind 02:00.0\n")
    run = desktop.run()
    assert run.written == fence(AHCI, NIC) | {"vfio-pci/bind": NIC}
    assert run.report.results() == {AHCI: "failed", NIC: "fenced"}
    assert run.told("ahci does not release it: No such file or directory")


def test_what_its_driver_keeps_is_not_bound(desktop):
    """In a tree of files, unbind succeeds and changes nothing."""
    desktop.driver("vfio-pci")
    desktop.config("bind 00:17.0\n")
    run = desktop.run()
    assert run.written == fence(AHCI) | {"ahci/unbind": AHCI}
    assert run.report.results() == {AHCI: "failed"}
    assert "another driver has it" in run.report.reason("address", AHCI)


def test_no_iommu_is_named(desktop):
    """strace gives the errno that vfio-pci's probe does: with it, the link decides on the words."""
    desktop.driver("vfio-pci")
    desktop.function("0000:05:00.0", "144d:a808", "010802")
    desktop.config("bind 05:00.0\nbind 02:00.0\n")
    bind = desktop.path("sys/bus/pci/drivers/vfio-pci/bind")
    run = desktop.run(prefix=["strace", "-f", "-qq", "-o", os.devnull, "-P", bind,
                              "-e", "inject=write:error=EINVAL"])
    assert run.report.results() == {"0000:05:00.0": "fenced", NIC: "fenced"}
    assert run.report.reason("address", "0000:05:00.0") == \
        "Invalid argument (no IOMMU group: the IOMMU does not cover this device)"
    assert run.report.reason("address", NIC) == \
        "Invalid argument (the driver's probe refuses it)"


@pytest.mark.parametrize("error", ["EINVAL", "ENODEV"])
def test_an_iommu_that_is_off_is_named(machine, error):
    """Before 5.14 `bind` answers ENODEV, whatever the probe said. with=group found nothing."""
    machine.driver("vfio-pci")
    machine.function(NIC, "8086:10d3", "020000")
    machine.path("sys/kernel/iommu_groups").mkdir(parents=True)
    machine.config("bind 02:00.0 with=group\n")
    bind = machine.path("sys/bus/pci/drivers/vfio-pci/bind")
    run = machine.run(prefix=["strace", "-f", "-qq", "-o", os.devnull, "-P", bind,
                              "-e", f"inject=write:error={error}"])
    assert run.report.reason("address", NIC).endswith(
        "(no IOMMU group: the IOMMU is off; with=group added no device)")


@pytest.mark.parametrize("error, words", [
    ("EBUSY", "Device or resource busy (another driver has it, or it has virtual functions "
              "in use)"),
    ("ENODEV", "No such device (the driver does not accept it)"),
    ("EAGAIN", "Try again"),
    ("EPERM", "Operation not permitted"),
])
def test_errno_of_bind(desktop, error, words):
    desktop.driver("vfio-pci")
    desktop.config("bind 02:00.0\n")
    bind = desktop.path("sys/bus/pci/drivers/vfio-pci/bind")
    run = desktop.run(prefix=["strace", "-f", "-qq", "-o", os.devnull, "-P", bind,
                              "-e", f"inject=write:error={error}"])
    assert run.report.results() == {NIC: "fenced"}
    assert run.report.reason("address", NIC) == words
    assert run.written == fence(NIC)  # and the fence stays


def test_an_override_that_fails_stops_no_other(desktop):
    desktop.driver("vfio-pci")
    desktop.config("bind 00:17.0\nbind 02:00.0\n")
    override = desktop.path(f"sys/bus/pci/devices/{AHCI}/driver_override")
    run = desktop.run(prefix=["strace", "-f", "-qq", "-o", os.devnull, "-P", override,
                              "-e", "inject=write:error=EIO"])
    assert run.report.results() == {AHCI: "failed", NIC: "fenced"}
    assert run.told("cannot write driver_override: Input/output error")
    assert "ahci/unbind" not in run.written


def test_the_display_of_the_framebuffer(desktop):
    """A machine without boot_vga, as with a UEFI display of class 0380 or on another bus."""
    desktop.function("0000:06:00.0", "1002:73bf", "038000",
                     bars=[(0xA0000000, 0xAFFFFFFF), (0xB0000000, 0xB01FFFFF)])
    desktop.function("0000:07:00.0", "1002:73bf", "038000", bars=[(0xC0000000, 0xCFFFFFFF)])
    desktop.write("proc/iomem", "00000000-00000fff : Reserved\n"
                  "a0000000-cfffffff : PCI Bus 0000:00\n"
                  "  a0000000-afffffff : 0000:06:00.0\n"
                  "    a0100000-a07e8fff : BOOTFB\n")
    desktop.config("bind 06:00.0\nbind 07:00.0\n")
    run = desktop.run()
    assert run.report.results() == {"0000:06:00.0": "refused", "0000:07:00.0": "fenced"}
    assert run.written == fence("0000:07:00.0")


@pytest.mark.parametrize("memory, result", [
    ("a0000000-a07e8fff", "refused"), ("9ff00000-a0000000", "refused"),
    ("afffffff-b07e8fff", "refused"), ("90000000-bfffffff", "refused"),
    ("9f000000-9fffffff", "fenced"), ("b0000000-b07e8fff", "fenced")],
    ids=["at its start", "its first byte", "its last byte", "all of it", "below", "above"])
def test_where_the_framebuffer_lies(desktop, memory, result):
    desktop.function("0000:06:00.0", "1002:73bf", "038000", bars=[(0xA0000000, 0xAFFFFFFF)])
    desktop.write("proc/iomem", f"{memory} : simpledrm\n")
    desktop.config("bind 06:00.0\n")
    assert desktop.run().report.results() == {"0000:06:00.0": result}


def test_iomem_of_zeros_says_nothing(desktop):
    desktop.function("0000:06:00.0", "1002:73bf", "038000", bars=[(0, 0xFFF)])
    desktop.write("proc/iomem", "00000000-00000000 : BOOTFB\n")
    desktop.config("bind 06:00.0\n")
    assert desktop.run().report.results() == {"0000:06:00.0": "fenced"}


def test_path_behind_vmd(desktop):
    machine = desktop
    machine.function("0000:00:0e.0", "8086:467f", "010400", driver="vmd")
    base = "sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0"
    machine.directories["vmd"] = base
    machine.function("10000:e0:06.0", "8086:464d", "060400", behind="vmd")
    machine.function("10000:e1:00.0", "144d:a808", "010802", behind="10000:e0:06.0")
    machine.config("bind path=10000:e0:06.0/00.0 144d:a808\n")
    run = machine.run()
    assert run.written == fence("10000:e1:00.0")


ALIASES = ("alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
           "alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n"
           "alias vfio_pci:v00008086d000010D3sv*sd*bc*sc*i* nic_vfio_pci\n")


def test_driver_auto(desktop):
    desktop.write(f"lib/modules/{os.uname().release}/modules.alias", ALIASES)
    desktop.config("bind 8086:10d3 count=2 driver=auto\nbind 01:00.0 driver=auto\n")
    assert desktop.run().written == \
        fence(NIC, TWIN, driver="nic_vfio_pci") | fence(GPU)


def test_driver_auto_without_aliases(desktop):
    desktop.config("bind 02:00.0 driver=auto\n")
    assert desktop.run().written == fence(NIC)


def test_dropins_in_byte_order(desktop):
    desktop.config("bind 00:17.0\n")
    for name in ("b.conf", "a.conf", "Z.conf", "10.conf", "9.conf", "x.conf.bak", ".h.conf",
                 "conf", "y.txt"):
        desktop.config("keep ffff:ffff\n", f"etc/vfio-early.conf.d/{name}")
    order = [fields["file"] for fields in desktop.run("--dry-run").report.all("config")]
    assert order == [CONF] + [f"{CONF}.d/{name}.conf" for name in ("10", "9", "Z", "a", "b")]


def test_a_dropin_binds_and_a_profile_ends_with_its_file(desktop):
    desktop.config("[x]\nbind 03:00.0\n")
    desktop.config("bind 02:00.0\n", "etc/vfio-early.conf.d/nic.conf")
    run = desktop.run()
    assert run.written == fence(NIC)
    assert run.report.lines() == {f"{CONF}:2": "inactive", f"{CONF}.d/nic.conf:1": "fenced"}


def test_no_config_at_all(desktop):
    run = desktop.run()
    assert run.written == {}
    assert run.status == 0
    assert run.report.head["note"] == "no bind line in the config"


def test_the_report(desktop):
    desktop.config("bind 00:17.0 # disks\nbind 02:00.0\nkeep 03:00.0\nbnd 03:00.0\n")
    desktop.config("bind 01:00.0\n", "etc/vfio-early.conf.d/gpu.conf")
    desktop.cmdline("vfio_early=work,gaming")
    report = desktop.run().report
    assert report.head.keys() >= {"version", "program", "kernel", "time", "mode"}
    assert report.head["version"] == "1"
    assert report.head["kernel"] == os.uname().release
    assert report.head["mode"] == "normal"
    assert [fields["name"] for fields in report.all("profile")] == ["work", "gaming"]
    assert report.all("config") == [
        {"file": CONF, "bytes": str(desktop.path("etc/vfio-early.conf").stat().st_size)},
        {"file": f"{CONF}.d/gpu.conf", "bytes": "13"}]
    assert report.errors() == [
        f"{CONF}:4:1: bnd: unknown statement (expected bind, keep, option, start or [NAME])"]
    assert report.lines() == {f"{CONF}:1": "failed", f"{CONF}:2": "fenced",
                              f"{CONF}:3": "active", f"{CONF}.d/gpu.conf:1": "fenced"}
    functions = {fields["address"]: fields for fields in report.all("function")}
    assert functions[AHCI] | {"reason": ""} == {
        "address": AHCI, "line": f"{CONF}:1", "id": "8086:2922", "class": "010601",
        "was": "ahci", "target": "vfio-pci", "driver": "ahci", "result": "failed",
        "reason": ""}
    assert (functions[NIC]["was"], functions[NIC]["driver"]) == ("-", "-")
    assert [(fields["path"], fields["result"]) for fields in report.all("module")] == \
        [("/lib/modules/vfio.ko", "failed"), ("/lib/modules/vfio-pci.ko", "failed")]


def test_the_config_is_copied_beside_the_report(desktop):
    text = "\ufeff# für die Maschine\r\nbind 02:00.0\r\nbad"
    desktop.config(text)
    desktop.config("keep 03:00.0\n", "etc/vfio-early.conf.d/x.conf")
    desktop.write("usr/lib/vfio-early/keep.conf", "keep 00:17.0\n")
    run = desktop.run()
    copies = {path: what for path, what in run.changed.items() if "/etc/" in path}
    assert copies.pop("run/vfio-early/etc/vfio-early.conf") == text.encode()
    assert copies.pop("run/vfio-early/etc/vfio-early.conf.d/x.conf") == b"keep 03:00.0\n"
    assert all(isinstance(what, tuple) for what in copies.values())  # directories
    assert not [path for path in run.changed if "keep.conf" in path]


def test_an_old_report_is_replaced(desktop):
    desktop.write("run/vfio-early/report", "junk\n" * 1000)
    desktop.config("bind 02:00.0\n")
    run = desktop.run()
    assert "junk" not in run.report.text
    assert not [path for path in run.changed if path.endswith(".new")]


def test_a_report_that_cannot_be_written_is_told(desktop):
    desktop.write("run/vfio-early", "a file in the directory's place")
    desktop.config("bind 02:00.0\n")
    run = desktop.run()
    assert run.written == fence(NIC)
    assert run.told("cannot write /run/vfio-early/report: ")


def test_no_sysfs(machine):
    machine.path("sys/bus/pci/devices").rmdir()
    machine.config("bind 8086:10d3\n")
    run = machine.run()
    assert run.status == 4
    assert run.told("stopped: no PCI bus in /sys")
    assert run.report.head["note"] == "no PCI bus in /sys"


def test_a_function_that_vanishes_is_absent(desktop):
    desktop.path(f"sys/bus/pci/devices/{NIC}/modalias").unlink()
    desktop.config("bind 02:00.0\nbind 03:00.0\n")
    run = desktop.run()
    assert run.report.lines() == {f"{CONF}:1": "absent", f"{CONF}:2": "fenced"}
    assert run.written == fence(TWIN)


@pytest.mark.parametrize("modalias", ["", "\0\0\0", "pci:v00008086d000010D3\n", "x" * 4096])
def test_a_damaged_modalias_is_no_function(desktop, modalias):
    desktop.write(f"{desktop.directories[NIC]}/modalias", modalias)
    desktop.config("bind 02:00.0\nbind 10de:1c03\n")
    run = desktop.run()
    assert run.report.lines() == {f"{CONF}:1": "absent", f"{CONF}:2": "fenced"}
    assert run.written == fence(GPU)


def test_a_copy_of_sysfs_without_modalias(desktop):
    """Other copies of a machine have the attributes that modalias consists of."""
    directory = desktop.directories[NIC]
    desktop.path(f"{directory}/modalias").unlink()
    for name, value in (("vendor", "0x8086"), ("device", "0x10d3"), ("class", "0x020000")):
        desktop.write(f"{directory}/{name}", f"{value}\n")
    desktop.config("bind 02:00.0 8086:10d3 class=02\n")
    assert desktop.run().written == fence(NIC)


@pytest.mark.parametrize("config, result, words", [
    ("bind 02:00.0 serial=00-1b-21-ff-ff-00-00-01\n", "mismatch",
     "0000:02:00.0 does not answer"),
    ("bind 8086:10d3 serial=00-1b-21-ff-ff-00-00-02\n", "fenced", ""),
])
def test_a_configuration_space_that_cannot_be_read(machine, config, result, words):
    """A device that does not wake up makes the reader wait inside the kernel."""
    for number in (2, 3):
        machine.function(f"0000:0{number}:00.0", "8086:10d3", "020000",
                         serial=f"00-1b-21-ff-ff-00-00-0{number - 1}")
    path = machine.path(f"{machine.directories['0000:02:00.0']}/config")
    path.unlink()
    os.mkfifo(path)
    machine.config(config)
    (line,) = machine.run().report.all("line")
    assert line["result"] == result
    assert words in line.get("reason", "")


def test_uevent_is_never_read(desktop):
    """Linux 6.1 takes the device's lock for it: the read never returns after a probe that hangs."""
    desktop.config("bind 8086:10d3 count=all with=group\n")
    trace = desktop.root.parent / "opened"
    desktop.run(prefix=["strace", "-f", "-qq", "-e", "trace=openat", "-o", trace])
    assert "/modalias" in trace.read_text() and "/uevent" not in trace.read_text()


NVSWITCH, LPC, ROOT_PORT = "0000:c4:00.0", "0000:00:1f.0", "0000:00:1c.0"


def test_a_bridge_is_what_has_the_header_of_one(machine):
    """An NVSwitch has class 0680 and an ordinary header, and vfio-pci takes it."""
    machine.function(NVSWITCH, "10de:1af1", "068000", group=1)
    machine.function(ROOT_PORT, "8086:a33c", "060400", group=2, header_type=1)
    machine.function("0000:00:1d.0", "8086:a33d", "068000", group=3, header_type=1)
    machine.config("bind 10de:1af1\nbind 00:1c.0\nbind 00:1d.0\n")
    run = machine.run()
    assert run.report.results() == {NVSWITCH: "fenced", ROOT_PORT: "refused",
                                    "0000:00:1d.0": "refused"}
    assert run.written == fence(NVSWITCH)


@pytest.mark.parametrize("how", ["functions", "group"])
def test_with_leaves_the_chipset_alone(machine, how):
    """An ISA bridge of the group stays, unless a line names it."""
    machine.function(LPC, "8086:a143", "060100", group=11)
    machine.function("0000:00:1f.2", "8086:a102", "010601", group=11)
    machine.function("0000:00:1f.4", "8086:a123", "0c0500", group=11)
    machine.config(f"bind 00:1f.2 with={how}\n")
    assert machine.run().written == fence("0000:00:1f.2", "0000:00:1f.4")
    machine.config("bind 00:1f.0\n")
    assert machine.run().written == fence(LPC)


def test_without_groups_with_group_adds_nothing(machine):
    """Without an IOMMU no function has a group: that is nothing they have in common."""
    machine.function(NIC, "8086:10d3", "020000")
    machine.function(GPU, "10de:1c03", "030000")
    machine.config("bind 8086:10d3 with=group\n")
    assert machine.run().written == fence(NIC)


def test_virtual_functions_do_not_belong_to_the_card(machine):
    machine.function("0000:12:00.0", "15b3:1017", "020000")
    machine.function("0000:12:00.1", "15b3:1017", "020000")
    machine.function("0000:12:00.2", "15b3:1018", "020000")
    machine.link(f"{machine.directories['0000:12:00.2']}/physfn",
                 machine.directories["0000:12:00.0"])
    machine.config("bind 12:00.0 with=functions\n")
    assert machine.run().written == fence("0000:12:00.0", "0000:12:00.1")


@pytest.mark.parametrize("condition", ["12:00.0", "15b3:1017 subsystem=0001:0001"])
def test_a_card_with_more_than_eight_functions(machine, condition):
    """With ARI the device number is part of the function number: 01.0 is function 8."""
    addresses = [f"0000:12:{number >> 3:02x}.{number & 7}" for number in range(10)]
    for address in addresses:
        machine.function(address, "15b3:1017", "020000",
                         subsystem="0001:0001" if address == addresses[0] else "0000:0000")
        machine.write(f"{machine.directories[address]}/ari_enabled", "1\n")
    machine.function("0000:13:01.0", "15b3:1017", "020000")
    machine.config(f"bind {condition} with=functions\n")
    assert machine.run().written == fence(*addresses)


def test_wrong_switch_on_the_command_line(desktop):
    desktop.config("bind 02:00.0\n")
    desktop.cmdline("vfio_early=no/such")
    run = desktop.run()
    assert run.told("vfio_early: unknown word on the kernel command line: no/such (expected off, "
                    "dry-run or a [NAME] of the config)")
    assert run.written == fence(NIC)
    assert run.status == 1


def test_one_line_for_each_function_and_one_summary(desktop):
    """A function that several lines name is told once, and a line that may not take it, too."""
    desktop.config("bind 8086:10d3 count=all\nbind 02:00.0\nbind 00:02.0\n"
                   "bind 00:02.0 allow=boot-display\n")
    run = desktop.run()
    subjects = [re.match(r"vfio-early: (\S+): ", line)[1] for line in run.log[:-1]]
    assert sorted(subjects) == [f"{CONF}:3", IGPU, NIC, TWIN]
    assert run.told(f"{CONF}:3: refused: {IGPU} is refused: the firmware's display is on it")
    assert run.report.lines() == {f"{CONF}:1": "fenced", f"{CONF}:2": "fenced",
                                  f"{CONF}:3": "refused", f"{CONF}:4": "failed"}
    assert sorted((fields["address"], fields["line"]) for fields in run.report.all("function")) \
        == [(IGPU, f"{CONF}:4"), (NIC, f"{CONF}:1"), (TWIN, f"{CONF}:1")]
    assert run.log[-1] == "vfio-early: 0 bound, 2 fenced, 1 failed; " \
        "see /run/vfio-early/report"


def strace(machine, *arguments):
    """The paths that were opened or read as links, and how the run went."""
    trace = machine.root.parent / "trace"
    run = machine.run(*arguments, prefix=["strace", "-f", "-qq", "-o", trace,
                                          "-e", "trace=open,openat,readlink,readlinkat"])
    return run, re.findall(r'"([^"]*)"', trace.read_text())


def addresses_of(paths):
    return {match[1] for match in
            (re.search(r"bus/pci/devices/([^/]+)", path) for path in paths) if match}


@pytest.mark.parametrize("config, opened", [
    ("bind 02:00.0", {NIC}),
    ("bind 02:00.0 8086:10d3\nbind 01:00.0 10de:1c03", {NIC, GPU}),
    ("bind 02:00.0\nkeep 03:00.0 8086:10d3", {NIC}),
    ("bind 02:00.0\n[x]\nbind 8086:3e92", {NIC}),
    ("bind 01:00.0 with=functions", {f"0000:01:00.{n}" for n in range(8)}),
    ("bind 01:00.1 with=group", {PORT, GPU, SOUND}),
])
def test_addresses_alone_do_not_scan(desktop, config, opened):
    desktop.config(config + "\n")
    run, paths = strace(desktop)
    assert addresses_of(paths) == opened
    assert "sys/bus/pci/devices" not in paths
    assert "fenced" in run.report.results().values()


def test_a_missing_address_scans_to_tell_where_the_device_went(desktop):
    desktop.config("bind 04:00.0 10de:1c03\n")
    run, paths = strace(desktop)
    assert "sys/bus/pci/devices" in paths
    assert run.told(f"what the line describes is at {GPU}")


def test_off_does_not_even_look(desktop):
    desktop.config("bind 02:00.0\n")
    desktop.cmdline("vfio_early=off")
    _, paths = strace(desktop)
    assert not [path for path in paths if path.startswith("sys/")]


def test_the_running_system_is_not_taken_for_another_root(desktop):
    """A root with the running kernel's own /sys in it is this machine."""
    if not os.path.exists("/proc/self/root/sys/kernel"):
        pytest.skip("no /sys here")
    done = subprocess.run([BOOT, "--root", "/proc/self/root", "--dry-run"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4
    assert "has this machine's own /sys in it; it would be changed" in done.stderr


VERSION = re.search(r"^VERSION := (.*)$", (TOP / "Makefile").read_text(), re.M)[1]
USAGE = "Usage: vfio-early-boot "


@pytest.mark.parametrize("arguments, status, out, err", [
    (["--version"], 0, VERSION + "\n", ""),
    (["--help"], 0, USAGE, ""),
    (["--what"], 2, "", USAGE),
    (["--root"], 2, "", USAGE),
    (["more"], 2, "", USAGE),
    (["--root", "/no/such"], 4, "", "vfio-early: /no/such: No such file or directory"),
    (["--root=/no/such", "--dry-run"], 4, "", "vfio-early: /no/such: No such file"),
    (["--root", "/dev/null"], 4, "", "vfio-early: /dev/null: "),
])
def test_arguments(arguments, status, out, err):
    done = subprocess.run([BOOT, *arguments], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == status
    assert done.stdout.startswith(out) and bool(done.stdout) == bool(out)
    assert done.stderr.startswith(err) and bool(done.stderr) == bool(err)


def test_another_machine_of_the_same_config(desktop, tmp_path):
    """The results depend on what is in the tree, not on the order of its directories."""
    reversed_machine = machines.Machine(tmp_path / "other")
    for address in reversed([GPU, SOUND, NIC, TWIN]):
        reversed_machine.function(address, "8086:10d3", "020000")
    reversed_machine.config("bind 8086:10d3 count=all\n")
    assert list(reversed_machine.run().report.results()) == [GPU, SOUND, NIC, TWIN]


def test_a_driver_with_another_name_than_its_module(desktop):
    """modules.alias names the module xe_vfio_pci; the driver in it is called xe-vfio-pci."""
    desktop.config("bind 02:00.0 driver=xe_vfio_pci\n")
    desktop.write("usr/lib/vfio-early/modules",
                  "[xe_vfio_pci]\n/lib/modules/xe-vfio-pci.ko\n")
    desktop.driver("xe-vfio-pci")
    desktop.path("sys/module/xe_vfio_pci/drivers/pci:xe-vfio-pci").mkdir(parents=True)
    run = desktop.run()
    assert desktop.read(f"sys/bus/pci/devices/{NIC}/driver_override") == "xe-vfio-pci"
    assert desktop.read("sys/bus/pci/drivers/xe-vfio-pci/bind") == NIC
    (function,) = run.report.all("function")
    assert function["target"] == "xe-vfio-pci"


@pytest.mark.parametrize("word", ["of", "gamming", "0"])
def test_a_switch_that_no_heading_has(desktop, word):
    """A person at a dark boot prompt who wanted `off` must learn that it was not understood."""
    desktop.config("bind 02:00.0\n[gaming]\nbind 03:00.0\n")
    desktop.cmdline(f"vfio_early={word}")
    run = desktop.run()
    assert run.told(f"vfio_early: unknown word on the kernel command line: {word} (expected off")
    assert run.report.head["wrong"] == word
    assert run.status == 1


def test_switches_in_upper_case(desktop):
    desktop.config("bind 02:00.0\n")
    desktop.cmdline("vfio_early=OFF")
    run = desktop.run()
    assert run.written == {} and run.report.head["mode"] == "off"


def test_a_kernel_that_saves_a_crash_dump(desktop):
    desktop.config("bind 02:00.0\n")
    desktop.write("proc/vmcore", "")
    run = desktop.run()
    assert run.written == {} and run.status == 0
    assert run.told("this kernel only saves a crash dump")


@pytest.mark.parametrize("name", ["etc/vfio-early.conf.d/keep.conf", "etc/vfio-early.conf"])
def test_a_link_to_no_file_is_an_error(desktop, name):
    """It may be the file that protects a device: a line that names none itself is refused."""
    other = {"etc/vfio-early.conf": "etc/vfio-early.conf.d/bind.conf"}.get(
        name, "etc/vfio-early.conf")
    desktop.config("bind 8086:10d3 count=2\nbind 01:00.0\n", other)
    desktop.path(name).parent.mkdir(parents=True, exist_ok=True)
    desktop.path(name).symlink_to("/nowhere")
    run = desktop.run()
    assert run.report.errors() == [f"/{name}: cannot be read: a symbolic link to a file that does "
                                   "not exist"]
    assert run.report.lines() == {f"/{other}:1": "refused", f"/{other}:2": "fenced"}
    assert run.written == fence(GPU)


def test_no_limit_leaves_out_what_protects_the_host(desktop):
    """The generated keep lines come first, and do not count as a person's statements."""
    desktop.config("bind 03:00.0\n" * 4095 + "bind 02:00.0\nbind 01:00.0\n")
    desktop.config("".join(f"keep 00:{slot:02x}.0\n" for slot in range(32)) * 4 +
                   "keep 02:00.0\n", "usr/lib/vfio-early/keep.conf")
    run = desktop.run()
    assert run.report.results()[NIC] == "refused"
    assert run.written == fence(TWIN)


def test_a_broken_keep_line_stops_with(desktop):
    """with= names no device itself, as little as an ID does."""
    desktop.config("keep 02:00\nbind 01:00.0 with=functions\n")
    assert desktop.run().written == fence(GPU)


def test_allow_is_for_what_the_line_names(machine):
    """A display that with=functions adds is refused: allow= is for the named function."""
    machine.function("0000:05:00.0", "1002:164c", "030000", boot_vga=1)
    machine.function("0000:05:00.3", "1022:1639", "0c0330")
    machine.config("bind 05:00.3 with=functions allow=boot-display\n")
    run = machine.run()
    assert run.written == fence("0000:05:00.3")
    assert run.report.reason("address", "0000:05:00.0") == \
        "the firmware's display is on it; with= does not add it"


@pytest.mark.parametrize("heading", ["[gaming", "gaming]", "［gaming］", "\u00a0[gaming]",
                                     "\x01[a]", "【gaming】", "{gaming]"])
def test_no_line_counts_below_what_looks_like_a_heading(desktop, heading):
    desktop.config(f"bind 01:00.0\n{heading}\nbind 02:00.0\n[work]\nbind 03:00.0\n")
    run = desktop.run()
    assert run.written == fence(GPU)
    assert len(run.report.errors()) == 1


BROKEN_KEEPS = {
    "no-break space": "\u00a0keep 02:00.0\n",
    "control byte": "\x01keep 02:00.0\n",
    "upper case": "KEEP 02:00.0\n",
    "typing error": "kep 02:00.0\n",
    "old line end": "# mine\rkeep 02:00.0\n",
    "old line end after a bind line": "bind 01:00.0\rkeep 02:00.0\n",
    "UTF-16": "keep 02:00.0\n".encode("utf-16"),
    "below an invalid heading": "[gaming\nkeep 02:00.0\n",
}


@pytest.mark.parametrize("keep", BROKEN_KEEPS.values(), ids=BROKEN_KEEPS)
def test_protection_that_is_not_understood_fails_closed(desktop, keep):
    """The line for both NICs is refused, because the broken line may protect one of them."""
    desktop.write("etc/vfio-early.conf.d/keep.conf", keep)
    desktop.config("bind 8086:10d3 count=2\n")
    desktop.cmdline("vfio_early=gaming")
    run = desktop.run()
    assert run.written == {}
    assert run.report.lines()["/etc/vfio-early.conf:1"] == "refused"


def test_a_link_to_no_directory_of_drop_ins_fails_closed(desktop):
    desktop.config("bind 8086:10d3 count=2\n")
    desktop.path("etc/vfio-early.conf.d").symlink_to("/nowhere")
    run = desktop.run()
    assert run.written == {}
    assert run.report.errors() == ["/etc/vfio-early.conf.d: cannot be read: a symbolic link to a "
                                   "file that does not exist"]


@pytest.mark.parametrize("line", ["bnd 01:00.0\u00e9", "option vfio_pci x=\u00e9",
                                  "bind 01:00.0 \u00e9", "# \u00e9" + "x" * 1030])
def test_an_error_of_another_kind_stops_no_other_line(desktop, line):
    desktop.config(f"{line}\nbind 02:00.0\n")
    assert desktop.run().written == fence(NIC)
