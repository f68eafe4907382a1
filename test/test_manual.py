# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages are clean, and the program's own has every command and option."""

import re
import shutil
import subprocess

import pytest
from cli import PROGRAM
from machine import TOP

PAGES = ["vfio-early.8", "vfio-early.conf.5"]


def page(name):
    return (TOP / "doc" / name).read_text()


def help_of(*arguments):
    return subprocess.run([PROGRAM, *arguments, "--help"], capture_output=True, text=True,
                          check=True, timeout=60).stdout


COMMANDS = re.findall(r"^  ([a-z]+) ", help_of(), re.M) if PROGRAM.exists() else []
HIDDEN = ["image"]  # for the hooks


@pytest.mark.skipif(not shutil.which("mandoc"), reason="no mandoc")
@pytest.mark.parametrize("name", PAGES)
def test_lint(name):
    done = subprocess.run(["mandoc", "-T", "lint", TOP / "doc" / name], capture_output=True,
                          text=True, check=False, timeout=60)
    # Pages of packages that need not be installed here.
    wrong = [line for line in done.stdout.splitlines() if "referenced manual" not in line]
    assert not wrong


def test_commands_for_hooks_are_not_listed():
    assert not set(HIDDEN) & set(COMMANDS)
    for command in HIDDEN:
        done = subprocess.run([PROGRAM, "help", command], capture_output=True, text=True,
                              check=True, timeout=60)
        assert done.stdout == help_of(command)
        assert done.stdout.startswith(f"Usage: vfio-early {command} ")


@pytest.mark.parametrize("command", COMMANDS + HIDDEN)
def test_command(command):
    text = page("vfio-early.8")
    assert f"\n.It Cm {command}\n" in text and f"\n.Nm\n.Cm {command}\n" in text
    for option in re.findall(r"^  .{4}--([a-z-]+)", help_of(command), re.M):
        assert re.search(rf"(?:Fl|,) -{option}\b", text), option
