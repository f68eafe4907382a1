# SPDX-License-Identifier: GPL-2.0-or-later
"""Mistakes that somebody could make, each of which the tests must catch.

A mutant is the tree with one edit. It is built in a copy, and every check that it names must fail
there: a unit test, a command-line test, or a case of test-vm/. Before that the same checks must
pass in a copy without any edit: a check that fails anyhow proves nothing.

    python3 test/mutants.py [MUTANT...]     all of them, with a table at the end
"""

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from machine import TOP

PLACE = TOP / "build/mutants"
PRODUCTS = ("host", "klibc", "boot-cc")  # of the build: what an edit does not touch is kept
SOURCES = ("Makefile", "src", "hook", "conf", "doc", "completion", "test", "test-vm")
CAUGHT, MISSED, BROKEN = "caught", "MISSED", "broken"


@dataclass(frozen=True)
class Mutant:
    """One edit of one file: `old` stands in it `times`, and becomes `new`. `checks` are
    "unit PROGRAM", "test FILE[::NAME]" or "vm CASE"; each must notice.
    """

    name: str
    path: str
    old: str
    new: str
    checks: tuple
    times: int = 1


ORDER = ("{ STEP_FENCE, STEP_RELEASE, STEP_LOAD,\n"
         "\t\t\t\t\t\tSTEP_BIND };")

MUTANTS = [
    Mutant("no-fence", "src/core/plan.c", ORDER, "{ STEP_RELEASE, STEP_LOAD, STEP_BIND };",
           ("unit test-plan", "test test/test_boot.py::test_case", "vm desktop-bookworm")),
    Mutant("fence-last", "src/core/plan.c", ORDER,
           "{ STEP_BIND, STEP_LOAD, STEP_RELEASE, STEP_FENCE };",
           ("unit test-plan", "test test/test_boot.py::test_case", "vm desktop-bookworm")),
    Mutant("fence-after-load", "src/core/plan.c", ORDER,
           "{ STEP_LOAD, STEP_FENCE, STEP_RELEASE, STEP_BIND };",
           ("unit test-plan", "vm desktop-bookworm")),
    Mutant("wrong-attribute", "src/core/apply.c", '"driver_override"', '"driver_overide"',
           ("test test/test_boot.py::test_case", "vm desktop-bookworm")),
    Mutant("module-for-driver", "src/core/apply.c",
           "write_override(work, step->claim, step->claim->driver)",
           'write_override(work, step->claim, "vfio_pci")',
           ("test test/test_boot.py::test_case", "vm desktop-bookworm")),
    Mutant("not-verified", "src/core/claim-result.c",
           "bool ours = !strcmp(claim->now, claim->driver);", "bool ours = true;",
           ("test test/test_boot.py", "vm no-iommu-bookworm")),
    Mutant("after-udev", "Makefile", "init-top/00-vfio-early", "init-top/vfio-early",
           ("test test/test_install.py", "vm desktop-bookworm"), 2),
    Mutant("unit-not-first", "hook/dracut/50vfio-early/vfio-early.service",
           "\nBefore=", "\n#Before=", ("vm dracut-systemd-slow",), 3),
]  # fmt: skip


def copy(name, mutant=None):
    """A copy of the tree below build/mutants/, with the mutant's edit; returns where it is."""
    tree = PLACE / name
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "build").mkdir(parents=True)
    for source in SOURCES:
        subprocess.run(["cp", "-a", TOP / source, tree], check=True)
    for product in PRODUCTS:
        subprocess.run(["cp", "-a", TOP / "build" / product, tree / "build"], check=True)
    (TOP / "build/fetched").mkdir(exist_ok=True)
    (tree / "build/fetched").symlink_to(TOP / "build/fetched")
    if mutant:
        edit(tree, mutant)
    return tree


