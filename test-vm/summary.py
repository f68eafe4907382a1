# SPDX-License-Identifier: GPL-2.0-or-later
"""The table at the end of a run: a line a case, a column a kernel. Pure."""

import re

WORDS = {"passed": "ok", "failed": "FAILED", "error": "FAILED", "skipped": "skipped"}
TEST = re.compile(r"test_cases\.py::test_case\[(?P<id>.+)\]$")


def cells(reports, cases):
    """{(line, column): text} of pytest's reports, (result, node, seconds) each, of these cases."""
    known = {one.id: one for one in cases}
    table = {}
    for result, node, seconds in reports:
        found = TEST.search(node)
        if found and found["id"] in known:
            one = known[found["id"]]
            line = f"{one.name} ({one.image})" if one.of_many else one.name
            table[line, one.suite] = f"{WORDS.get(result, result)} {seconds:.0f} s"
    return table


def lines(table, suites):
    """The table as text; nothing if it is empty."""
    if not table:
        return []
    names = sorted({name for name, _ in table})
    columns = [suite for suite in suites if any(column == suite for _, column in table)]
    widths = [max(map(len, ["case", *names]))]
    widths += [max(len(suite), *(len(table.get((name, suite), "")) for name in names))
               for suite in columns]  # fmt: skip
    rows = [["case", *columns]]
    rows += [[name, *(table.get((name, suite), "") for suite in columns)] for name in names]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
