# SPDX-License-Identifier: GPL-2.0-or-later
"""What the figures of doc/benchmarks must not rise above: user instructions, by callgrind, which
repeat to a few in a thousand; and the bytes that an image gets. System calls are test_limits.py's.
"""

import sys

import pytest
from machine import TOP

sys.path.insert(0, str(TOP / "test/bench"))
import measure  # noqa: E402
import trees  # noqa: E402

BOOT = TOP / "build/vfio-early-boot.full"  # its symbols show callgrind where it forks
PROGRAMS = ("vfio-early-boot", "vfio-early-init")
PROGRAMS_BYTES = 44 * 1024

# User instructions: at most so many. What is measured is a tenth less, for compilers differ.
ONE_ADDRESS = 63_000  # the whole program, for one line
PER_FUNCTION = 4_200  # that is looked at
PER_ADDRESS = 33_000  # that is claimed, of 64: each is compared with all others
SAME_LINES = 250_000_000  # 4096 lines that select the same 59 of 120 functions


@pytest.fixture(scope="module")
def cost(tmp_path_factory):
    """Counts on a machine of `functions`, of which `config` claims some."""
    made = {}

    def count(functions, form, claimed):
        if functions not in made:
            made[functions] = trees.tree(tmp_path_factory.mktemp("tree") / "root", functions)
        machine = made[functions]
        machine.config("".join(form.format(address=trees.card(n), id=trees.card_id(n)) + "\n"
                               for n in range(claimed)))
        return measure.instructions([BOOT, "--root", machine.root])
    return count


def test_addresses_cost_the_same_on_any_machine(cost):
    few, many = (cost(functions, "bind {address}", 4) for functions in (10, 1000))
    assert abs(many - few) <= few / 20


def test_one_address(cost, record_property):
    found = cost(10, "bind {address}", 1)
    record_property("figure", ("instructions for one address", found, ONE_ADDRESS))
    assert found <= ONE_ADDRESS


def test_function_that_is_looked_at(cost, record_property):
    few, many = (cost(functions, "bind {id}", 4) for functions in (10, 1000))
    each = (many - few) // 990
    record_property("figure", ("instructions for a function looked at", each, PER_FUNCTION))
    assert each <= PER_FUNCTION


def test_address_that_is_claimed(cost, record_property):
    each = cost(1000, "bind {address}", 64) // 64
    record_property("figure", ("instructions for each of 64 addresses", each, PER_ADDRESS))
    assert each <= PER_ADDRESS


@pytest.mark.parametrize("setting", ["", "with=group", "with=functions"])
def test_as_many_lines_as_there_can_be_for_the_same_functions(cost, record_property, setting):
    found = cost(120, f"bind class=02 count=all {setting}", 4096)
    record_property("figure", ("instructions for 4096 equal lines", found, SAME_LINES))
    assert found <= SAME_LINES


def test_bytes_of_an_image(record_property):
    """Beside the modules, the config and the list of modules."""
    found = sum((TOP / "build" / name).stat().st_size for name in PROGRAMS)
    record_property("figure", ("bytes of all programs in an image", found, PROGRAMS_BYTES))
    assert found <= PROGRAMS_BYTES
