# SPDX-License-Identifier: GPL-2.0-or-later
"""The host program, run on fake machines."""

import json
import os
import subprocess
from dataclasses import dataclass

from machine import BUILD

PROGRAM = BUILD / "vfio-early"
CONF = "etc/vfio-early.conf"
LOCK = "etc/.vfio-early.conf.vfio-early"  # what an edit writes, and then renames
WELL, UNWANTED, USAGE, CONFIG, ENVIRONMENT, DUE = range(6)


@dataclass
class Said:
    """What a run of the program said, and how it ended."""
    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def vfio_early(machine, command, *arguments, prefix=(), program=PROGRAM, **more):
    """Runs a command on the machine: what it Said."""
    done = subprocess.run([*prefix, program, command, "--root", machine.root, *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                          check=False, env=dict(os.environ, TZ="UTC", NO_COLOR="1"), **more)
    return Said(done.returncode, done.stdout.decode("utf-8", "surrogateescape"),
                done.stderr.decode("utf-8", "surrogateescape"))


def set_driver(machine, address, driver):
    """Gives the function to a driver, or to none for "", as the kernel would."""
    directory = (machine.root / "sys/bus/pci/devices" / address).resolve()
    uevent = directory / "uevent"
    lines = [line for line in uevent.read_text().splitlines() if not line.startswith("DRIVER=")]
    (directory / "driver").unlink(missing_ok=True)
    if driver:
        machine.driver(driver)
        machine.link(directory.relative_to(machine.root.resolve()) / "driver",
                     f"sys/bus/pci/drivers/{driver}")
        lines.insert(0, f"DRIVER={driver}")
    uevent.write_text("".join(f"{line}\n" for line in lines))


@dataclass
class Refusal:
    """A command line that must not change anything, and what is said of it."""
    arguments: str
    status: int
    said: str
    config: str = ""

    def __str__(self):
        return f"{self.arguments} {self.said}"

    def check(self, machine, command):
        """Runs the command with these arguments."""
        machine.config(self.config)
        before = machine.snapshot()
        said = vfio_early(machine, command, *self.arguments.split())
        assert (said.status, self.said in said.err) == (self.status, True), said
        assert machine.snapshot() == before
