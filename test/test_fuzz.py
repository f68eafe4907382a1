# SPDX-License-Identifier: GPL-2.0-or-later
"""The corpora of the fuzzers, once each, under the address and undefined behaviour sanitizers."""

import subprocess

import pytest
from machine import TOP

FUZZERS = sorted(path.stem.removeprefix("fuzz-") for path in (TOP / "test/fuzz").glob("fuzz-*.c"))


@pytest.mark.parametrize("name", FUZZERS)
def test_corpus(name):
    inputs = sorted((TOP / "test/fuzz/corpus" / name).iterdir())
    assert inputs
    done = subprocess.run([TOP / f"build/fuzz/replay-{name}", *inputs], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(inputs)} inputs\n"


def test_there_are_fuzzers():
    assert len(FUZZERS) >= 6
