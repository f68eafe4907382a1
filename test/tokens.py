# SPDX-License-Identifier: GPL-2.0-or-later
"""Source files as tokens, so that white space and comments do not count."""

import re
from collections import namedtuple

Token = namedtuple("Token", "text start end")
LEFT_OUT = r"\s+|/\*.*?\*/|//[^\n]*|^[ \t]*\#(?:\\\n|[^\n])*"  # and lines of the preprocessor
WORDS = r'"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\\n])+'|\w+|\S"
C = re.compile(f"{LEFT_OUT}|({WORDS})", re.M | re.S)
PLAIN = re.compile(r"\s+|(\w+|\S)")


def tokens(text, is_c=True):
    """The tokens of a text. Without `is_c` it may be in any language: comments are tokens, too."""
    pattern = C if is_c else PLAIN
    return [Token(found[1], *found.span()) for found in pattern.finditer(text) if found[1]]


def function_name(header):
    """The name of the function that the tokens in front of "{" declare; "" if they declare none."""
    for before, token in zip(header, header[1:]):
        if token.text == "(":
            return before.text
    return ""


def functions(all_tokens):
    """Yields (name, tokens) for each function, from its return type to its last brace."""
    first = depth = 0
    for i, token in enumerate(all_tokens):
        if token.text == "{":
            if not depth:
                brace = i
            depth += 1
        elif token.text == "}":
            depth -= 1
            if not depth:
                name = function_name(all_tokens[first:brace])
                if name:
                    yield name, all_tokens[first:i + 1]
                first = i + 1
        elif token.text == ";" and not depth:
            first = i + 1


def find(all_tokens, wanted):
    """The (start, end) of each place in the text that has the wanted tokens."""
    words, texts = [token.text for token in wanted], [token.text for token in all_tokens]
    return [(all_tokens[i].start, all_tokens[i + len(words) - 1].end)
            for i in range(len(texts) - len(words) + 1)
            if texts[i] == words[0] and texts[i:i + len(words)] == words]


def find_in(text, old, function="", is_c=True):
    """The (start, end) of each `old` in a text, or in its functions of that name."""
    if any(word not in text for word in re.findall(r"\w+", f"{old} {function}")):
        return []  # most files: there is no need to look closer
    all_tokens, wanted = tokens(text, is_c), tokens(old, is_c)
    if not function:
        return find(all_tokens, wanted)
    return [place for name, body in functions(all_tokens) if name == function
            for place in find(body, wanted)]
