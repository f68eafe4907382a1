# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes doc/messages.md, the texts of all programs on one page, from the sources: make messages.

A text is what a call of CALLS prints, "…" for what is known only when it runs, and [a|b] for a
choice; or any other string of more than one word, since tables and reasons are printed later.
"""

import re
import textwrap

import tokens
from machine import TOP

PAGE = TOP / "doc/messages.md"
HEADING = """\
# Messages

This page has the texts of all programs, file by file, so that a reviewer can read them beside the
table of [style.md](style.md). "…" stands for what is known only at run time, and `[a|b]` for a
choice. A text that is put together in several steps has a line for each step. The paragraphs that
`--help` prints for each command are not here. `make messages` writes this page, and a test keeps it
complete.
"""

# {function: its first argument that is text, and whether more of the same text follow}
CALLS = {"complain": (0, False), "remark": (0, False), "printf": (0, False), "puts": (0, False),
         "fputs": (0, False), "fprintf": (1, False), "printable_print": (1, False),
         "ask_yes": (0, False), "text_add": (1, True), "findings_add_text": (2, True),
         "findings_add_strings": (2, True), "log_line": (1, True), "log_strings": (1, True)}
HELP = {"details", "summary"}  # fields of struct command: what --help prints
UNKNOWN = "…"


def is_string(token):
    return token.text.startswith('"')


def is_constant(token):
    """A macro that is a string, between strings."""
    return re.fullmatch(r"[A-Z][A-Z0-9_]+", token.text)


def content(token):
    return token.text[1:-1].replace('\\"', '"').replace("\\n", " ")


def split(arguments, separators):
    """Cuts tokens at the separators that are in no bracket."""
    parts, depth = [[]], 0
    for token in arguments:
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if not depth and token.text in separators:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def closing(all_tokens, i):
    """The index of the bracket that closes the one at i."""
    depth = 0
    while i < len(all_tokens):
        depth += (all_tokens[i].text == "(") - (all_tokens[i].text == ")")
        if not depth:
            return i
        i += 1
    return i


def render(argument, used):
    """The text of an argument. Adds the start of each string of it to `used`."""
    parts = split(argument, "?:")
    if len(parts) > 1:
        return f"[{'|'.join(render(part, used) for part in parts[1:])}]"
    if not any(map(is_string, argument)) or \
            not all(is_string(token) or is_constant(token) for token in argument):
        return UNKNOWN
    used.update(token.start for token in argument)
    return "".join(content(token) if is_string(token) else f"<{token.text}>" for token in argument)


def is_text(text):
    """Does it have more than one word?"""
    return re.search(r"[A-Za-z]{2,}\S* +\S", text)


def call_texts(all_tokens, used):
    for i, token in enumerate(all_tokens[:-1]):
        if token.text not in CALLS or all_tokens[i + 1].text != "(":
            continue
        first, more = CALLS[token.text]
        arguments = split(all_tokens[i + 2:closing(all_tokens, i + 1)], ",")[first:]
        yield "".join(render(argument, used) for argument in (arguments if more else
                                                              arguments[:1]))


def other_texts(all_tokens, used):
    """The strings in no such call, with those that stand next to each other joined."""
    run = []
    for i, token in enumerate(all_tokens):
        if token.start not in used and (is_string(token) or (run and is_constant(token))):
            run.append((i, token))
        elif run:
            before = all_tokens[run[0][0] - 2].text
            if before not in HELP:
                yield "".join(content(part) for _, part in run if is_string(part))
            run = []


def texts(source):
    """The texts of a C source, sorted."""
    code = source.replace("\\\n", " ").replace("#define ", "; ")
    all_tokens, used = tokens.tokens(f"{code};"), set()
    found = list(call_texts(all_tokens, used))
    found += other_texts(all_tokens, used)
    return sorted({" ".join(text.split()) for text in found if is_text(text)})


def page():
    lines = [HEADING]
    for path in sorted((TOP / "src").rglob("*.[ch]")):
        found = texts(path.read_text("utf-8"))
        if found:
            lines.append(f"\n## {path.relative_to(TOP)}\n\n```")
            lines += [textwrap.fill(text, 100, subsequent_indent="    ", break_long_words=False,
                                    break_on_hyphens=False) for text in found]
            lines.append("```")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
