#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws the README's time line of two boots from their traces: `make pictures`.

`make pictures` boots the two cases, takes their traces if the judge finds in them what the cases
expect, and draws. `draw()` alone is what a test compares with the pictures of the repository.
"""

import dataclasses
import sys
from xml.sax.saxutils import escape

import case
import judge
import once

PICTURES = once.TREE / "doc/pictures"
TRACES = once.HERE / "traces"
WITHOUT, WITH = "off-trixie", "desktop-trixie"  # cases, and folders of TRACES
LISTED = judge.Subject("0000:01:00.0", judge.CLAIMED, "e1000e", "e1000e")
TWIN = judge.Subject("0000:02:00.0", judge.HOST, "e1000e", "e1000e")

WIDTH, LEFT, RIGHT = 860, 150, 20  # of the picture, and of what is beside the axis
PANEL, ROW, BAR = 150, 52, 18  # heights
FREE, FENCED, VFIO, HOST = "#d0d0d0", "url(#fenced)", "#0a6b4f", "#c8553d"

WORDS = {
    "": {
        "without": "Without vfio-early", "with": "With vfio-early",
        "listed": "for the guest", "twin": "for the host",
        "free": "no driver", "fenced": "reserved",
        "load": "{} is loaded", "axis": "seconds since the kernel started (emulated machine)",
        "about": "Two identical network cards, 01:00.0 and 02:00.0",
    },
    ".zh-CN": {
        "without": "没有 vfio-early", "with": "使用 vfio-early",
        "listed": "给虚拟机用", "twin": "留给宿主机", "free": "无驱动", "fenced": "已预留",
        "load": "加载 {}", "axis": "内核启动后的秒数（模拟的机器）",
        "about": "两块相同的网卡：01:00.0 和 02:00.0",
    },
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Span:
    """One piece of a device's bar. `end` None: until the end of the picture."""

    start: float
    end: float
    fill: str
    words: str


def main():
    for name in (WITHOUT, WITH):
        record(name)
    for suffix in WORDS:
        path = PICTURES / f"boot{suffix}.svg"
        path.write_text(draw(suffix), "utf-8")
        print(path)
    return 0


def record(name):
    """Boots a case, and keeps its trace if the judge accepts it."""
    (one,) = [each for path in (once.HERE / "cases").glob("*.toml") for each in case.load(path)
              if each.id == name]
    case.prepare([one])
    outcome = case.run(one)
    if outcome.problems:
        raise SystemExit(outcome.words())
    for part in ("trace", "functions"):
        (TRACES / name / part).write_text(outcome.boot.frames[part], "utf-8")


def draw(suffix):
    """The picture, with the words of a language: SVG."""
    words = WORDS[suffix]
    panels = [(words["without"], histories(WITHOUT)), (words["with"], histories(WITH))]
    times = [event.time for _, rows in panels for past in rows for event in past.events]
    axis = Axis(min(times) - 0.9, max(times) + 0.9)
    parts = [text(LEFT, 22, words["about"], "about")]
    for number, (title, rows) in enumerate(panels):
        parts += panel(axis, 40 + number * PANEL, title, rows, words)
    bottom = 40 + 2 * PANEL
    parts += ticks(axis, bottom, words["axis"])
    return HEAD.format(width=WIDTH, height=bottom + 44) + "\n".join(parts) + "\n</svg>\n"


def histories(name):
    """What the trace says of the two cards."""
    trace, functions = ((TRACES / name / part).read_text("utf-8")
                        for part in ("trace", "functions"))
    broken = judge.trace_problem(trace)
    if broken:
        raise ValueError(f"{name}: {broken}")
    events, drivers = judge.parse_trace(trace), judge.parse_functions(functions)
    return [judge.history(events, drivers, subject) for subject in (LISTED, TWIN)]


@dataclasses.dataclass(frozen=True)
class Axis:
    first: float
    last: float

    def at(self, time):
        return LEFT + (time - self.first) / (self.last - self.first) * (WIDTH - LEFT - RIGHT)


def panel(axis, top, title, rows, words):
    """One boot: a bar for each card, and the moment at which the host's module is loaded."""
    load = rows[0].first("load", what=LISTED.module)
    across = axis.at(load.time)
    yield text(16, top + 16, title, "title")
    yield f'<line class="load" x1="{across:.1f}" x2="{across:.1f}" y1="{top + 22}" ' \
        f'y2="{top + 22 + 2 * ROW}"/>'
    yield text(across, top + 16, words["load"].format(LISTED.module), "event", "middle")
    for number, (subject, past) in enumerate(zip((LISTED, TWIN), rows, strict=True)):
        row = top + 34 + number * ROW
        yield text(16, row + 8, subject.address.removeprefix("0000:"), "card")
        yield text(16, row + 24, words["listed" if subject is LISTED else "twin"], "small")
        yield from bar(axis, row, spans(past, words))


def spans(past, words):
    """The pieces of a card's bar: without a driver, reserved, with a driver."""
    fence, bound = past.first("fence"), past.first("bound")
    driver = past.first("probe").driver
    first = fence or bound
    yield Span(None, first.time, FREE, words["free"])
    if fence:
        yield Span(fence.time, bound.time, FENCED, words["fenced"])
    yield Span(bound.time, None, VFIO if driver == judge.VFIO else HOST, driver)


def bar(axis, row, pieces):
    for piece in pieces:
        start = LEFT if piece.start is None else axis.at(piece.start)
        end = WIDTH - RIGHT if piece.end is None else axis.at(piece.end)
        yield f'<rect x="{start:.1f}" y="{row}" width="{end - start:.1f}" height="{BAR}" ' \
            f'fill="{piece.fill}"/>'
        inside = end - start > 70
        yield text(start + 6 if inside else (start + end) / 2, row + (13 if inside else BAR + 13),
                   piece.words, "dark" if piece.fill in (FREE, FENCED) else "light",
                   "start" if inside else "middle")


def ticks(axis, top, words):
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{top}" y2="{top}"/>'
    for second in range(int(axis.first) + 1, int(axis.last) + 1):
        yield f'<line class="axis" x1="{axis.at(second):.1f}" x2="{axis.at(second):.1f}" ' \
            f'y1="{top}" y2="{top + 5}"/>'
        yield text(axis.at(second), top + 18, str(second), "small", "middle")
    yield text(LEFT, top + 36, words, "small")


def text(across, down, words, style, anchor="start"):
    return f'<text class="{style}" x="{across:.1f}" y="{down}" text-anchor="{anchor}">' \
        f'{escape(words)}</text>'


HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" \
viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">
<defs><pattern id="fenced" width="6" height="6" patternUnits="userSpaceOnUse" \
patternTransform="rotate(45)"><rect width="6" height="6" fill="#cfe8df"/>\
<rect width="2" height="6" fill="#0a6b4f"/></pattern></defs>
<style>.title{{font-weight:bold;font-size:15px}}.card{{font-family:monospace;font-weight:bold}}\
.small,.event{{font-size:12px;fill:#555}}.light{{fill:#fff;font-weight:bold}}.dark{{fill:#333}}\
.load{{stroke:#c8553d;stroke-dasharray:4 3}}.axis{{stroke:#888}}</style>
<rect width="{width}" height="{height}" fill="#fff"/>
"""


if __name__ == "__main__":
    sys.exit(main())
