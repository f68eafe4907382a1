# SPDX-License-Identifier: GPL-2.0-or-later
"""What the shells offer on Tab is what the program has."""

import os
import re
import shutil
import subprocess

import pytest
from cli import PROGRAM, vfio_early
from machine import TOP

ENVIRONMENT = dict(os.environ, PATH=f"{PROGRAM.parent}:{os.environ['PATH']}", LC_ALL="C.UTF-8")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60,
                          env=ENVIRONMENT, cwd=TOP).stdout


def commands():
    """{command: summary} of --help"""
    return dict(re.findall(r"^  ([a-z]+) +(.+)$", run(PROGRAM, "--help"), re.M))


def options(command):
    return set(re.findall(r"^  .{4}(--[a-z-]+)", run(PROGRAM, command, "--help"), re.M))


def bash(*words):
    line = " ".join(f'"{word}"' for word in words)
    return set(run("bash", "-c", f". completion/vfio-early.bash; COMP_WORDS=({line}); "
                   f"COMP_CWORD={len(words) - 1}; _vfio_early; "
                   'printf "%s\\n" "${COMPREPLY[@]}"').split())


def fish(*words):
    if not shutil.which("fish"):
        pytest.skip("no fish")
    line = " ".join(words)
    offered = run("fish", "--no-config", "-c",
                  f"source completion/vfio-early.fish; complete -C '{line}'")
    return {line.partition("\t")[0] for line in offered.splitlines()}


SHELLS = pytest.mark.parametrize("complete", [bash, fish])


def test_there_are_commands_and_options():
    assert {"list", "add", "status"} <= set(commands())
    assert {"--root", "--help"} <= options("list")


@SHELLS
def test_commands(complete):
    assert complete("vfio-early", "") | {"--help", "--version"} == \
        set(commands()) | {"help", "--help", "--version"}
    assert complete("vfio-early", "help", "") == set(commands())
    assert complete("vfio-early", "sta") == {"status"}


@SHELLS
@pytest.mark.parametrize("command", sorted(commands()) if PROGRAM.exists() else [])
def test_options(complete, command):
    assert complete("vfio-early", command, "--") == options(command)


@SHELLS
@pytest.mark.parametrize("words, offered", [
    (("add", "--with", ""), {"functions", "group"}),
    (("add", "--allow", "b"), {"boot-display"}),
    (("bind", "--driver", ""), {"vfio-pci", "auto"}),
])
def test_values(complete, words, offered):
    assert complete("vfio-early", *words) == offered


@SHELLS
def test_columns(complete):
    assert {"address", "use", "all"} <= complete("vfio-early", "list", "-o", "")
    assert complete("vfio-early", "list", "--columns", "+reset,nu") == {"+reset,numa"}


def test_devices_are_those_of_the_machine(desktop):
    """As far as the command is for them: what has no line cannot be removed."""
    desktop.config("bind 02:00.0\n")
    listed = vfio_early(desktop, "list", "--json", "-o", "address").json["functions"]
    root = str(desktop.root)
    assert bash("vfio-early", "add", "--root", root, "") == {row["address"] for row in listed}
    for command in ("remove", "status"):
        assert bash("vfio-early", command, "--root", root, "") == {"0000:02:00.0"}


@SHELLS
@pytest.mark.parametrize("command", ["audit", "import"])
def test_files(complete, command):
    assert "README.md" in complete("vfio-early", command, "READ")


@SHELLS
def test_directories(complete):
    for words in (("list", "--root"), ("capture",)):
        assert {word.rstrip("/") for word in complete("vfio-early", *words, "comp")} == \
            {"completion"}


def test_the_values_are_the_programs(desktop):
    """Each is understood, and what the program says of another names them all."""
    desktop.config("")
    for option, values in (("--with", ("functions", "group")),
                           ("--allow", ("boot-display", "in-use"))):
        said = vfio_early(desktop, "add", "02:00.0", option, "nonsense")
        assert all(value in said.err for value in values)
        for value in values:
            said = vfio_early(desktop, "add", "02:00.0", "--dry-run", option, value)
            assert said.status == 0, said


def test_zsh_finds_the_same_lists():
    """The program's part of it: the expressions that take the help apart."""
    script = (TOP / "completion/_vfio-early").read_text()
    command, option = re.findall(r"sed -n '(s/.*?/p)'", script, re.S)[:2]
    for expression, text, names in (
            (command, run(PROGRAM, "--help"), set(commands())),
            (option, run(PROGRAM, "add", "--help"), options("add"))):
        found = subprocess.run(["sed", "-n", expression], input=text, capture_output=True,
                               text=True, check=True).stdout
        assert {line.partition(":")[0] for line in found.splitlines()} == names
    if shutil.which("zsh"):
        run("zsh", "-n", "completion/_vfio-early")
