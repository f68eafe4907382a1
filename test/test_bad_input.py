# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever is wrong with what the boot program reads: it says so with its place, what is right
stays in force, nothing else is touched, and it ends in time.
"""

import os
import re
import shutil
import subprocess
import time

import pytest
from machine import BOOT

CONF = "/etc/vfio-early.conf"
ETC = "etc/vfio-early.conf"
DROPIN = "etc/vfio-early.conf.d/nic.conf"
GPU, NIC, TWIN = "0000:01:00.0", "0000:02:00.0", "0000:03:00.0"
STATEMENT = "unknown statement (expected bind, keep, option, start or [NAME])"
JUNK = "a byte that is not printable ASCII"
LONG = "the line is longer than 1024 bytes"
MANY = "more than 4096 statements"
LARGE = "larger than 1 MiB. The rest is not read"


def fence(*addresses):
    return {f"{address}/driver_override": "vfio-pci" for address in addresses}


# Each text stands between two good lines; the errors are those of its first line, line 2.
TEXTS = [
    ("unknown statement", "bnd 03:00.0", [f"2:1: bnd: {STATEMENT}"]),
    ("unknown word", "bind 03:00.0 fast", ["2:14: fast: unknown condition or setting"]),
    ("bad hex", "bind 0g:00.0",
     ["2:6: 0g:00.0: not a PCI address (expected, for example, 01:00.0)"]),
    ("bus out of range", "bind 100:00.0",
     ["2:6: 100:00.0: not a PCI address (expected, for example, 01:00.0)"]),
    ("device out of range", "bind 03:20.0",
     ["2:6: 03:20.0: not a PCI address (expected, for example, 01:00.0)"]),
    ("function out of range", "  bind 03:00.8",
     ["2:8: 03:00.8: not a PCI address (expected, for example, 01:00.0)"]),
    ("bad ID", "bind 8086:10d", ["2:6: 8086:10d: not a vendor:device ID (expected, for example, "
                                 "10de:1c03)"]),
    ("no condition", "bind count=all", ["2:1: bind: needs a device, such as an address or ID"]),
    ("a word twice", "bind 03:00.0 03:00.0", ["2:14: 03:00.0: given twice"]),
    ("contradicting words", "bind 8086:10d3 with=group with=functions",
     ["2:27: with=functions: given twice"]),
    ("ids= again", "option vfio-pci ids=8086:10d3",
     ["2:17: ids=8086:10d3: takes every device of that model. Use bind lines"]),
    ("NUL", "bind 03:00.0\0", [f"2:13: {JUNK}"]),
    ("escape sequence", "bind \x1b[2J03:00.0", [f"2:6: {JUNK}"]),
    ("a CR inside", "bind 03:00.0\rbind 03:00.0", ["2:13: a carriage return inside the line"]),
    ("a line of 1025 bytes", "bind 03:00.0".ljust(1025), [f"2:1025: {LONG}"]),
    ("a line of 900 KB", "bind 03:00.0 " + "x" * 900_000, [f"2:1025: {LONG}"]),
    ("several", "bind 3\nx\nkeep", [
        "2:6: 3: unknown condition or setting", f"3:1: x: {STATEMENT}",
        "4:1: keep: needs a device, such as an address or ID"]),
]


@pytest.mark.parametrize("text, errors", [row[1:] for row in TEXTS],
                         ids=[row[0] for row in TEXTS])
def test_text(desktop, text, errors):
    text = text if isinstance(text, bytes) else text.encode()
    desktop.config(b"bind 02:00.0\n" + text + b"\nbind 01:00.0\n")
    run = desktop.run()
    assert run.written == fence(GPU, NIC)
    assert run.report.errors() == [f"{CONF}:{error}" for error in errors]
    for error in errors:
        place, words = error.split(": ", 1)
        assert run.told(f"{CONF}:{place}: invalid: {words}")
    assert run.status == 1
    assert all(re.fullmatch(r"[^\x00-\x1f\x7f]*", line) for line in run.log)


@pytest.mark.parametrize("junk", [b"\x7fELF\x02\x01\x01\x00\x03\x00>\x00",
                                  bytes(byte for byte in range(256) if byte != 10)],
                         ids=["binary junk", "every byte"])
def test_lines_below_junk_are_not_in_force(desktop, junk):
    """It may be a heading in another encoding."""
    desktop.config(b"bind 02:00.0\n" + junk + b"\nbind 01:00.0\n")
    run = desktop.run()
    assert run.written == fence(NIC)
    assert run.report.errors() == [f"{CONF}:2:1: {JUNK}. The lines below do not count"]


@pytest.mark.parametrize("text", [
    b"bind 02:00.0\r\n# x\r\nbind 01:00.0\r\n", b"\xef\xbb\xbfbind 02:00.0\nbind 01:00.0\n",
    b"bind 02:00.0\nbind 01:00.0", b"\xef\xbb\xbfbind 02:00.0\r\n\r\nbind 01:00.0",
    b"\n\n\tbind\t02:00.0\t# x\n   bind    01:00.0 ",
    "# ä☃\nbind 01:00.0\nbind 02:00.0\n".encode(),
], ids=["CRLF", "BOM", "no last newline", "BOM and CRLF and no last newline", "blanks", "UTF-8"])
def test_what_is_not_wrong(desktop, text):
    desktop.config(text)
    run = desktop.run()
    assert run.written == fence(GPU, NIC)
    assert run.report.errors() == []


def test_100000_rules(desktop):
    """The first 4096 count. They differ from each other, as the longest comparisons need."""
    first = "".join(f"bind {bus:02x}:{device:02x}.0\n" for bus in range(128)
                    for device in range(32))
    desktop.config(first + "bind 03:00.0\n" * 50_000)
    desktop.config("bind 03:00.0\n" * 50_000, DROPIN)
    started = time.monotonic()
    run = desktop.run()
    assert time.monotonic() - started < 15
    assert {f"{GPU}/driver_override", f"{NIC}/driver_override"} <= set(run.written)
    assert run.report.results()[NIC] == "fenced"
    assert f"{CONF}:4097:1: {MANY}" in run.report.errors()
    assert f"{CONF}:4096" in run.report.lines()
    assert f"{CONF}:4097" not in run.report.lines()
    assert run.told(f"{CONF}:4097:1: invalid: {MANY}")
    assert len(run.log) < 200


def test_100000_errors_are_counted(desktop):
    desktop.config("bind 02:00.0\n" + "x\n" * 100_000)
    run = desktop.run()
    assert run.written == fence(NIC)
    assert run.told("100000 lines not in force")
    assert len(run.log) < 40


def test_an_error_that_is_only_counted_can_be_a_keep_line(desktop):
    """Only 1024 errors are kept. A keep line among the rest could protect any device. Those that
    are kept here cannot be meant as keep lines.
    """
    desktop.config("bind 8086:10d3 count=2\nbind 01:00.0\n" + "bind\n" * 1024 + "keep 02:00\n")
    run = desktop.run()
    assert run.report.lines() == {f"{CONF}:1": "refused", f"{CONF}:2": "fenced"}
    assert run.written == fence(GPU)


def zeros(machine, name):
    os.truncate(machine.write(name, ""), 1 << 30)


def junk(machine, name):
    machine.write(name, bytes(range(256)) * 8192)


def directory(machine, name):
    (machine.path(name)).mkdir(parents=True)


def fifo(machine, name):
    path = machine.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def loop(machine, name):
    path = machine.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.name)


KINDS = [
    ("directory", directory, "cannot be read: Is a directory"),
    ("FIFO", fifo, "cannot be read: not a regular file"),
    ("link to itself", loop, "cannot be read: "),
    ("1 GB of zeros", zeros, LARGE),
    ("2 MB of junk", junk, LARGE),
]


@pytest.mark.parametrize("make, words", [row[1:] for row in KINDS],
                         ids=[row[0] for row in KINDS])
@pytest.mark.parametrize("bad, good", [(ETC, DROPIN), (DROPIN, ETC)],
                         ids=["config", "drop-in"])
def test_file(desktop, bad, good, make, words):
    make(desktop, bad)
    desktop.config("bind 02:00.0\nbind 01:00.0\n", good)
    run = desktop.run()
    assert run.written == fence(GPU, NIC)
    assert [error for error in run.report.errors() if error.startswith(f"/{bad}: {words}")]
    assert run.told(f"/{bad}: invalid: {words}")
    assert run.status == 1


def test_what_comes_before_the_limit_counts(desktop):
    """1 GB whose first lines are good; the line that the limit cuts does not count."""
    os.truncate(desktop.config("bind 02:00.0\n"), 1 << 30)
    desktop.config("bind 01:00.0\n", DROPIN)
    run = desktop.run()
    assert run.written == fence(GPU, NIC)
    assert run.report.errors() == [f"{CONF}: {LARGE}"]


def test_a_statement_cut_by_the_limit_does_not_count(desktop):
    """Cut, "bind 8086:10d3 count=11" would be another line."""
    line = "bind 01:00.0 allow=in-use # "
    desktop.config(f"bind 02:00.0\n#{'':x>{(1 << 20) - 27}}\n{line}\n")
    run = desktop.run()
    assert run.report.errors() == [f"{CONF}: {LARGE}", f"{CONF}:2:1025: {LONG}"]
    assert run.written == fence(NIC)


def test_a_directory_of_dropins_that_is_a_file(desktop):
    desktop.config("bind 02:00.0\n")
    desktop.config("bind 03:00.0\n", "etc/vfio-early.conf.d")
    run = desktop.run()
    assert run.written == fence(NIC)
    (error,) = run.report.errors()
    assert error.startswith(f"{CONF}.d: cannot be read: ")


def test_generated_keep_lines_that_cannot_be_read(desktop):
    """What protects the host's disks is missing: that is told."""
    desktop.config("bind 02:00.0\n")
    directory(desktop, "usr/lib/vfio-early/keep.conf")
    run = desktop.run()
    assert run.report.errors() == \
        ["/usr/lib/vfio-early/keep.conf: cannot be read: Is a directory"]
    assert run.status == 1


