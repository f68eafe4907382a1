# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts what a command costs: system calls by strace, user instructions by callgrind. Both repeat,
on a busy machine too; wall time does not.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

# A child starts with a copy of its parent's count: what was counted before a fork is written out
# first, and counting starts at 0 on both sides.
CALLGRIND = ("valgrind", "-q", "--tool=callgrind", "--trace-children=yes", "--dump-before=fork",
             "--dump-before=vfork", "--dump-before=_Fork")
STRACE = ("strace", "-f", "-qq")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def system_calls(command, **variables):
    """How many, in all processes of the command."""
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory, "trace")
        _run([*STRACE, "-o", trace, *command], variables)
        return len(re.findall(r"^\d+ +\w+\(", trace.read_text("utf-8", "replace"), re.M))


def instructions(command, **variables):
    """User instructions, in all processes of the command."""
    with tempfile.TemporaryDirectory() as directory:
        _run([*CALLGRIND, f"--callgrind-out-file={directory}/out.%p", *command], variables)
        counts = [int(count) for path in Path(directory).iterdir()
                  for count in re.findall(r"^totals: (\d+)", path.read_text("utf-8"), re.M)]
    assert counts, f"{command}: nothing was counted"
    return sum(counts)


def _run(command, variables):
    """What the command says and how it ends is its own affair: on a generated machine nothing is
    ever bound, and its status says so.
    """
    environment = {"PATH": PATH, "LC_ALL": "C", **{k: str(v) for k, v in variables.items()}}
    subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, env=environment,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def version(command, pattern=r"\d[\w.+:~-]*"):
    """The first thing that looks like a version in what a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={"PATH": PATH, "LC_ALL": "C"})
    found = re.search(pattern, done.stdout + done.stderr)
    return found[0] if found else "unknown"


def package(name):
    """The version of a Debian package that is installed here."""
    return version(["dpkg-query", "-W", "-f", "${Version}", name], r".+")


def cpus():
    return os.cpu_count()
