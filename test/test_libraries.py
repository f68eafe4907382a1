# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs in the image, built with other C libraries than klibc: the same tests."""

import fcntl
import os
import shutil
import subprocess
import sys

import pytest
from machine import TOP

TESTS = ["test_boot.py", "test_bad_input.py", "test_rescue.py"]
COMPILERS = {"musl": "musl-gcc", "glibc": "cc -static"}
PROGRAMS = ["vfio-early-boot", "vfio-early-init"]


@pytest.fixture(scope="module", params=COMPILERS)
def build(request):
    """The directory in which it was built with a library."""
    compiler = COMPILERS[request.param]
    if not shutil.which(compiler.split()[0]):
        pytest.skip(f"{compiler} is not installed")
    directory = TOP / "build" / request.param
    directory.mkdir(parents=True, exist_ok=True)
    units = [f"unit/klibc/{source.stem}" for source in (TOP / "test/unit").glob("test-*.c")]
    with open(directory / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["make", "-s", "-j2", "-C", TOP, f"B=build/{request.param}",
                        f"BOOT_CC={compiler}",
                        *(f"build/{request.param}/{name}" for name in PROGRAMS + units)],
                       check=True)
    return directory


@pytest.mark.parametrize("program", PROGRAMS)
def test_is_static(build, program):
    header = subprocess.run(["readelf", "-l", build / program], capture_output=True, text=True,
                            check=True).stdout
    assert "Requesting program interpreter" not in header and "DYNAMIC" not in header


def test_unit(build):
    programs = sorted(path for path in (build / "unit/klibc").iterdir() if path.suffix != ".d")
    assert len(programs) >= 8
    for program in programs:
        done = subprocess.run([program], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and " OK ]" in done.stdout, done.stdout


def test_programs(build):
    """The tests of the programs, on those that were built here."""
    done = subprocess.run([sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                           "-p", "no:xdist", *TESTS], cwd=TOP / "test", text=True,
                          env=os.environ | {"BUILD": str(build), "PYTEST_ADDOPTS": ""},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.split(" passed")[0].split()[-1]) > 100
