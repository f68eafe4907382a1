# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots every case of cases/, and lets the judge say whether the promise held."""

import pytest

import case

CASES = case.load_all()


@pytest.fixture(scope="session", name="prepared")
def fixture_prepared():
    """Everything that the cases boot, fetched and built."""
    case.prepare(CASES)


@pytest.mark.parametrize("one", CASES, ids=[one.id for one in CASES])
def test_case(one, prepared):
    outcome = case.run(one)
    print(outcome.words())
    assert not outcome.problems, (
        f"{one.id}: {'; '.join(outcome.problems)}\n"
        f"See build/vm/failed/{one.id}/; to repeat: make check-vm CASE={one.id}"
    )