def as_nobody(machine):
    """A command that drops root's rights, on a machine that then belongs to nobody."""
    for path in [machine.root, *machine.root.rglob("*")]:
        os.chown(path, 65534, 65534, follow_symlinks=False)
    for parent in machine.root.parents:
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 1:
            parent.chmod(parent.stat().st_mode | 0o011)
    program = machine.root.parent / "vfio-early-boot"
    shutil.copy(BOOT, program)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program,
            "--root", machine.root]


@pytest.mark.parametrize("bad, good", [(ETC, DROPIN), (DROPIN, ETC)],
                         ids=["config", "drop-in"])
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_unreadable(desktop, bad, good):
    desktop.config("bind 03:00.0\n", bad).chmod(0)
    desktop.config("bind 02:00.0\n", good)
    done = subprocess.run(as_nobody(desktop), capture_output=True, text=True, timeout=60,
                          check=False)
    assert f"vfio-early: /{bad}: invalid: cannot be read: Permission denied" in done.stderr
    assert desktop.read(f"sys/bus/pci/devices/{NIC}/driver_override") == "vfio-pci"
    assert desktop.read(f"sys/bus/pci/devices/{TWIN}/driver_override") == "(null)\n"
    assert done.returncode == 1


PLANS = [
    ("missing", None, "this image has no list of modules (/usr/lib/vfio-early/modules); "
                      "rebuild it"),
    ("empty", "", "this image has no list of modules (/usr/lib/vfio-early/modules); "
                  "rebuild it"),
    ("without the driver", "[pci-stub]\n/lib/pci-stub.ko\n",
     "this image has no module for the driver vfio-pci; rebuild it"),
    ("binary junk", bytes(range(256)) * 8,
     "this image has no list of modules (/usr/lib/vfio-early/modules); rebuild it"),
    ("without headings", "/lib/modules/vfio.ko\n",
     "this image has no list of modules (/usr/lib/vfio-early/modules); rebuild it"),
    ("built in, and yet no driver", "[vfio-pci]\n", "No such file or directory"),
]


