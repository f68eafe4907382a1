# SPDX-License-Identifier: GPL-2.0-or-later
"""The unit tests of src/core, under glibc and under klibc."""

import subprocess

import pytest
from machine import TOP

SOURCES = sorted((TOP / "test/unit").glob("test-*.c"))


@pytest.mark.parametrize("library", ["glibc", "klibc"])
@pytest.mark.parametrize("name", [source.stem for source in SOURCES])
def test_unit(name, library):
    program = TOP / "build/unit" / library / name
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60, check=False)
    print(done.stdout.decode("utf-8", "backslashreplace"))
    assert done.returncode == 0
    assert b" OK ]" in done.stdout


def test_there_are_unit_tests():
    assert len(SOURCES) >= 8
