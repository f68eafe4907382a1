# SPDX-License-Identifier: GPL-2.0-or-later
"""One mutant, caught by a unit test and by the boot program's tests; `make check-mutants` has
them all, and the virtual machines that catch them.
"""

import mutants
import pytest

needs_build = pytest.mark.skipif(not (mutants.TOP / "build/klibc").exists(), reason="not built")


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_still_fits(mutant):
    text = (mutants.TOP / mutant.path).read_text("utf-8")
    assert text.count(mutant.old) == mutant.times


@needs_build
def test_plan_without_a_fence_is_caught(capsys):
    chosen = [mutant for mutant in mutants.MUTANTS if mutant.name == "no-fence"]
    assert mutants.survivors(chosen, ["unit", "test"]) == []
    assert capsys.readouterr().out.count(mutants.CAUGHT) == 2


@needs_build
def test_mutant_that_nothing_catches_is_told(capsys):
    harmless = mutants.Mutant("harmless", "src/core/plan.c", "an ordered list", "a list",
                              ("unit test-plan",))
    assert mutants.survivors([harmless]) == ["harmless"]
    assert mutants.MISSED in capsys.readouterr().out
