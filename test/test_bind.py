# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early bind and release, on fake machines with a kernel of their own (kernel.py). Real ones
are test-vm's.
"""

import os
import pty
import shutil
import subprocess
import sys
import time

import hosts
import pytest
from cli import (CONF, ENVIRONMENT, PROGRAM, UNWANTED, USAGE, WELL, Refusal, set_driver, vfio_early)
from machine import TOP

GPU, SOUND, NIC, TWIN = "0000:01:00.0", "0000:01:00.1", "0000:02:00.0", "0000:03:00.0"
IGPU, AHCI = "0000:00:02.0", "0000:00:17.0"


@pytest.fixture(scope="session")
def preload(tmp_path_factory):
    library = tmp_path_factory.mktemp("kernel") / "kernel.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library,
                    TOP / "test/kernel.c"], check=True)
    return library


@pytest.fixture
def kernel(desktop, preload, monkeypatch):
    """A desktop that does what it is told."""
    desktop.driver("vfio-pci")
    desktop.driver("e1000e")
    desktop.write("sys/bus/pci/drivers_probe", "")
    desktop.path("etc").mkdir()
    monkeypatch.setenv("LD_PRELOAD", str(preload))
    monkeypatch.setenv("FAKE_KERNEL", f"{sys.executable} -B {TOP}/test/kernel.py")
    return desktop


def attribute(machine, address, name, text=None):
    path = machine.path(f"sys/bus/pci/devices/{address}/{name}")
    if text is not None:
        path.write_text(text)
    return path.read_text() if path.exists() else ""


def driver(machine, address):
    link = machine.path(f"sys/bus/pci/devices/{address}/driver")
    return link.resolve().name if link.is_symlink() else ""


def test_bind(kernel):
    said = vfio_early(kernel, "bind", "02:00.0")
    assert (said.status, said.out, said.err) == (WELL, f"{NIC}: bound to vfio-pci\n", "")
    assert driver(kernel, NIC) == "vfio-pci"
    assert attribute(kernel, NIC, "driver_override") == "vfio-pci"


def test_bind_takes_it_from_the_host_driver(kernel):
    set_driver(kernel, NIC, "e1000e")
    said = vfio_early(kernel, "bind", NIC)
    assert said.out == f"{NIC}: taken from e1000e, bound to vfio-pci\n"
    assert said.status == WELL and driver(kernel, NIC) == "vfio-pci"


def test_bind_again(kernel):
    assert vfio_early(kernel, "bind", NIC).status == WELL
    said = vfio_early(kernel, "bind", NIC)
    assert (said.status, said.out) == (WELL, f"{NIC}: bound to vfio-pci\n")


def test_bind_several(kernel):
    said = vfio_early(kernel, "bind", "03:00.0", "02:00.0", "02:00.0")
    assert said.status == WELL
    assert said.out == f"{TWIN}: bound to vfio-pci\n{NIC}: bound to vfio-pci\n"


@pytest.mark.parametrize("what", ["functions", "group"])
def test_bind_with(kernel, what):
    assert vfio_early(kernel, "bind", "01:00.0", "--with", what).status == WELL
    assert driver(kernel, GPU) == driver(kernel, SOUND) == "vfio-pci"
    assert driver(kernel, "0000:00:01.0") == "pcieport"


def test_bind_leaves_what_else_is_listed(kernel):
    kernel.config("bind 03:00.0\n")
    assert vfio_early(kernel, "bind", NIC).status == WELL
    assert driver(kernel, TWIN) == "" and attribute(kernel, TWIN, "driver_override") == "(null)\n"


def test_bind_does_as_the_config_says(kernel):
    kernel.driver("pci-stub")
    kernel.config("bind 00:02.0 allow=boot-display driver=pci-stub\n")
    said = vfio_early(kernel, "bind", "00:02.0")
    assert said.out == f"{IGPU}: taken from i915, bound to pci-stub\n"
    assert vfio_early(kernel, "bind", "00:02.0", "--driver", "vfio-pci").status == WELL
    assert driver(kernel, IGPU) == "vfio-pci"


def test_bind_allowed(kernel):
    assert vfio_early(kernel, "bind", "00:02.0", "--allow", "boot-display").status == WELL
    assert driver(kernel, IGPU) == "vfio-pci"


def test_add_now(kernel):
    kernel.driver("pci-stub")
    said = vfio_early(kernel, "add", "01:00", "--driver", "pci-stub", "--now")
    assert said.status == WELL, said
    assert said.out.splitlines()[0].startswith(f"/{CONF}:1: bind {GPU} ")
    assert said.out.endswith(f"{GPU}: bound to pci-stub\n{SOUND}: bound to pci-stub\n"
                             "next: vfio-early apply, for the next boot\n")
    assert driver(kernel, GPU) == driver(kernel, SOUND) == "pci-stub"


def test_add_now_asks_before_it_writes(kernel):
    set_driver(kernel, SOUND, "snd_hda_intel")
    refused = vfio_early(kernel, "add", "01:00.0", "--now")
    assert refused.status == UNWANTED and "To bind anyway: --yes" in refused.err
    assert not kernel.path(CONF).exists() and driver(kernel, GPU) == ""
    said = vfio_early(kernel, "add", "01:00.0", "--now", "--yes")
    assert said.status == WELL and driver(kernel, GPU) == "vfio-pci"
    assert said.err.count(f"danger: {GPU}") == 1


def test_add_now_binds_what_is_listed_already(kernel):
    kernel.config("bind 01:00.0 with=functions\n")
    said = vfio_early(kernel, "add", "01:00", "--now", "--yes")
    assert said.status == WELL and "is listed already" in said.out, said
    assert driver(kernel, GPU) == driver(kernel, SOUND) == "vfio-pci"


def test_add_now_says_what_it_would_do(kernel):
    said = vfio_early(kernel, "add", NIC, "--now", "--dry-run", "--driver", "auto")
    assert said.status == WELL and f"would fence {NIC} for vfio-pci\n" in said.out
    assert not kernel.path(CONF).exists()


def test_remove_now(kernel):
    kernel.config("bind 01:00.0 with=functions driver=vfio-pci\nbind 01:00.1\n")
    assert vfio_early(kernel, "bind", "01:00").status == WELL
    planned = vfio_early(kernel, "remove", "01:00.0", "--now", "--dry-run")
    assert f"{GPU}: would unbind it from its driver\n" in planned.out
    said = vfio_early(kernel, "remove", "01:00.0", "--now")
    assert said.status == WELL, said
    assert said.out == (
        f"removed from /{CONF}:1: bind 01:00.0 with=functions driver=vfio-pci\n"
        f"still listed: /{CONF}:1\n{GPU}: released; the host has no driver for it\n"
        "next: vfio-early apply, for the next boot\n")
    assert driver(kernel, GPU) == "" and driver(kernel, SOUND) == "vfio-pci"


REFUSALS = [
    Refusal("00:02.0", UNWANTED, f"{IGPU}: refused: the firmware's display is on it"),
    Refusal("00:02.0", UNWANTED, "to bind it anyway: --allow boot-display"),
    Refusal("02:00.0 00:02.0", UNWANTED, f"{IGPU}: refused"),
    Refusal("02:00.0", UNWANTED, f"{NIC}: refused: /{CONF}:1 keeps it", "keep 8086:10d3\n"),
    Refusal("00:1c.0", UNWANTED, "a bridge is never passed through"),
    Refusal("09:00.0", UNWANTED, "09:00.0: no such device"),
    Refusal("9", USAGE, "bind: 9: not a PCI address"),
    Refusal("02:00.0 --with all", USAGE, "with=all: expected"),
    Refusal("02:00.0 --driver nosuch", ENVIRONMENT, "has no driver nosuch"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refusals_touch_nothing(kernel, refusal):
    refusal.check(kernel, "bind")


VF = "0000:02:10.0"


def test_bind_takes_a_virtual_function(kernel):
    """The boot program cannot, because its driver makes it later: bind is the remedy."""
    kernel.function(VF, "8086:10ca", "020000", group=60, behind="0000:00:1c.0")
    kernel.link(f"{kernel.directories[VF]}/physfn", kernel.directories[NIC])
    assert vfio_early(kernel, "add", VF).status == UNWANTED
    said = vfio_early(kernel, "bind", VF)
    assert (said.status, driver(kernel, VF)) == (WELL, "vfio-pci"), said


@pytest.mark.parametrize("command", ["add", "bind"])
def test_only_what_exists_is_offered_for_allow(kernel, command):
    """--allow has two values; no message names another one."""
    kernel.function(VF, "8086:10ca", "020000", group=60, behind="0000:00:1c.0")
    kernel.link(f"{kernel.directories[VF]}/physfn", kernel.directories[NIC])
    kernel.function("10000:e1:00.0", "144d:a80a", "010802", group=61)
    for address in (VF, IGPU, "10000:e1:00.0"):
        said = vfio_early(kernel, command, address, "--dry-run")
        assert "--allow" not in said.err.replace("--allow boot-display", ""), said


# host, the device, words of a warning: check has the same
WARNINGS = {
    "the last keyboard": (hosts.desktop, "00:14.0", "Logitech K120"),
    "a group that is not viable": (hosts.desktop, "02:00.0", "IOMMU group 7 is not viable"),
    "no IOMMU": (hosts.no_iommu, "01:00.0", "the IOMMU is off"),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_bind_warns_as_check_does(tmp_path, name):
    make, address, words = WARNINGS[name]
    host = make(tmp_path / "root")
    host.driver("vfio-pci")
    said = vfio_early(host, "bind", address, "--dry-run")
    assert said.status == WELL and words in said.err
    host.config(f"bind {address}\n")
    dangers = vfio_early(host, "check", "--json").json["dangers"]
    # That the line names no slot matters at a later boot only.
    dangers = [danger for danger in dangers if danger["kind"] != "no-path"]
    assert dangers and all(danger["text"] in said.err for danger in dangers)


@pytest.mark.parametrize("answer, options, bound", [
    ("y\n", [], True), ("n\n", [], False), ("\n", [], False), ("", ["--yes"], True)])
def test_bind_asks_a_person_about_a_danger(kernel, answer, options, bound):
    """The firmware's display is the only one."""
    for address in (GPU, SOUND):
        shutil.rmtree(kernel.path(kernel.directories[address]))
        kernel.path(f"sys/bus/pci/devices/{address}").unlink()
    person, terminal = pty.openpty()
    os.write(person, answer.encode())
    command = [PROGRAM, "bind", "--root", kernel.root, "00:02.0", "--allow", "boot-display",
               *options]
    done = subprocess.run(command, stdin=terminal, stderr=terminal, stdout=subprocess.DEVNULL,
                          timeout=60, check=False)
    os.close(terminal)
    os.close(person)
    assert done.returncode == (WELL if bound else UNWANTED)
    assert (driver(kernel, IGPU) == "vfio-pci") == bound


