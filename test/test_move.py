# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early move, and the remedies of check and status that name it: for a device whose address
has changed.
"""

import pytest
from cli import CONF, ENVIRONMENT, UNWANTED, USAGE, WELL, Refusal, vfio_early
from test_add import at_terminal

NIC, TWIN, GPU = "0000:02:00.0", "0000:03:00.0", "0000:01:00.0"
OLD = "0000:07:00.0"

# The line, the arguments, the line afterwards.
MOVES = {
    "address and ID": (f"bind {OLD} 10de:1c03 with=functions  # 07:00.0", [OLD],
                       f"bind {GPU} 10de:1c03 with=functions  # 07:00.0"),
    "address and path": (f"bind {OLD} 10de:1c03 path=0000:00:01.0/00.0", ["07:00.0"],
                         f"bind {GPU} 10de:1c03 path=0000:00:01.0/00.0"),
    "another slot": (f"bind {OLD} 10de:1c03 path=0000:00:1f.0/00.0", [OLD],
                     f"bind {GPU} 10de:1c03 path=0000:00:01.0/00.0"),
    "a path alone": ("bind path=00:1f.0/00.0 10de:1c03", [f"/{CONF}:2"],
                     "bind path=0000:00:01.0/00.0 10de:1c03"),
    "address=": (f"\tbind id=10de:1c03 address={OLD}\r", [f"/{CONF}:2:1"],
                 f"\tbind id=10de:1c03 {GPU}\r"),
    "the path says which twin": (f"bind {OLD} 8086:10d3 path=00:1c.1/00.0", [OLD],
                                 f"bind {TWIN} 8086:10d3 path=0000:00:1c.1/00.0"),
    "a serial number": (f"bind {OLD} serial=00-1b-21-ff-ff-00-00-02", [OLD],
                        f"bind {TWIN} serial=00-1b-21-ff-ff-00-00-02"),
    "another is there now": (f"bind {NIC} 10de:1c03", [NIC], f"bind {GPU} 10de:1c03"),
    "the user says which": (f"bind {OLD} 8086:10d3", [OLD, "03:00.0"], f"bind {TWIN} 8086:10d3"),
    "an address alone": (f"bind {OLD}", [OLD, TWIN], f"bind {TWIN}"),
    "the other has a line": (f"bind {OLD} 8086:10d3\nbind {TWIN}", [OLD],
                             f"bind {NIC} 8086:10d3\nbind {TWIN}"),
}


@pytest.mark.parametrize("name", MOVES)
def test_move(desktop, name):
    before, arguments, after = MOVES[name]
    desktop.config(f"# \udcff\n{before}\n".encode(errors="surrogateescape"))
    said = vfio_early(desktop, "move", *arguments, "--yes")
    assert said.status == WELL, said
    assert desktop.path(CONF).read_bytes() == f"# \udcff\n{after}\n".encode(
        errors="surrogateescape")
    assert f"/{CONF}:2: bind" in said.out and "    before: bind" in said.out
    assert said.out.endswith("next: vfio-early apply, then reboot\n")


REFUSALS = [
    Refusal("02:00.0 --yes", UNWANTED, f"/{CONF}:1: the device is where the line says",
            "bind 02:00.0\n"),
    Refusal("07:00.0 --yes", USAGE, f"  vfio-early move 07:00.0 {TWIN} --root /",
            f"bind {OLD} 8086:10d3\n"),
    Refusal("07:00.0 --yes", UNWANTED, "no other device is as the line describes",
            f"bind {OLD} 1234:5678\n"),
    Refusal("07:00.0 --yes", UNWANTED, "no other device is as the line describes",
            f"bind {OLD}\n"),
    Refusal("07:00.0 01:00.0 --yes", UNWANTED, f"01:00.0: not the device that /{CONF}:1 describes",
            f"bind {OLD} 8086:10d3\n"),
    Refusal("07:00.0 --yes", UNWANTED, "0000:00:02.0: refused: the firmware's display",
            f"bind {OLD} 8086:3e92\n"),
    Refusal("07:00.0 09:00.0 --yes", UNWANTED, "09:00.0: no such device", f"bind {OLD}\n"),
    Refusal("07:00.0 --yes", UNWANTED, "no line lists it", ""),
    Refusal("nvidia --yes", USAGE, "not an address, ID or FILE:LINE", ""),
    Refusal(f"/{CONF}:1 --yes", UNWANTED, "not a bind line with an address or path=",
            "bind 8086:1234\n"),
    Refusal("07:00.0", UNWANTED, "no terminal to ask at", f"bind {OLD} 10de:1c03\n"),
    Refusal("07:00.0 --dry-run", WELL, "", f"bind {OLD} 10de:1c03\n"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_what_stays(desktop, refusal):
    refusal.check(desktop, "move")


@pytest.mark.parametrize("answer, status", [(b"y\n", WELL), (b"\n", UNWANTED), (b"\x04", UNWANTED)])
def test_it_asks(desktop, answer, status):
    desktop.config(f"bind {OLD} 10de:1c03\n")
    done, out, told = at_terminal(desktop, answer, "move", OLD)
    assert done == status and "Change the line? [y/N]" in told
    assert f"/{CONF}:1: bind {GPU} 10de:1c03\n    before: bind {OLD} 10de:1c03\n" in out
    assert (GPU in desktop.read(CONF)) == (status == WELL)


def test_an_edit_meanwhile_stays(desktop):
    desktop.config(f"bind {OLD} 10de:1c03\n")
    desktop.path("etc").chmod(0o755)
    (desktop.path("etc") / ".vfio-early.conf.vfio-early").mkdir()
    said = vfio_early(desktop, "move", OLD, "--yes")
    assert said.status == ENVIRONMENT and "cannot be edited" in said.err
    assert desktop.read(CONF) == f"bind {OLD} 10de:1c03\n"


@pytest.mark.parametrize("line, command", [
    (f"bind {OLD} 10de:1c03", f"vfio-early move {OLD} {GPU}"),
    ("bind path=00:1f.0/00.0 10de:1c03", f"vfio-early move /{CONF}:1 {GPU}"),
    (f"bind {OLD} 8086:10d3", None), (f"bind {OLD}", None),
])
def test_check_and_status_name_the_command(desktop, line, command):
    desktop.config(line + "\n")
    desktop.run()
    check, status = (vfio_early(desktop, name).out for name in ("check", "status"))
    if not command:
        assert "vfio-early move" not in check + status
        assert f"next: correct /{CONF}:1, or take the line out: vfio-early remove" in status
        return
    assert f"; if the device moved there: {command} --root {desktop.root}\n" in check
    assert f"next: if the device moved there: {command} --root {desktop.root}\n" in status
    assert vfio_early(desktop, *command.split()[1:], "--yes").status == WELL
    assert "will be bound to vfio-pci" in vfio_early(desktop, "check").out
