# SPDX-License-Identifier: GPL-2.0-or-later
"""The host program and the boot program on one hundred real machines. The expectations are in
realmachines.py and do not use the program. By default a sample of each machine's devices is tested;
MACHINES=all tests each device.
"""

import os
import re
import subprocess

import pytest
import realmachines
from cli import CONF, UNWANTED, WELL, vfio_early
from machine import BOOT, Report

KINDS = {"display": ("03",), "network": ("02",), "nvme": ("0108",), "sata": ("0106",),
         "raid": ("0104",), "sas": ("0107", "0100"), "usb": ("0c03",),
         "accelerator": ("12", "0b40"),
         "infiniband": ("0c06",), "fibre channel": ("0c04",), "NVSwitch": ("0680",)}
SAMPLE = None if os.environ.get("MACHINES") == "all" else 2
# A device that has vfio-pci in the record is bound already.
TAKEN = ("fenced", "failed", "bound")
ALLOW = ("--allow", "boot-display")


@pytest.fixture(scope="module", params=realmachines.NAMES, name="real")
def fixture_real(request, tmp_path_factory):
    """Each machine, with its fake root."""
    real = realmachines.read(request.param)
    real.name = request.param
    real.machine = real.build(tmp_path_factory.mktemp("machine") / "root")
    return real


def devices(real):
    """The addresses that the tests add: of each kind the first and the last ones."""
    found = []
    for prefixes in KINDS.values():
        kind = [a for a, f in sorted(real.functions.items())
                if f.code.startswith(prefixes) and f.group is not None
                and not f.header_type and not f.virtual and not real.behind_vmd(a)]
        found += kind if SAMPLE is None else kind[:1] + kind[1:][-(SAMPLE - 1):]
    return found