def edit(tree, mutant):
    path = tree / mutant.path
    text = path.read_text("utf-8")
    if text.count(mutant.old) != mutant.times:
        raise SystemExit(f"{mutant.path}: {mutant.name} does not fit any more: "
                         f"{mutant.old!r} is in it {text.count(mutant.old)} times")
    path.write_text(text.replace(mutant.old, mutant.new), "utf-8")


def build(tree, checks):
    """What the checks need; a mutant that does not compile is a mistake of its own."""
    names = [check.split()[1] for check in checks if check.startswith("unit ")]
    targets = ["all", *(f"build/unit/glibc/{name}" for name in names)]
    done = subprocess.run(["make", "-s", "-C", tree, *targets], env=environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{tree}: make: exit status {done.returncode}\n{done.stdout}")


def environment(**more):
    """That of this process, without what an outer make or pytest says to an inner one."""
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "CASE", "MUTANT")
    ours = {name: value for name, value in os.environ.items()
            if name not in outer and not name.startswith("PYTEST_")}
    return {**ours, **more}


def run(tree, check):
    """Whether a check fails in a tree: "caught"; "MISSED" if it passes there."""
    kind, what = check.split()
    if kind == "unit":
        done = subprocess.run([tree / "build/unit/glibc" / what], capture_output=True, check=False)
        return CAUGHT if done.returncode else MISSED
    if kind == "test":
        return run_pytest(tree, check, [what])
    return run_pytest(tree, check, ["test-vm/test_cases.py::test_case"], CASE=what)


def run_pytest(tree, check, arguments, **more):
    """The same of pytest, whose tests must fail: an error on the way to them is none."""
    result = tree / "build/result.xml"
    result.unlink(missing_ok=True)
    command = ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
               f"--junit-xml={result}", *arguments]
    done = subprocess.run(command, cwd=tree, env=environment(**more), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    (tree / "build" / f"{check.replace('/', '-')}.log").write_bytes(done.stdout)
    if not result.exists():
        return BROKEN
    suite = ElementTree.parse(result).find("testsuite")
    if suite.get("errors") != "0" or suite.get("tests") == "0":
        return BROKEN
    return MISSED if suite.get("failures") == "0" else CAUGHT


def try_mutant(mutant, checks):
    """{check: what came of it} for one mutant, or for none; its copy goes if all is well."""
    tree = copy(mutant.name if mutant else "none", mutant)
    build(tree, checks)
    results = {}
    for check in checks:
        start = time.monotonic()
        results[check] = run(tree, check)
        tell(mutant, check, results[check], time.monotonic() - start)
    wanted = CAUGHT if mutant else MISSED
    if set(results.values()) == {wanted}:
        shutil.rmtree(tree)
    return results


def tell(mutant, check, result, seconds):
    name = mutant.name if mutant else "(none)"
    said = result if mutant else {CAUGHT: "FAILS", MISSED: "passes", BROKEN: BROKEN}[result]
    print(f"{name:18} {check:36} {said:8} {seconds:6.1f} s", flush=True)


def survivors(mutants, kinds=("unit", "test", "vm")):
    """Tries them; the names of those that a check did not catch, or that prove nothing because
    a check fails without them.
    """
    def checks_of(mutant):
        return [check for check in mutant.checks if check.split()[0] in kinds]

    print(f"{'mutant':18} {'check':36} result", flush=True)
    every = dict.fromkeys(check for mutant in mutants for check in checks_of(mutant))
    sound = try_mutant(None, list(every))
    bad = []
    for mutant in mutants:
        results = try_mutant(mutant, checks_of(mutant))
        proven = all(sound[check] == MISSED and result == CAUGHT
                     for check, result in results.items())
        if not proven or not results:
            bad.append(mutant.name)
    return bad


def main(names):
    unknown = set(names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        raise SystemExit(f"no mutant is called {' '.join(unknown)}; there are: "
                         f"{' '.join(mutant.name for mutant in MUTANTS)}")
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    bad = survivors(chosen)
    print(f"{len(chosen)} mutants, {len(bad)} not caught by every check of theirs"
          f"{': ' if bad else ''}{' '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
