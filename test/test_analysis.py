# SPDX-License-Identifier: GPL-2.0-or-later
"""What analyses the sources without running them, and what watches them run. Whatever one of
these finds is a failure. What is suppressed is named, with the reason.
"""

import os
import subprocess

import machine as machines
import pytest
from machine import TOP

LIBRARIES = subprocess.run(["pkg-config", "--cflags", "libkmod", "libpci", "smartcols", "mount",
                            "json-c"],
                           capture_output=True, text=True, check=True).stdout.split()
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", '-DVERSION="0"', "-Isrc/core",
         "-Isrc/cli", *LIBRARIES]
SOURCES = sorted(str(path.relative_to(TOP)) for path in TOP.glob("src/**/*.c"))
SHARES = 6  # of the sources, so that several processors have something to do
SCRIPTS = [path for path in [*TOP.glob("hook/**/*"), *TOP.glob("test*/*")] if path.is_file() and
           path.suffix != ".py" and path.read_bytes()[:10] == b"#!/bin/sh\n"]

# NULL is a pointer in both C libraries. The others are in one place each: array_grow(), whose
# caller owns the array still; number_format(), whose base is never 0, and the text it wrote. The
# last is no finding: it says that not all was tried.
CPPCHECK = ["varFuncNullUB", "memleakOnRealloc:src/core/util.c", "zerodivcond:src/core/util.c",
            "uninitvar:src/core/text.c", "normalCheckLevelMaxBranches"]


def found(command, **more):
    done = subprocess.run(command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=900, check=False, **more)
    return (done.returncode, done.stdout) if done.returncode else None


@pytest.mark.parametrize("share", range(SHARES))
def test_gcc_analyzer(share):
    """Leaks are left to the sanitizer and to valgrind: gcc takes memory that an array owns for
    lost, and standard input for a descriptor that somebody has to close.
    """
    for source in SOURCES[share::SHARES]:
        assert not found(["gcc", *FLAGS, "-O2", "-fanalyzer", "-Wno-analyzer-malloc-leak",
                          "-Wno-analyzer-file-leak", "-Wno-analyzer-fd-leak", "-Werror",
                          "-c", "-o", os.devnull, source])


def test_cppcheck():
    assert not found(["cppcheck", "--quiet", "--enable=warning,performance,portability",
                      "--error-exitcode=1", "--inline-suppr", "-D_GNU_SOURCE", '-DVERSION="0"',
                      "-Isrc/core", "-Isrc/cli",
                      *[f"--suppress={name}" for name in CPPCHECK], "src"])


@pytest.mark.parametrize("share", range(SHARES))
def test_clang_tidy(share):
    assert not found(["clang-tidy", "--quiet", *SOURCES[share::SHARES], "--", *FLAGS])


def test_shellcheck():
    assert len(SCRIPTS) >= 2
    assert not found(["shellcheck", *SCRIPTS])


UNITS = sorted(path.stem for path in (TOP / "test/unit").glob("test-*.c"))


@pytest.mark.parametrize("name", UNITS)
def test_unit_under_sanitizers(name):
    """Addresses, leaks and undefined behaviour."""
    assert not found([TOP / "build/unit/asan" / name])


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
