# SPDX-License-Identifier: GPL-2.0-or-later
"""Every mutant fits the source; mutants.py says what to do if one does not. Only one mutant is
built and caught here: `make check-mutants` has all of them.
"""

import re

import mutants
import pytest
import tokens

needs_build = pytest.mark.skipif(not (mutants.TOP / "build/klibc").exists(), reason="not built")


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_still_fits(mutant):
    assert len(mutants.places(mutants.TOP, mutant)) == mutant.times


def does_exist(check):
    kind, what = check.split()
    if kind == "unit":
        return (mutants.TOP / f"test/unit/{what}.c").exists()
    if kind == "vm":
        return any(what.startswith(case.stem) for case in
                   (mutants.TOP / "test-vm/cases").glob("*.toml"))
    file, _, name = what.partition("::")
    return not name or re.search(fr"^def {name}\(", (mutants.TOP / file).read_text("utf-8"), re.M)


def test_checks_of_mutants_exist():
    checks = {check for mutant in mutants.MUTANTS for check in mutant.checks}
    assert [check for check in sorted(checks) if not does_exist(check)] == []


def test_names_of_mutants_are_unique():
    assert len({mutant.name for mutant in mutants.MUTANTS}) == len(mutants.MUTANTS) >= 30


SOURCE = """
#include "a.h" /* { */
static const struct { int (*f)(int x); } table[] = { { g } };
int one(const char *text) /* not two() { */
{
\treturn *text == '{' ||
\t       !strcmp(text, "a // } b");
}
int two(void) { return one("x"); }
"""


@pytest.mark.parametrize("old, function, count", [
    ("*text=='{'||!strcmp(text, \"a // } b\")", "one", 1),
    ("return", "", 2), ("return", "two", 1), ("return", "three", 0), ("return", "table", 0),
    ("not", "", 0), ("ret", "", 0), ("include", "", 0), ("{ return", "one", 1),
], ids=repr)
def test_tokens(old, function, count):
    found = tokens.find_in(SOURCE, old, function)
    assert len(found) == count
    assert all(SOURCE[start:end].split()[0][0] == old[0] for start, end in found)


@needs_build
def test_plan_without_a_fence_is_caught(capsys):
    chosen = [mutant for mutant in mutants.MUTANTS if mutant.name == "no-fence"]
    assert mutants.survivors(chosen, ["unit", "test"]) == []
    assert capsys.readouterr().out.count(mutants.CAUGHT) == 2


@needs_build
def test_mutant_that_nothing_catches_is_reported(capsys):
    harmless = mutants.Mutant("harmless", "src/core:plan_make", "return 0", "return  0",
                              ("unit test-plan",))
    assert mutants.survivors([harmless]) == ["harmless"]
    assert mutants.MISSED in capsys.readouterr().out