@pytest.mark.parametrize("command, said", [
    (("bind", AHCI), f"would fence {AHCI} for vfio-pci\nwould release {AHCI} for vfio-pci\n"),
    (("bind", NIC), f"would fence {NIC} for vfio-pci\nwould load the modules of vfio-pci\n"),
    (("release", NIC), f"{NIC}: would let the host's drivers probe it\n"),
    (("release", AHCI), f"{AHCI}: nothing to release\n"),
])
def test_dry_run_touches_nothing(kernel, command, said):
    before = kernel.snapshot()
    run = vfio_early(kernel, *command, "--dry-run")
    assert run.status == WELL and run.out.startswith(said)
    assert kernel.snapshot() == before


def test_without_the_driver(kernel):
    shutil.rmtree(kernel.path("sys/bus/pci/drivers/vfio-pci"))
    said = vfio_early(kernel, "bind", NIC)
    assert said.status == ENVIRONMENT and "has no driver vfio-pci; are its modules" in said.err
    assert attribute(kernel, NIC, "driver_override") == "(null)\n"


@pytest.mark.parametrize("fails, said", [
    ("bind 22", "fenced, but not bound to vfio-pci: Invalid argument"),
    ("bind 19", "fenced, but not bound to vfio-pci: No such device"),
    ("unbind 16", "failed, e1000e has it: e1000e does not release it: Device or resource busy"),
    ("driver_override 22", "failed, e1000e has it: cannot write driver_override: Invalid"),
])
def test_bind_fails(kernel, fails, said):
    set_driver(kernel, NIC, "e1000e")
    attribute(kernel, NIC, "fails", fails)
    run = vfio_early(kernel, "bind", NIC, TWIN)
    assert run.status == UNWANTED
    assert run.out.startswith(f"{NIC}: {said}") and f"{TWIN}: bound to vfio-pci" in run.out
    assert f"or give it back: vfio-early release {NIC} --root {kernel.root}\n" in run.out


