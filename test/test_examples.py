# SPDX-License-Identifier: GPL-2.0-or-later
"""What doc/examples/ tells people to run is what the program has."""

import re
import subprocess

import pytest
from cli import PROGRAM
from machine import TOP

FILES = sorted(path for path in (TOP / "doc/examples").rglob("*.yml"))


def said(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TOP)))
def test_is_yaml(path):
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(path.read_text())


def test_commands_and_options_exist():
    found = set(re.findall(r"vfio-early (\w+)((?: +--[\w-]+)*)",
                           "\n".join(path.read_text() for path in FILES if "tasks" in path.parts)))
    assert len(found) == 4
    for command, options in found:
        assert f"\n  {command} " in said("--help")
        for option in options.split():
            assert option in said(command, "--help")


def test_the_lines_are_understood(desktop):
    text = (TOP / "doc/examples/ansible/site.yml").read_text()
    lines = re.findall(r"- ((?:bind|keep) .+)", text)
    assert len(lines) == 2
    desktop.config("\n".join(lines))
    done = subprocess.run([PROGRAM, "check", "--root", desktop.root], capture_output=True,
                          text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
