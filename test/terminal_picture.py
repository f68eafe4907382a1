# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program prints on a terminal, with its colours, as a picture (SVG)."""

import re
from xml.sax.saxutils import escape

COLUMN, ROW, MARGIN = 7.8, 18, 14  # pixels: of a character, of a line, around all
STYLES = {"1": "bold", "31": "red", "32": "green", "33": "yellow"}


def draw(prompt, text, width):
    """The command that a person typed, and what came of it, `width` characters wide."""
    lines = [f'<tspan class="bold"># {escape(prompt)}</tspan>', *map(_line, text.splitlines())]
    size = f'width="{width * COLUMN + 2 * MARGIN:.0f}" height="{len(lines) * ROW + 2 * MARGIN}"'
    rows = (f'<text x="{MARGIN}" y="{MARGIN + (number + 0.75) * ROW:.1f}" xml:space="preserve">'
            f"{line}</text>" for number, line in enumerate(lines))
    return "\n".join([HEAD.format(size=size), *rows, "</svg>\n"])


def _line(text):
    """One line; a control sequence begins a piece with another style."""
    parts = re.split(r"\033\[([0-9;]*)m", text)
    styles, pieces = "", [escape(parts[0])]
    for codes, piece in zip(parts[1::2], parts[2::2], strict=True):
        styles = " ".join(STYLES[code] for code in codes.split(";") if code in STYLES)
        pieces.append(f'<tspan class="{styles}">{escape(piece)}</tspan>' if styles
                      else escape(piece))
    return "".join(pieces)


HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="13">
<style>text{{fill:#d8d8d8}}.bold{{font-weight:bold;fill:#fff}}.red{{fill:#ff6b5e}}\
.green{{fill:#7fd18b}}.yellow{{fill:#e5c07b}}</style>
<rect width="100%" height="100%" rx="6" fill="#1e1e1e"/>"""
