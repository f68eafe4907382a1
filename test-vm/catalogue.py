# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes CATALOGUE.md, from what the judge saw: make catalogue.

The cases `catalogue` and `catalogue-host` have one of every device that QEMU offers: listed,
and not listed. What came of each device becomes a row; no cell of the table is typed. Every run
of these two cases compares what it saw with the table.
"""

import dataclasses
import re

import case
import debian
import image
import judge
import once

TABLE = once.HERE / "CATALOGUE.md"
LISTED, UNLISTED = "catalogue", "catalogue-host"
FIXED = ("device", "id", "class", "usual driver")

HEAD = """# Every emulated device

Written by `make catalogue` from what the kernels' own traces say: `README.md`, "The witness".
Every run of the cases `catalogue` and `catalogue-host` compares what it sees with this table.

*Usual driver* is the one that has the device if nobody lists it, in a boot of its own: these are
the drivers that would have come. "(in vain)": it probes the device, and does not want it. "(never
left to it)": under an IOMMU this driver crashes or hangs on QEMU's device, which is only ever
listed.

| word | the trace says |
|---|---|
| module, built in, none | how this kernel has the usual driver |
| claimed | fenced, first and only probed by vfio-pci, before the module of its driver came |
| taken over | its built-in driver had it before any program ran; fenced, released, vfio-pci's |
| tried | its built-in driver tried it in vain before any program ran; fenced, then vfio-pci's |
| opened | its group is viable; a VFIO client opened it, mapped BARs, and memory for DMA |

"""


@dataclasses.dataclass(frozen=True)
class Row:
    """What one boot tells of one model; `cell` is empty if it was not listed in it."""

    model: str
    id: str
    kind: str  # its class
    driver: str = ""  # the usual one; empty if this boot could not tell
    cell: str = ""


def rows(outcome):
    """A Row for each device of a case with `every`."""
    frame = outcome.boot.frames.get("functions", "")
    drivers = judge.parse_functions(frame)
    for device, finding in zip(outcome.case.device, outcome.findings):
        address = finding.subject.address
        name, kind = identity(frame, address)
        row = Row(device["model"], name, kind)
        if device["expect"] == case.LISTED:
            yield dataclasses.replace(row, cell=_cell(outcome, device, finding))
        else:
            driver = drivers.get(address) or _in_vain(finding.subject)
            yield dataclasses.replace(row, driver=driver)


def identity(functions, address):
    """The id and the class of a function, as lspci -nn prints them."""
    pattern = rf"^{re.escape(address)} id=0x(\w+):0x(\w+) class=0x(\w{{4}})"
    found = re.search(pattern, functions, re.M)
    return (f"{found[1]}:{found[2]}", found[3]) if found else ("?", "?")


def _in_vain(subject):
    return f"{subject.tried[0]} (in vain)" if subject.tried else "none"


def _cell(outcome, device, finding):
    """ "module: claimed, opened": what came of a listed device on this kernel."""
    kernel = debian.suite(outcome.case.suite)
    module = finding.subject.module
    way = "built in" if module in kernel.builtin else "module"
    if not module:
        way = "none"
    answers = case.client_answers(outcome.boot.frames.get("client", ""))
    answer = answers.get(finding.subject.address, "")
    opened = "opened" if answer.endswith("status 0\n") else "not opened"
    wrong = " ".join(sorted(finding.codes))
    return f"{way}: {wrong or finding.subject.expect}, {opened}"


def render(outcomes):
    """The whole page, of the outcomes of both cases on every suite."""
    columns, table = {}, {}
    for outcome in outcomes:
        name = outcome.case.suite
        columns[name] = f"{name}, Linux {_series(debian.suite(name).release)}"
        for row in rows(outcome):
            one = table.setdefault(row.model, {"drivers": []})
            one.update({"id": row.id, "class": row.kind})
            if row.cell:
                one[name] = row.cell
            if row.driver and row.driver not in one["drivers"]:
                one["drivers"].append(row.driver)
    lines = [_line([*FIXED, *columns.values()]), "|---" * (len(FIXED) + len(columns)) + "|"]
    for model, one in sorted(table.items(), key=lambda item: (item[1]["class"], item[0])):
        driver = " or ".join(one["drivers"]) or _never_left(model)
        cells = [one.get(name, "") for name in columns]
        lines.append(_line([model, one["id"], one["class"], driver, *cells]))
    return HEAD + "\n".join(lines) + "\n"


def _series(release):
    return re.match(r"\d+\.\d+", release)[0]


def _never_left(model):
    return f"{image.catalogue()[model]['driver']} (never left to it)"


def _line(cells):
    return f"| {' | '.join(cells)} |"


def read():
    """The table: model to {column: cell}; the columns of suites are named by the suite."""
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| ")]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    start = next(at for at, cells in enumerate(lines) if cells[0] == FIXED[0])
    columns = [cell.split(",")[0] for cell in lines[start]]
    return {cells[0]: dict(zip(columns, cells)) for cells in lines[start + 1 :]}


def differences(outcome):
    """Where the table does not say what this boot showed, in sentences. A device that only
    another QEMU has is not in the table.
    """
    table = read()
    for row in rows(outcome):
        told = table.get(row.model)
        if told is None and "qemu" in image.catalogue()[row.model]:
            continue
        told = told or {}
        shown = {"id": row.id, "class": row.kind}
        if row.cell:
            shown[outcome.case.suite] = row.cell
        for column, cell in shown.items():
            if told.get(column) != cell:
                yield f"{row.model}: {column} is {cell}, in the table {told.get(column)}"
        if row.driver and row.driver not in told.get("usual driver", "").split(" or "):
            yield f"{row.model}: {row.driver} had it, in the table {told.get('usual driver')}"


def main():
    """Boots both cases on every suite and writes the table; refuses if one of them fails."""
    cases = [
        one for name in (LISTED, UNLISTED) for one in case.load(once.HERE / f"cases/{name}.toml")
    ]
    case.prepare(cases)
    outcomes = []
    for one in cases:
        once.say(f"booting {one.id} ...")
        outcomes.append(case.run(one))
    problems = [words for outcome in outcomes for words in outcome.problems]
    if problems:
        raise SystemExit("\n".join([*problems, f"{TABLE} is as it was"]))
    TABLE.write_text(render(outcomes), "utf-8")
    once.say(f"{TABLE}: {len(read())} devices")


if __name__ == "__main__":
    main()