def fenced(real):
    """Runs the boot program: the addresses that have a driver_override now. Resets them."""
    machine = real.machine
    done = subprocess.run([BOOT, "--root", machine.root], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done
    found = {}
    for address in real.functions:
        path = f"{machine.root}/{machine.directories[address]}/driver_override"
        with open(path, encoding="ascii") as file:
            text = file.read()
        if text != "(null)\n":
            found[address] = text
            with open(path, "w", encoding="ascii") as file:
                file.write("(null)\n")
    assert set(found.values()) <= {"vfio-pci"}
    assert not any(real.functions[address].header_type for address in found)
    report = Report(machine.read("run/vfio-early/report"))
    assert {a for a, result in report.results().items() if result in TAKEN} == \
        set(found)
    return set(found), report


def add(real, *arguments):
    """Runs add on an empty config: what it Said, and the line without its comment."""
    real.machine.config("")
    said = vfio_early(real.machine, "add", *arguments)
    return said, re.sub("  # .*", "", real.machine.read(CONF)).rstrip("\n")


def line_of(real, address):
    function = real.functions[address]
    return f"bind {address} {function.ident} path={real.path(address)}"


def is_of_chipset(function):
    return function.header_type or function.code[:4] in realmachines.CHIPSET


def is_in_the_way(function):
    """Has it a driver that keeps its group from a guest, since Linux 5.19?"""
    return function.driver and function.driver not in ("pcieport", "pci-stub") and \
        "vfio" not in function.driver


def test_list_has_every_function(real):
    columns = "address,group,id,subsystem,code,driver,path"
    real.machine.config("")
    said = vfio_early(real.machine, "list", "-a", "--json", "-o", columns)
    assert said.status == WELL, said.err
    listed = {f["address"]: f for f in said.json["functions"]}
    assert len(said.json["functions"]) == len(listed) == len(real.functions)
    for address, function in real.functions.items():
        subsystem = function.subsystem if function.subsystem != "0000:0000" else None
        assert listed[address] == {
            "address": address, "group": function.group, "id": function.ident,
            "subsystem": subsystem, "code": function.code, "driver": function.driver or None,
            "path": real.path(address)}

    table = vfio_early(real.machine, "list", "-a", "-o", columns)
    rows = {}
    for line in table.out.splitlines():
        match = re.search(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] .*", line)
        if match:
            rows[match[0].split()[0]] = match[0].split()
    expected = {a: [word for value in f.values() if value is not None for word in
                    str(value).split()] for a, f in listed.items()}
    assert rows == expected

    devices_only = vfio_early(real.machine, "list", "--json", "-o", "address").json["functions"]
    expected = {a for a, f in real.functions.items() if not is_of_chipset(f)}
    groups = {real.functions[address].group for address in expected} - {None}
    assert {f["address"] for f in devices_only} == expected | \
        {a for a, f in real.functions.items() if f.group in groups and is_in_the_way(f)}


def test_add_and_boot_take_exactly_the_device(real):
    for address in devices(real):
        said, line = add(real, address)
        if real.functions[address].boot_display:
            assert (said.status, line) == (UNWANTED, ""), said
            said, line = add(real, address, *ALLOW)
            assert line == f"{line_of(real, address)} allow=boot-display", said
        else:
            assert line == line_of(real, address), said
        assert said.status == WELL, said
        assert fenced(real)[0] == {address}


@pytest.mark.parametrize("companions", ["functions", "group"])
def test_add_and_boot_take_exactly_its_companions(real, companions):
    for address in devices(real):
        expected = real.fenced(address, companions)
        display = {a for a in expected if real.functions[a].boot_display}
        words = f"{line_of(real, address)} with={companions}"
        if display:
            said, line = add(real, address, "--with", companions)
            assert (said.status, line) == (UNWANTED, ""), said
        allow = ALLOW if display else ()
        words += " allow=boot-display" if display else ""
        said, line = add(real, address, "--with", companions, *allow)
        if display - {address}:
            # allow= does not permit the devices that with= adds.
            assert (said.status, line) == (UNWANTED, ""), said
            real.machine.config(f"{words}\n")
        else:
            assert (said.status, line) == (WELL, words), said
        assert fenced(real)[0] == expected - (display - {address})


def config_of(real, addresses):
    """Returns the lines that add writes for these devices, in this order."""
    return "".join(f"{line_of(real, a)} allow=boot-display\n" for a in addresses)


def test_check_and_status_name_the_devices(real):
    chosen = devices(real)
    real.machine.config(config_of(real, chosen))
    said = vfio_early(real.machine, "check", "--json")
    lines = said.json["lines"]
    assert [[d["address"] for d in line["devices"]] for line in lines] == [[a] for a in chosen]
    assert all(d["result"] == "planned" for line in lines for d in line["devices"])
    assert said.status == vfio_early(real.machine, "check").status
    assert said.status in (WELL, UNWANTED) and not said.json["errors"]
    assert said.status == (UNWANTED if any(d["grave"] for d in said.json["dangers"]) else WELL)

    assert fenced(real)[0] == set(chosen)
    said = vfio_early(real.machine, "status", "--json")
    assert said.json["status"] == said.status == vfio_early(real.machine, "status").status
    assert [d["address"] for d in said.json["devices"]] == chosen
    assert said.status == (UNWANTED if chosen else WELL)


def test_lines_follow_their_devices_when_buses_move(real, tmp_path):
    moved, new = real.renumbered()
    chosen = devices(real)
    moved.machine = moved.build(tmp_path / "root")

    lines = [f"bind path={real.path(a)} allow=boot-display\n" for a in chosen]
    moved.machine.config("".join(lines))
    assert fenced(moved)[0] == {new[a] for a in chosen}

    moved.machine.config(config_of(real, chosen))
    report = fenced(moved)[1]
    for function in report.all("function"):
        number = int(function["line"].rsplit(":", 1)[1])
        assert function["address"] == new[chosen[number - 1]]

    said = vfio_early(moved.machine, "check", "--json")
    for address, line in zip(chosen, said.json["lines"]):
        if new[address] == address:
            assert [d["address"] for d in line["devices"]] == [address]
        else:
            assert line["devices"] == [] and new[address] in line["reason"], line
    assert said.status == UNWANTED or all(new[a] == a for a in chosen)


@pytest.fixture(name="machine_of")
def fixture_machine_of(tmp_path):
    """Makes the machine of this name."""
    def make(name):
        real = realmachines.read(name)
        real.machine = real.build(tmp_path / "root")
        return real
    return make


# Machines in which a bridge of the chipset has a driver and shares a group with a device.
SPOILED = ["checkbox-hp-400-g2", "checkbox-lenovo-t420"]


@pytest.mark.parametrize("name", SPOILED)
def test_check_reports_an_isa_bridge_with_a_driver_in_the_group(machine_of, name):
    real = machine_of(name)
    assert add(real, "00:1f.2", "--with", "group")[0].status == WELL
    said = vfio_early(real.machine, "check", "--json")
    assert said.status == UNWANTED
    assert any("0000:00:1f.0 (lpc_ich)" in d["text"] for d in said.json["dangers"] if d["grave"])


@pytest.mark.parametrize("name", SPOILED)
def test_the_remedy_is_not_what_the_line_has_already(machine_of, name):
    real = machine_of(name)
    add(real, "00:1f.2", "--with", "group")
    dangers = vfio_early(real.machine, "check", "--json").json["dangers"]
    assert dangers and not any("write with=group" in d["remedy"] for d in dangers)


@pytest.mark.parametrize("name, address", [
    ("tum-yasmin", "0000:00:0f.0"), ("tum-eliza", "0003:04:00.0"),
    ("clan-build-x86-01", "0000:00:00.2")])
def test_a_function_without_a_group_is_a_danger(machine_of, name, address):
    real = machine_of(name)
    assert real.functions[address].group is None
    real.machine.config(f"{line_of(real, address)} allow=boot-display\n")
    said = vfio_early(real.machine, "check", "--json")
    assert said.status == UNWANTED
    assert any(d["address"] == address and "group" in d["text"] and d["grave"]
               for d in said.json["dangers"])


VIRTUAL = sorted(a for a, f in realmachines.read("hpe-sriov").functions.items() if f.virtual)


@pytest.mark.parametrize("companions", ["functions", "group"])
def test_virtual_functions_are_left_out(machine_of, companions):
    real = machine_of("hpe-sriov")
    for function in real.functions.values():
        if function.card in ("0000:12:00", "0000:12:01"):
            function.group = 1000
    real.machine = real.build(real.machine.root.parent / "one-group")
    said, _ = add(real, "0000:12:00.0", "--with", companions)
    assert said.status == WELL, said.err
    assert fenced(real)[0] == {"0000:12:00.0", "0000:12:00.1"}


@pytest.mark.parametrize("address", VIRTUAL)
def test_a_virtual_function_is_refused(machine_of, address):
    real = machine_of("hpe-sriov")
    said, line = add(real, address)
    assert (said.status, line) == (UNWANTED, "") and "virtual function" in said.err


def test_a_virtual_function_gets_no_advice_that_is_impossible(machine_of):
    real = machine_of("hpe-sriov")
    for address in VIRTUAL:
        option = re.search(r"--allow (\S+)", add(real, address)[0].err)
        assert not option or add(real, address, *option[0].split())[0].status == WELL


def test_the_display_that_with_adds_gets_no_advice_that_is_impossible(machine_of):
    real = machine_of("proxmox-5700u")
    arguments = ("0000:05:00.3", "--with", "functions", *ALLOW)
    assert "allow=boot-display would" not in add(real, *arguments)[0].err


BEHIND_VMD = [(name, address) for name in realmachines.NAMES
              for real in [realmachines.read(name)] for address, f in real.functions.items()
              if real.behind_vmd(address) and not f.header_type]


@pytest.mark.parametrize("name, address", BEHIND_VMD)
def test_a_device_behind_vmd_is_advised_to_list_the_controller(machine_of, name, address):
    real = machine_of(name)
    real.machine.config(f"{line_of(real, address)}\n")
    said = vfio_early(real.machine, "check")
    assert said.status == UNWANTED and "list the VMD controller instead" in said.out
