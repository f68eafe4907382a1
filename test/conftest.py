# SPDX-License-Identifier: GPL-2.0-or-later
"""What the command-line tests share, and how close to the limits they came."""

import machine as machines
import pytest


@pytest.fixture
def machine(tmp_path):
    """An empty fake machine."""
    return machines.Machine(tmp_path / "root")


@pytest.fixture
def desktop(tmp_path):
    """A fake desktop, see machine.desktop()."""
    return machines.desktop(tmp_path / "root")


def pytest_terminal_summary(terminalreporter):
    """Of each kind of figure the one that is closest to its limit."""
    tightest = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, figure in getattr(report, "user_properties", []):
                if name == "figure" and getattr(report, "when", "") == "call":
                    what, value, limit = figure
                    if value - limit > tightest.get(what, (0, limit << 1))[0] - \
                            tightest.get(what, (0, limit << 1))[1]:
                        tightest[what] = (value, limit)
    if tightest:
        terminalreporter.section("closest to the limits")
    for what, (value, limit) in sorted(tightest.items()):
        terminalreporter.write_line(f"{what}: {value} of {limit}")