def back(machine, address, usual):
    """As after `bind`, with a usual driver."""
    set_driver(machine, address, "vfio-pci")
    attribute(machine, address, "driver_override", "vfio-pci\n")
    attribute(machine, address, "usual_driver", usual)


def test_json(kernel):
    """Of each device; what was refused or went wrong is the error as well."""
    set_driver(kernel, NIC, "e1000e")
    device = {"address": NIC, "target": "vfio-pci", "driver": "e1000e", "result": "planned",
              "reason": None}
    assert vfio_early(kernel, "bind", "-J", "--dry-run", NIC).json["devices"] == [device]
    device |= {"driver": "vfio-pci", "result": "bound"}
    assert vfio_early(kernel, "bind", "-J", NIC, NIC).json == {
        "schema": 1, "status": 0, "error": None, "devices": [device]}
    back(kernel, NIC, "e1000e")
    device = {"address": NIC, "driver": "vfio-pci", "result": "planned"}
    assert vfio_early(kernel, "release", "-J", "--dry-run", NIC).json["devices"] == [device]
    device |= {"driver": "e1000e", "result": "released"}
    assert vfio_early(kernel, "release", "-J", NIC).json == {
        "schema": 1, "status": 0, "error": None, "devices": [device]}
    said = vfio_early(kernel, "bind", "-J", IGPU)
    assert said.json.keys() == {"schema", "status", "error"}
    assert said.json["error"].startswith(f"{IGPU}: refused: ") and said.status == UNWANTED


