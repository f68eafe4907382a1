# SPDX-License-Identifier: GPL-2.0-or-later
"""When the root file system does not appear: what is told, and what is given back."""

import subprocess

import pytest
from machine import BOOT

DISK, OTHER, NIC = "0000:01:00.0", "0000:02:00.0", "0000:03:00.0"


@pytest.fixture
def booted(machine):
    """A boot that fenced two drives, one with rescue=release, and a NIC with it as well."""
    for address, ident, kind in ((DISK, "144d:a808", "010802"), (OTHER, "144d:a808", "010802"),
                                 (NIC, "8086:10d3", "020000")):
        machine.function(address, ident, kind)
        machine.write(f"sys/bus/pci/devices/{address}/uevent",
                      machine.read(f"sys/bus/pci/devices/{address}/uevent"))
    machine.write("sys/bus/pci/drivers_probe", "")
    machine.config(f"bind {DISK} rescue=release\nbind {OTHER}\nbind {NIC} rescue=release\n")
    subprocess.run([BOOT, "--root", machine.root], capture_output=True, check=False)
    for address in (DISK, OTHER, NIC):
        assert override(machine, address) == "vfio-pci"
    return machine


def override(machine, address):
    return machine.read(f"sys/bus/pci/devices/{address}/driver_override").strip()


def rescue(machine, mode="--rescue"):
    return subprocess.run([BOOT, "--root", machine.root, mode], capture_output=True,
                          text=True, check=False)


def test_telling_touches_nothing(booted):
    told = rescue(booted)
    lines = told.stderr.splitlines()
    assert [DISK in line or OTHER in line for line in lines] == [True, True]
    assert all("vfio_early=off" in line and "rescue=release" in line for line in lines)
    assert [override(booted, address) for address in (DISK, OTHER)] == ["vfio-pci"] * 2
    assert told.returncode == 1


def test_only_storage_with_the_setting_is_given_back(booted):
    told = rescue(booted, "--rescue=release")
    assert told.returncode == 0
    assert f"RESCUE: the root file system is missing: {DISK} is given back" in told.stderr
    assert override(booted, DISK) == ""
    assert override(booted, OTHER) == override(booted, NIC) == "vfio-pci"
    assert booted.read("sys/bus/pci/drivers_probe") == DISK
    assert booted.read(f"sys/bus/pci/devices/{DISK}/uevent") == "add"
    assert f"rescue address={DISK} result=released\n" in booted.read("run/vfio-early/report")


def test_once(booted):
    rescue(booted, "--rescue=release")
    booted.write(f"sys/bus/pci/devices/{DISK}/driver_override", "mine")
    booted.write("sys/bus/pci/drivers_probe", "")
    again = rescue(booted, "--rescue=release")
    assert (again.returncode, again.stderr) == (1, "")
    assert override(booted, DISK) == "mine"
    assert booted.read("sys/bus/pci/drivers_probe") == ""


def test_a_function_of_two_lines_is_given_back_once(machine):
    """A second unbind would take it from the host's driver that has just got it."""
    machine.function(DISK, "144d:a808", "010802")
    machine.write("sys/bus/pci/drivers_probe", "")
    machine.config(f"bind {DISK} rescue=release\nbind 144d:a808 rescue=release\n")
    subprocess.run([BOOT, "--root", machine.root], capture_output=True, check=False)
    trace = machine.root.parent / "trace"
    subprocess.run(["strace", "-qq", "-e", "trace=openat", "-o", trace, BOOT, "--root",
                    machine.root, "--rescue=release"], capture_output=True, check=False)
    assert trace.read_text().count("drivers_probe") == 1
    assert machine.read("run/vfio-early/report").count("rescue address=") == 1


def test_what_cannot_be_given_back_is_told(booted):
    booted.path("sys/bus/pci/drivers_probe").unlink()
    told = rescue(booted, "--rescue=release")
    assert f"{DISK}: cannot be given back: No such file or directory" in told.stderr
    assert f"rescue address={DISK} result=failed\n" in booted.read("run/vfio-early/report")


@pytest.mark.parametrize("report", [None, "", "junk\n\0\x80", "function address=0000:01:00.0"])
def test_without_a_proper_report_nothing_happens(machine, report):
    machine.function(DISK, "144d:a808", "010802")
    if report is not None:
        machine.write("run/vfio-early/report", report)
    before = override(machine, DISK)
    told = rescue(machine, "--rescue=release")
    assert (told.returncode, told.stderr) == (1, "")
    assert override(machine, DISK) == before


def test_usage(machine):
    assert rescue(machine, "--nonsense").returncode == 2
