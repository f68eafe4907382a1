#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots a sample machine and shows, device by device, who had it when: `make try`.

The times are the guest kernel's own; so is every line but the first one of a device,
which is the line of the config that claims it.
"""

import os
import sys
import textwrap

import case
import debian
import judge
import once

WIDTH = 80
COLORS = {"green": "32", "red": "31", "bold": "1", "faint": "2"}


def main():
    once.forget_times()
    say(SAMPLE_WORDS.format(suite=known_suite()))
    (sample,) = [one for one in case.load(SAMPLE) if one.suite == known_suite()]
    say(paint("bold", "The machine's /etc/vfio-early.conf"))
    say(textwrap.indent(sample.config.strip(), "    ") + "\n")
    case.prepare([sample])
    once.say("booting it in QEMU, 10 to 20 seconds ...")
    outcome = case.run(sample)
    say("")
    show(sample, outcome)
    return 1 if outcome.problems else 0


SAMPLE = once.HERE / "sample.toml"
SAMPLE_WORDS = """\
This builds an initramfs for Debian {suite} with vfio-early in it, boots it in
a virtual machine, and lets the guest's kernel tell which driver came to which
device, and when. The first time it fetches a kernel and a small root file
system (about 200 MB, half a minute).
"""


def known_suite():
    """The host's suite if the harness knows it, else the newest."""
    suite = debian.host_suite()
    return suite if suite in debian.SUITES else debian.SUITES[-1]


def say(words):
    print(words, flush=True)


def paint(color, words):
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return words
    return f"\033[{COLORS[color]}m{words}\033[0m"


def show(sample, outcome):
    """The timeline of every device, and the verdict."""
    frames = outcome.boot.frames
    events = judge.parse_trace(frames.get("trace", ""))
    drivers = judge.parse_functions(frames.get("functions", ""))
    for device, finding in zip(sample.device, outcome.findings, strict=True):
        past = judge.history(events, drivers, finding.subject)
        show_device(device, finding, judge.timeline(past, finding.subject))
    if outcome.problems:
        say(paint("red", f"Not as it should be; see build/vm/failed/{sample.id}:"))
        say("\n".join(textwrap.fill(words, WIDTH) for words in outcome.problems))
    else:
        say(paint("green", PROMISE))
    say(paint("faint", f"The guest ran for {outcome.boot.seconds:.0f} s."))


def show_device(device, finding, timeline):
    """One device: what it is, what happened to it, and whether that was right."""
    say(f"{paint('bold', finding.subject.address)}  {device['about']}")
    for time, words in timeline:
        say(f"{time:11.3f} s  {comment(finding.subject, words)}")
    for _, words in finding.problems:
        say(" " * 11 + paint("red", f"✗  {words}"))
    if not finding.problems:
        say(" " * 11 + paint("green", f"✓  {PRAISE[finding.subject.expect]}"))
    say("")


PROMISE = "As promised: listed devices met vfio-pci, the others met their usual drivers."
PRAISE = {
    judge.CLAIMED: "vfio-pci's from the start; its host driver came too late",
    judge.TAKEN: "taken from its built-in driver at the first moment",
    judge.FENCED: "fenced: no driver of the host can have it",
    judge.HOST: "not listed: left to the host's driver",
    judge.IDLE: "not listed: left alone",
}


def comment(subject, words):
    """A line of the timeline, with what it means for this device."""
    if words == f"{subject.module} loaded" and subject.expect == judge.CLAIMED:
        return f"{words}, and finds it taken"
    return words


if __name__ == "__main__":
    sys.exit(main())