def test_release(kernel):
    back(kernel, NIC, "e1000e")
    said = vfio_early(kernel, "release", "02:00.0")
    assert (said.status, said.out, said.err) == (WELL, f"{NIC}: released to e1000e\n", "")
    assert driver(kernel, NIC) == "e1000e"
    assert attribute(kernel, NIC, "driver_override") == "(null)\n"


def test_release_without_a_host_driver(kernel):
    back(kernel, NIC, "")
    said = vfio_early(kernel, "release", NIC)
    assert said.out == f"{NIC}: released; the host has no driver for it\n"
    assert said.status == WELL and driver(kernel, NIC) == ""


def test_a_card(kernel):
    """01:00 is all its functions, for bind and for release."""
    assert vfio_early(kernel, "bind", "01:00").status == WELL
    assert (driver(kernel, GPU), driver(kernel, SOUND)) == ("vfio-pci", "vfio-pci")
    said = vfio_early(kernel, "release", "0000:01:00")
    assert said.status == WELL and said.out.count(": released") == 2, said
    assert (driver(kernel, GPU), driver(kernel, SOUND)) != ("vfio-pci", "vfio-pci")


def test_release_of_a_card_with_more_than_eight_functions(kernel):
    """With ARI the device number is part of the function number: 01.0 is function 8."""
    addresses = [f"0000:12:{number >> 3:02x}.{number & 7}" for number in (0, 7, 8)]
    for address in addresses:
        kernel.function(address, "15b3:1017", "020000", group=12)
        attribute(kernel, address, "ari_enabled", "1\n")
    assert vfio_early(kernel, "bind", "12:00").out.count(": bound") == 3
    assert vfio_early(kernel, "release", "12:00").out.count(": released") == 3


@pytest.mark.parametrize("command", ["bind", "release"])
def test_a_card_that_is_not_there(kernel, command):
    said = vfio_early(kernel, command, "77:00")
    assert (said.status, "77:00: no such device" in said.err) == (UNWANTED, True)


def test_release_of_what_is_only_fenced(kernel):
    back(kernel, NIC, "e1000e")
    set_driver(kernel, NIC, "")
    said = vfio_early(kernel, "release", NIC)
    assert (said.status, said.out) == (WELL, f"{NIC}: released to e1000e\n")


