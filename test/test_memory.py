# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs under sanitizers and valgrind: no byte is read that was never written or is not
theirs, and none is lost. `make lint` has what analyses the sources.
"""

import subprocess

import machine as machines
import pytest
from machine import TOP

UNITS = sorted(path.stem for path in (TOP / "test/unit").glob("test-*.c"))


@pytest.mark.parametrize("name", UNITS)
def test_unit_under_sanitizers(name):
    """Addresses, leaks and undefined behaviour."""
    done = subprocess.run([TOP / "build/unit/asan" / name], cwd=TOP, capture_output=True, text=True,
                          timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


CONFIG = """bind 02:00.0 8086:10d3 # a card
bind 01:00.0 with=functions driver=auto
bind 00:17.0
bind 00:02.0
keep 03:00.0
bnd 03:00.0
"""
COMMANDS = [["check"], ["list"], ["list", "--json"], ["status"], ["status", "--json"],
            ["check", "--json"], ["--help"]]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_valgrind(desktop, arguments):
    """Bytes that were never written, and reads beyond the end; nothing is lost at the end."""
    desktop.config(CONFIG)
    desktop.run()
    done = subprocess.run(
        ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
         "--errors-for-leak-kinds=definite", TOP / "build/vfio-early",
         "--root", desktop.root, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1, 2, 3, 4, 5), done.stderr


def test_valgrind_sees_the_boot_program(desktop):
    """Its build with glibc, children included."""
    desktop.config(CONFIG)
    program = TOP / "build/vfio-early-boot-glibc"
    done = subprocess.run(
        ["valgrind", "--quiet", "--error-exitcode=99", "--trace-children=yes", program, "--root",
         desktop.root], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    assert machines.Report(desktop.read("run/vfio-early/report")).results()
