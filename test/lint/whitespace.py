# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the files that are its arguments against .editorconfig. Neither Debian 12 nor 13 has a
program for this. They do have the library that reads .editorconfig.
"""

import sys
from pathlib import Path

from editorconfig import get_properties

TAB = 8


def line_problems(line, rules, is_c):
    if rules.get("end_of_line") == "lf" and "\r" in line:
        yield "carriage return"
    if rules.get("trim_trailing_whitespace") == "true" and line != line.rstrip():
        yield "blanks at the end"
    limit = rules.get("max_line_length", "")
    if limit.isdigit() and len(line.expandtabs(TAB)) > int(limit) and \
            not (is_c and line.lstrip().startswith('"')):
        yield f"longer than {limit} columns"


def problems(path):
    rules = get_properties(str(path.resolve()))
    try:
        text = path.read_bytes().decode(rules.get("charset", "latin-1"))
    except UnicodeDecodeError as error:
        yield 1, str(error)
        return
    for number, line in enumerate(text.split("\n"), 1):
        for problem in line_problems(line, rules, path.suffix in (".c", ".h")):
            yield number, problem
    if rules.get("insert_final_newline") == "true" and text.rstrip("\n") + "\n" != text:
        yield text.count("\n") + 1, "not exactly one newline at the end"


def main(names):
    found = [f"{name}:{number}: {problem}" for name in names
             for number, problem in problems(Path(name))]
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
