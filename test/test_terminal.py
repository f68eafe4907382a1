# SPDX-License-Identifier: GPL-2.0-or-later
"""No name that somebody else chose controls the terminal: of a driver, of a drop-in file, or in the
report of the boot.
"""

import unicodedata

import hosts
import machine as machines
import pytest
from cli import vfio_early

NIC = "0000:00:1f.6"
# A title, a new line, C1's "CSI 2J" in UTF-8 and in Latin-1, and what is no control character.
EVIL = "\x1b]0;x\x07\n\x7f\x9b2J\udc9b2J é"
DROPIN = f"etc/vfio-early.conf.d/{EVIL}.conf"

COMMANDS = {
    "check": ("check",), "check --json": ("check", "--json"),
    "status": ("status",), "status --json": ("status", "--json"),
    "list": ("list", "--columns", "all"), "list --json": ("list", "--columns", "all", "--json"),
    "add": ("add", "--dry-run", NIC), "add, listed": ("add", "--dry-run", "01:00.0"),
    "add, mates": ("add", "--dry-run", "01:00.1"),
    "remove": ("remove", "--dry-run", "01:00.0"), "remove, many": ("remove", NIC),
    "bind": ("bind", "--dry-run", NIC), "release": ("release", "--dry-run", NIC),
    "audit": ("audit",), "apply": ("apply", "--dry-run"), "import": ("import",),
    "a command line": ("remove", EVIL),
}


@pytest.fixture(name="evil", scope="module")
def machine_of_evil_names(tmp_path_factory):
    host = hosts.desktop(tmp_path_factory.mktemp("evil") / "root")
    host.config("bind 01:00.0\nbind 00:1f.6\nbind 1234:5678\n")
    host.config("bind 02:00.0 allow=in-use\n", f"etc/vfio-early.conf.d/gone-{EVIL}.conf")
    assert host.run().report is not None
    host.path(f"etc/vfio-early.conf.d/gone-{EVIL}.conf").unlink()
    host.config("bind 00:1f.6\nbind 01:00.0 driver=other\nbnd\n", DROPIN)
    for address in (NIC, "0000:01:00.0", "0000:01:00.1"):
        directory = host.directories[address]
        link = host.path(f"{directory}/driver")
        link.unlink(missing_ok=True)
        link.symlink_to("../" + EVIL)
    return host


def controls(text):
    return {char for char in text.replace("\n", "")
            if unicodedata.category(char) in ("Cc", "Cs")}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_others_named_is_no_terminals_business(evil, command):
    said = vfio_early(evil, *command)
    assert said.out or said.err
    assert controls(said.out) == set() and controls(said.err) == set()
    assert not any(line.startswith("?") for line in said.out.splitlines())


def test_a_report_is_no_terminals_business(evil):
    """Neither as it is, for who looks into it, nor when somebody else has written it."""
    report = evil.path("run/vfio-early/report")
    text = report.read_text("ascii")
    name = machines.Report(text).all("config")[1]["file"]
    assert EVIL in name.encode("latin-1").decode("utf-8", "surrogateescape")
    for key in ("reason", "kernel", "note", "result"):
        report.write_text("".join(
            " ".join(word for word in line.split(" ") if not word.startswith(f"{key}="))
            + f' {key}="\\x1b[2J\\xc2\\x9b\\x0a"\n' for line in text.splitlines()))
        for arguments in ((), ("--json",)):
            said = vfio_early(evil, "status", *arguments)
            assert controls(said.out) == set() and controls(said.err) == set()
