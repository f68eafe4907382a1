# SPDX-License-Identifier: GPL-2.0-or-later
"""A part of the sweep (see sweep.py): each system call, each time, with one fault; and too few
descriptors, too little memory. `make sweep` runs all of it.
"""

import shutil

import pytest
import sweep
import sweep_edit

PARTS = 2


@pytest.fixture(params=sweep.SCENARIOS, ids=lambda scenario: scenario.name)
def scenario(request):
    if request.param.live and not sweep.can_chroot():
        pytest.skip("only root can change its root")
    if request.param.live and not shutil.which("chroot"):
        pytest.skip("no chroot here")
    return request.param


@pytest.mark.parametrize("part", range(PARTS))
def test_one_fault(scenario, part, tmp_path, record_property):
    runs = sweep.Sweep(scenario, tmp_path)
    faults = list(runs.faults(thorough=False))[part::PARTS]
    wrong = [f"{fault}: {'; '.join(found)}" for fault in faults
             if (found := runs.check(fault))]
    record_property("figures", f"{scenario.name}: {len(faults)} faults")
    assert len(faults) > 20
    assert not wrong


def test_no_fault(scenario, tmp_path):
    """Without any, everything that is listed is fenced, and nothing is excused."""
    runs = sweep.Sweep(scenario, tmp_path)
    assert not runs.check()
    assert all(runs.fenced(address) for address in scenario.listed)
    assert not any(runs.fenced(address) for address in runs.machine.directories
                   if address not in scenario.listed)


@pytest.mark.parametrize("descriptors", range(5, 10))
def test_few_descriptors(scenario, descriptors, tmp_path):
    """Four are what reading the config takes: three, and the root. With one more all is fenced."""
    runs = sweep.Sweep(scenario, tmp_path)
    assert not runs.check(prefix=["prlimit", f"--nofile={descriptors + scenario.live}"])


@pytest.mark.parametrize("kilobytes", [512, 576, 640, 1024])
def test_little_memory(scenario, kilobytes, tmp_path):
    """The program itself has 300 KiB, of which it hardly uses any. With more than that it never
    lacks any; with less the kernel does not execute it.
    """
    if scenario.live:
        pytest.skip("chroot itself needs more")
    runs = sweep.Sweep(scenario, tmp_path)
    assert not runs.check(prefix=["prlimit", f"--as={kilobytes << 10}"])


WRITING = {"openat", "renameat", "fsync", "ftruncate", "flock", "fchown", "fchmod", "unlinkat"}


@pytest.mark.parametrize("scenario", sweep_edit.SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_config_is_never_lost(scenario, tmp_path):
    """The calls of add, remove and import --write that an edit is made of, with a fault each."""
    runs = sweep_edit.Sweep(scenario, tmp_path)
    faults = [fault for fault in runs.faults() if fault.call in WRITING]
    chosen = [fault for number, fault in enumerate(faults)
              if fault.call != "openat" or number % 40 == 0]
    wrong = [f"{fault}: {found}" for fault in chosen if (found := runs.check(fault))]
    assert len(chosen) > 20
    assert not wrong