def test_release_of_what_the_host_has(kernel):
    before = kernel.snapshot()
    said = vfio_early(kernel, "release", AHCI)
    assert (said.status, said.out) == (WELL, f"{AHCI}: stays with ahci\n")
    assert kernel.snapshot() == before


def test_release_of_what_is_listed(kernel):
    kernel.config("bind 02:00.0\n")
    back(kernel, NIC, "e1000e")
    said = vfio_early(kernel, "release", NIC)
    assert said.out == (f"{NIC}: released to e1000e\nthe next boot takes it again: /{CONF}:1 "
                        f"lists it (vfio-early remove /{CONF}:1 --root {kernel.root})\n")


def test_release_that_vfio_takes_again(kernel):
    back(kernel, NIC, "vfio-pci")
    said = vfio_early(kernel, "release", NIC)
    assert said.status == UNWANTED and "vfio-pci has taken it again; was its ID" in said.err


@pytest.mark.parametrize("arguments, status, said", [
    (["9"], USAGE, "release: 9: not a PCI address"),
    (["09:00.0"], UNWANTED, "09:00.0: no such device"),
    ([], USAGE, "usage: vfio-early release [OPTION]... ADDRESS..."),
])
def test_release_of_nothing(kernel, arguments, status, said):
    run = vfio_early(kernel, "release", *arguments)
    assert run.status == status and said in run.err


def test_release_fails(kernel):
    back(kernel, NIC, "e1000e")
    back(kernel, TWIN, "e1000e")
    attribute(kernel, NIC, "fails", "unbind 16")
    said = vfio_early(kernel, "release", NIC, TWIN)
    assert said.status == UNWANTED
    assert f"{NIC}: cannot unbind it from its driver: Device or resource busy" in said.err
    assert said.out == f"{TWIN}: released to e1000e\n"


def test_release_leaves_alone_what_a_guest_uses(kernel, monkeypatch):
    monkeypatch.delenv("LD_PRELOAD")
    back(kernel, NIC, "e1000e")
    kernel.write("dev/vfio/6", "")
    before = kernel.snapshot()
    said = vfio_early(kernel, "release", NIC, prefix=(
        "strace", "-f", "-o", os.devnull, "-P", "dev/vfio/6", "--inject=openat:error=EBUSY"))
    assert said.status == UNWANTED
    assert f"{NIC}: cannot be released: a guest uses its IOMMU group 6; shut the" in said.err
    assert kernel.snapshot() == before


@pytest.mark.parametrize("command, said", [
    ("bind", f"{NIC}: failed, e1000e has it: e1000e does not release it: it hangs"),
    ("release", f"{NIC}: cannot unbind it from its driver: it hangs inside the kernel"),
])
def test_what_hangs_is_given_up(kernel, command, said):
    if command == "bind":
        set_driver(kernel, NIC, "e1000e")
    else:
        back(kernel, NIC, "e1000e")
        back(kernel, TWIN, "e1000e")
    attribute(kernel, NIC, "fails", "unbind 255")
    start = time.monotonic()
    run = vfio_early(kernel, command, NIC, TWIN)
    assert time.monotonic() - start < 11
    assert run.status == UNWANTED and said in run.out + run.err
    assert driver(kernel, TWIN) == ("vfio-pci" if command == "bind" else "e1000e")


def test_a_danger_without_a_terminal_needs_a_yes(kernel):
    """ssh HOST vfio-early bind ADDRESS has no terminal."""
    for address in (GPU, SOUND):
        shutil.rmtree(kernel.path(kernel.directories[address]))
        kernel.path(f"sys/bus/pci/devices/{address}").unlink()
    said = vfio_early(kernel, "bind", "00:02.0", "--allow", "boot-display")
    assert said.status == UNWANTED and "--yes" in said.err
    assert driver(kernel, IGPU) == "i915"


def test_what_with_adds_has_no_permission_of_the_line(tmp_path):
    """The root drive is in the group of the NIC that is listed with allow=in-use."""
    host = hosts.switch(tmp_path / "root")
    host.driver("vfio-pci")
    host.config("bind 03:00.0 with=group allow=in-use\n")
    said = vfio_early(host, "bind", "05:00.0", "--dry-run")
    assert said.status == UNWANTED
    assert "0000:05:00.0: refused: the host uses it: / (nvme0n1p1)" in said.err
