# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes long steps and failures heard at once, in spite of pytest's capture; sums up what came of
each case, and what each part took.
"""

import os
import sys

import case
import debian
import once
import summary


def pytest_configure(config):
    capture = config.pluginmanager.getplugin("capturemanager")

    def tell(words):
        with capture.global_and_fixture_disabled():
            print(f"\n{words}", end="", file=sys.stderr, flush=True)  # clear of the dots

    once.listener = tell
    if not hasattr(config, "workerinput"):
        once.forget_times()


def pytest_runtest_logreport(report):
    """A run that is stopped before its end has said what failed until then."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        once.listener(f"failed: {report.nodeid} ")


def pytest_terminal_summary(terminalreporter):
    reports = [
        (result, report.nodeid, report.duration)
        for result in summary.WORDS
        for report in terminalreporter.stats.get(result, [])
    ]
    table = summary.cells(reports, case.load_all() if reports else [])
    suites = (*debian.SUITES, *debian.KERNELS)
    for number, line in enumerate(summary.lines(table, suites)):
        if not number:
            terminalreporter.section("cases")
        terminalreporter.write_line(line)
    if once.summary():
        terminalreporter.section("wall time of each part")
    for line in once.summary():
        terminalreporter.write_line(line)
