# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines and configs made at random: the boot program against the reference of reference.py,
and its klibc build against one with glibc. `make fuzz` goes on where these seeds end.
"""

import random
from unittest import mock

import machine as machines
import pytest
import reference
from machine import TOP

GLIBC = TOP / "build/vfio-early-boot-glibc"
SEEDS, STEP = 160, 20
JUNK = [b"\0", b"\xff", b"\x1b[2J", b"\r", b"#", b"[", b"]", b"=", b"count=", b"99999999999",
        b"bind ", b"keep ", b"option vfio-pci x=1", b"start init\n", b"[x]\n", b" driver=auto",
        b"\xef\xbb\xbf", b":", b".", b"0x", b" with=group", b"\n", b"a" * 1100]


@pytest.mark.parametrize("first", range(0, SEEDS, STEP))
def test_reference(first, tmp_path):
    for seed in range(first, first + STEP):
        trial = reference.Trial(random.Random(seed))
        run = trial.make(tmp_path / f"{seed}").run()
        wrong = trial.wrong(run)
        assert not wrong, f"seed {seed}\n{trial}\n{wrong}"


@pytest.mark.parametrize("seed", [112, 282])
def test_what_was_found_before(seed, tmp_path):
    """Another device at the path of a line was not looked at: "no device at that path"."""
    trial = reference.Trial(random.Random(seed))
    assert not trial.wrong(trial.make(tmp_path / "root").run())


def damage(chance, text):
    """The config with a few bytes cut out, or put in."""
    for _ in range(chance.randint(0, 4)):
        at = chance.randint(0, len(text))
        end = at + (chance.randint(0, 8) if chance.random() < 0.5 else 0)
        text = text[:at] + chance.choice([b"", *JUNK]) + text[end:]
    return text


def outcome(machine, program):
    """All that a run says and does, but the time."""
    with mock.patch.object(machines, "BOOT", program):
        run = machine.run()
    report = "\n".join(line for line in run.report.text.splitlines()
                       if not line.startswith("report "))
    head = {key: value for key, value in run.report.head.items() if key != "time"}
    return run.status, run.log, report, head, run.written


def differs(seed, directory):
    """What the two builds made of the same machine and config, if not the same; or None."""
    chance = random.Random(seed)
    trial = reference.Trial(chance)
    config = damage(chance, trial.config.encode())
    outcomes = []
    for name, program in (("klibc", machines.BOOT), ("glibc", GLIBC)):
        machine = trial.make(directory / name)
        machine.config(config)
        outcomes.append(outcome(machine, program))
    return None if outcomes[0] == outcomes[1] else f"seed {seed}\n{config}\n{outcomes}"


@pytest.mark.parametrize("first", range(1000, 1000 + SEEDS // 2, STEP))
def test_two_libraries(first, tmp_path):
    for seed in range(first, first + STEP):
        assert not differs(seed, tmp_path / f"{seed}")
