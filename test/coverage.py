# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of src/ the tests reach, by gcov: make coverage.

Both programs are built with glibc and counters, in build/coverage. First the unit tests run, then
the command-line tests on these programs. A line counts as reached if it was in any of them. What
ends by a signal leaves no count, and can spoil those of others: each test has its own.
This file is also the plugin of pytest that tells the programs so.
"""

import json
import os
import shutil
import subprocess
import sys

from machine import TOP

PLACE = TOP / "build/coverage"
ROOTS = PLACE / "roots"  # where the tests' machines are; some programs take one for their root
COUNTED = "-O0 -g --coverage -include test/coverage.h"
COUNTS = PLACE / "counts"
OBJECTS = ("host", "klibc")
LEAST = 90  # per cent of the lines of each file of src/core
EXCUSED = {"src/core/deadline.c": "a fork that fails: test/sweep.py, by strace and with klibc"}

# What is no test of the programs, what builds them by itself, and what would take long.
LEFT_OUT = ("costs", "fuzz", "libraries", "limits", "memory", "mutants", "package",
            "property", "style", "sweep", "unit")
# Tests that stop a program at a certain system call: here there are others than in the real one.
OF_CALLS = "while_it_is_read or between or killed_at_any_moment"


def build():
    units = [f"build/coverage/unit/glibc/{path.stem}" for path in units_of(TOP)]
    shutil.rmtree(PLACE, ignore_errors=True)
    subprocess.run(["make", "-s", "-j2", "-C", TOP, "B=build/coverage", "hardening=-fPIE",
                    "BOOT_CC=cc -static --coverage", f"BOOT_CFLAGS={COUNTED}",
                    f"CFLAGS={COUNTED}", "all", *units], check=True)


def units_of(tree):
    return sorted((tree / "test/unit").glob("test-*.c"))


def run_units():
    for path in units_of(TOP):
        subprocess.run([PLACE / "unit/glibc" / path.stem], check=True, capture_output=True)


def run_tests():
    tests = sorted(path for path in (TOP / "test").glob("test_*.py")
                   if path.stem.removeprefix("test_") not in LEFT_OUT)
    subprocess.run(["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-n", "2",
                    "-p", "no:cacheprovider", f"--basetemp={ROOTS}", "-k",
                    f"not ({OF_CALLS})", "-p", "coverage", *tests], cwd=TOP, check=True,
                   env=os.environ | {"BUILD": "build/coverage", "PYTHONPATH": str(TOP / "test")})


def pytest_runtest_setup(item):
    os.environ["GCOV_PREFIX"] = str(COUNTS / f"{item.module.__name__}.{item.originalname}")


def counts():
    """The files of counts, each beside the notes of its object: those of the units are there
    already, those of the tests, below a prefix or in the tests' roots, come to theirs.
    """
    yield from sorted(path for name in OBJECTS for path in (PLACE / name).rglob("*.gcno"))
    inside = str(PLACE).lstrip("/")
    for number, path in enumerate(sorted(PLACE.rglob(f"*/{inside}/**/*.gcda"))):
        notes = PLACE / str(path).rsplit(f"{inside}/", 1)[1]
        copied = PLACE / "gathered" / str(number) / path.name
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copied)
        shutil.copy(notes.with_suffix(".gcno"), copied.parent)
        yield copied


def reached():
    """{file: {line: whether it was reached}} of src/, of all that ran so far."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", *counts()], cwd=TOP, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    files = {}
    for part in done.stdout.splitlines():
        for file in json.loads(part)["files"]:
            if file["file"].startswith("src/") and file["file"].endswith(".c"):
                lines = files.setdefault(file["file"], {})
                for line in file["lines"]:
                    number = line["line_number"]
                    lines[number] = lines.get(number, False) or line["count"] > 0
    return files


def share(lines):
    """Per cent, rounded down: 89.96 is not 90."""
    return 1000 * sum(lines.values()) // len(lines) / 10


def missed(lines):
    """The lines that were not reached, as ranges."""
    ranges = []
    for number in sorted(number for number, hit in lines.items() if not hit):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return " ".join(f"{a}-{b}" if a < b else f"{a}" for a, b in ranges)


def table(units, total):
    """One line a file and one for each directory; and the files of src/core that have less."""
    print(f"{'file':28} lines  units    all  never reached")
    for directory in sorted({name.rsplit("/", 1)[0] for name in total}):
        names = sorted(name for name in total if name.rsplit("/", 1)[0] == directory)
        for name in names:
            print(line(name, units[name], total[name]), missed(total[name]))
        print(line(directory, joined(units, names), joined(total, names)), "\n")
    return [name for name in total if name.startswith("src/core/") and name not in EXCUSED
            and share(total[name]) < LEAST]


def joined(files, names):
    return {(name, number): hit for name in names for number, hit in files[name].items()}


def line(name, units, total):
    return f"{name:28} {len(total):5}  {share(units):5}  {share(total):5} "


def main():
    build()
    run_units()
    units = reached()
    run_tests()
    less = table(units, reached())
    for name, reason in EXCUSED.items():
        print(f"{name} may have less: {reason}")
    for name in less:
        print(f"{name}: less than {LEAST} % of its lines are reached")
    return 1 if less else 0


if __name__ == "__main__":
    sys.exit(main())