@pytest.mark.parametrize("plan, words", [row[1:] for row in PLANS],
                         ids=[row[0] for row in PLANS])
def test_load_plan(desktop, plan, words):
    """Fenced all the same: that needs no module."""
    desktop.path("usr/lib/vfio-early/modules").unlink()
    if plan is not None:
        desktop.write("usr/lib/vfio-early/modules", plan)
    desktop.config("bind 02:00.0\n")
    run = desktop.run()
    assert run.written == fence(NIC)
    assert run.report.results() == {NIC: "fenced"}
    assert run.report.reason("address", NIC) == words


@pytest.mark.parametrize("make", [row[1] for row in KINDS], ids=[row[0] for row in KINDS])
def test_load_plan_of_another_kind(desktop, make):
    desktop.path("usr/lib/vfio-early/modules").unlink()
    make(desktop, "usr/lib/vfio-early/modules")
    desktop.config("bind 02:00.0\n")
    run = desktop.run()
    assert run.written == fence(NIC)
    assert run.told("this image has no list of modules")


@pytest.mark.parametrize("text", ["", "\0" * 5000, "x" * 100_000, "vfio_early=" + "x" * 10_000,
                                  "vfio_early=" + "a," * 5000, '"' * 1001,
                                  "vfio_early=\x1b[2J\n"],
                         ids=["empty", "NUL", "long", "long profile", "many profiles", "quotes",
                              "escape sequence"])
def test_kernel_command_line(desktop, text):
    desktop.write("proc/cmdline", text)
    desktop.config("bind 02:00.0\n")
    run = desktop.run()
    assert run.written == fence(NIC)
    assert all(re.fullmatch(r"[^\x00-\x1f\x7f]{1,540}", line) for line in run.log)


def test_no_kernel_command_line(desktop):
    desktop.path("proc/cmdline").unlink()
    desktop.config("bind 02:00.0\n")
    assert desktop.run().written == fence(NIC)


@pytest.mark.parametrize("text", ["\0" * 5000, "zz-zz : BOOTFB\n" * 1000,
                                  "0-ffffffffffffffffffff : BOOTFB\n", "x" * 2_000_000],
                         ids=["NUL", "no numbers", "too large a number", "2 MB"])
def test_iomem(desktop, text):
    desktop.write("proc/iomem", text)
    desktop.config("bind 01:00.0\n")
    assert desktop.run().written == fence(GPU)


def test_driver_names_do_not_leave_sysfs(desktop):
    outside = desktop.write("evil/bind", "")
    desktop.config("bind 02:00.0 driver=../../../../evil\nbind 01:00.0 driver=..\n")
    run = desktop.run()
    assert run.written == {}
    assert outside.read_text() == ""
    assert len(run.report.errors()) == 2
