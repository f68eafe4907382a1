# SPDX-License-Identifier: GPL-2.0-or-later
"""doc/messages.md is what test/messages.py makes of the sources."""

import messages
import pytest


def test_the_page_is_complete():
    assert messages.PAGE.read_text("utf-8") == messages.page(), \
        "doc/messages.md is not up to date: run make messages"


# {a source: its texts}
SOURCES = {
    'complain("%s: no such " "device", word);': ["%s: no such device"],
    'complain(x ? "%s: one thing" : "%s: two things", y);': ["[%s: one thing|%s: two things]"],
    'remark("/" PLACE ": it is gone\\n");': ["/<PLACE>: it is gone"],
    'text_add(&finding->text, "it has ", count(x, ","), " of ", y ? "them" : z);':
        ["it has … of [them|…]"],
    'log_line(LOG_INFO, "no bind line");': ["no bind line"],
    'complain("%s: failed: %s", a, b ? "its size" : f(b, "a \\"quoted\\" word"));':
        ["%s: failed: %s", 'a "quoted" word', "its size"],
    'if (x) /* "a comment here" */ return "not a PCI address"; // "or there"':
        ["not a PCI address"],
    '#define ADVICE "vfio-early apply, " \\\n\t"then reboot"\n':
        ["vfio-early apply, then reboot"],
    'struct command c = { .summary = "do this", .details = "It does this.\\n" "And more." };': [],
    'static const char *const words[] = { "path", "two words", "a b" };': ["two words"],
    '#include "image/audit.h"\nputs("nothing");': [],
}


@pytest.mark.parametrize("source", SOURCES)
def test_texts(source):
    assert messages.texts(source) == SOURCES[source]
