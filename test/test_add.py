# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early add and remove: what they write, what they refuse, and that the config, whatever is
in it and whatever happens meanwhile, is never damaged.
"""

import errno
import os
import pty
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import hosts
import machine as machines
import pytest
from cli import (CONF, CONFIG, ENVIRONMENT, LOCK, PROGRAM, UNWANTED, USAGE, WELL, Refusal,
                 vfio_early)

GPU, SOUND, NIC, TWIN = "0000:01:00.0", "0000:01:00.1", "0000:02:00.0", "0000:03:00.0"
IGPU = "0000:00:02.0"
LINE = f"bind {NIC} 8086:10d3 path=0000:00:1c.0/00.0"


PCI_IDS = """10de  NVIDIA Corporation
\t10f1  GP106 High Definition Audio
\t1c03  GP106 [GeForce GTX 1060 6GB]
"""


def added(text):
    """`text` with the line of the network card put in place of @; its comment is cut off."""
    return text.replace(b"@", LINE.encode())


def without_comment(text):
    return re.sub(re.escape(LINE.encode()) + rb"  # [^\r\n]*", LINE.encode(), text)


# What is in the file, and where the new line, @, goes.
FILES = {
    "no file": (None, b"@\n"),
    "an empty file": (b"", b"@\n"),
    "a comment": (b"# mine\n", b"# mine\n@\n"),
    "no last newline": (b"# mine\nkeep 00:17.0", b"# mine\nkeep 00:17.0\n@"),
    "CRLF": (b"# mine\r\n\r\n", b"# mine\r\n\r\n@\r\n"),
    "CRLF without the last": (b"# a\r\n# b", b"# a\r\n# b\r\n@"),
    "a byte order mark": (b"\xef\xbb\xbf# mine\n", b"\xef\xbb\xbf# mine\n@\n"),
    "only a byte order mark": (b"\xef\xbb\xbf", b"\xef\xbb\xbf@\n"),
    "not UTF-8": (b"# \xff\xfe\n", b"# \xff\xfe\n@\n"),
    "blank lines at the end": (b"keep 00:17.0\n\n\n", b"keep 00:17.0\n\n\n@\n"),
    "in front of a profile": (b"# all\n\n[gaming]\nbind 03:00.0\n",
                              b"# all\n\n@\n[gaming]\nbind 03:00.0\n"),
    "in front of a profile's comment": (b"# all\n\n# games\n#\n  [gaming]\nbind 03:00.0\n",
                                        b"# all\n\n@\n# games\n#\n  [gaming]\nbind 03:00.0\n"),
    "a profile alone": (b"[gaming]", b"@\n[gaming]"),
    "lines with errors": (b"bnd 1\nbind 99\n", b"bnd 1\nbind 99\n@\n"),
    "a NUL below the new line": (b"[gaming]\n# a\0b\n", b"@\n[gaming]\n# a\0b\n"),
    "an error as the last line": (b"bind", b"bind\n@"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_rest_of_the_file_stays(desktop, name):
    before, after = FILES[name]
    if before is not None:
        desktop.config(before)
    else:
        desktop.path("etc").mkdir()
    said = vfio_early(desktop, "add", "02:00.0")
    assert said.status == WELL, said.err
    text = desktop.path(CONF).read_bytes()
    assert without_comment(text) == added(after)
    number = after[:after.index(b"@")].count(b"\n") + 1
    assert f"/{CONF}:{number}: {LINE}" in said.out
    assert not desktop.path(LOCK).exists()

    said = vfio_early(desktop, "remove", "02:00.0")
    assert said.status == WELL, said.err
    assert desktop.path(CONF).read_bytes() == (before or b"")


def test_what_it_says(desktop):
    desktop.path("etc").mkdir()
    said = vfio_early(desktop, "add", "01:00.0")
    assert said.status == WELL
    line, mate, following = said.out.splitlines()
    assert re.fullmatch(f"/{CONF}:1: bind {GPU} 10de:1c03 path=0000:00:01.0/00.0(  # .+)?", line)
    assert mate.startswith(f"in the same IOMMU group, and not listed: {SOUND} [10de:10f1]")
    assert following == ("next: vfio-early apply, then reboot; or at once, without a reboot: "
                         f"vfio-early bind {GPU} --root {desktop.root}")


@pytest.mark.parametrize("arguments, words", [
    (["02:00.0", "--driver", "auto"], " driver=auto"),
    (["01:00.0", "--with", "functions"], " with=functions"),
    (["01:00.0", "--with", "group"], " with=group"),
    (["group=1"], " with=group"),
    (["group=1", "--with", "functions"], " with=functions"),
    (["00:02.0", "--allow", "boot-display"], " allow=boot-display"),
    (["00:02.0", "--allow", "in-use", "--allow", "boot-display"],
     " allow=in-use allow=boot-display"),
    (["8086:3e92", "--allow", "boot-display"], " allow=boot-display"), (["class=0106"], ""),
])
def test_words_of_the_line(desktop, arguments, words):
    desktop.path("etc").mkdir()
    said = vfio_early(desktop, "add", *arguments)
    assert said.status == WELL, said.err
    line = re.sub("  # .*", "", desktop.read(CONF)).rstrip("\n")
    assert re.fullmatch(r"bind \S+ \S+ path=\S+" + re.escape(words), line)


@pytest.mark.parametrize("arguments, line", [
    (["serial=00-1b-21-ff-ff-00-00-02"], "serial=00-1b-21-ff-ff-00-00-02 8086:10d3"),
    (["serial=00-1b-21-ff-ff-00-00-02", "--driver", "auto"],
     "serial=00-1b-21-ff-ff-00-00-02 8086:10d3 driver=auto"),
    (["path=00:1c.0/00.0"], "path=0000:00:1c.0/00.0 8086:10d3"),
])
def test_what_the_user_chose_identifies_the_device(desktop, arguments, line):
    """A device with a serial number keeps its line in any slot."""
    desktop.path("etc").mkdir()
    said = vfio_early(desktop, "add", *arguments)
    assert said.status == WELL, said.err
    assert re.sub("  # .*", "", desktop.read(CONF)) == f"bind {line}\n"
    assert "is listed already" in vfio_early(desktop, "add", *arguments).out


def test_a_serial_number_of_several_functions_is_not_enough(desktop):
    desktop.path("etc").mkdir()
    for function in range(2):
        desktop.function(f"0000:05:00.{function}", "8086:1533", "020000",
                         serial="00-1b-21-ff-ff-00-00-09")
    said, _, told = at_terminal(desktop, b"2\n", "add", "serial=00-1b-21-ff-ff-00-00-09")
    assert said == WELL, told
    assert desktop.read(CONF).startswith("bind 0000:05:00.1 8086:1533 path=")


@pytest.fixture(name="named")
def fixture_named(desktop):
    """A desktop that brings the names of its devices."""
    desktop.write("usr/share/misc/pci.ids", PCI_IDS)
    desktop.path("etc").mkdir()
    return desktop


@pytest.mark.parametrize("words", ["Geforce", "gp106 [ge", "NVIDIA GP106 [GeForce GTX 1060 6GB]"])
def test_by_name(named, words):
    said = vfio_early(named, "add", words)
    assert said.status == WELL, said.err
    assert f":1: bind {GPU} 10de:1c03 path=0000:00:01.0/00.0  # NVIDIA GP106 [Ge" in said.out


def test_name_of_several(named):
    said = vfio_early(named, "add", "nvidia")
    assert said.status == USAGE
    assert said.err == (
        "vfio-early: nvidia: 1 device matches; name one of them:\n"
        f"  vfio-early add {GPU} --root {named.root} --with functions  # {GPU} [10de:1c03] "
        "NVIDIA GP106 [GeForce GTX 1060 6GB], and the rest of the card\n")
    assert not named.path(CONF).exists()


def test_offers_repeat_the_options(named):
    said = vfio_early(named, "add", "8086:10d3", "--with", "group", "--driver", "auto", "--allow",
                      "in-use", "--dry-run")
    for address in (NIC, TWIN):
        assert (f"\n  vfio-early add {address} --root {named.root} --with group --driver auto "
                "--allow in-use --dry-run  # ") in said.err


@pytest.mark.parametrize("card", ["01:00", "0000:01:00"])
def test_a_card(named, card):
    said = vfio_early(named, "add", card)
    assert said.status == WELL, said
    assert f"bind {GPU} 10de:1c03 path=0000:00:01.0/00.0 with=functions" in said.out
    assert f"also takes: {SOUND}" in said.out and "not listed" not in said.out
    assert f"vfio-early bind {GPU} {SOUND} --root " in said.out


def test_name_of_none(named):
    said = vfio_early(named, "add", "radeon")
    assert (said.status, said.err) == (UNWANTED, "vfio-early: radeon: no device matches, bridges "
                                       'aside; "vfio-early list --all" shows all\n')


@pytest.mark.parametrize("options", [("--with", "functions"), ("--with", "group")])
@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_says_what_with_takes(desktop, options, dry_run):
    """One line may take eight functions of a card."""
    desktop.path("etc").mkdir()
    said = vfio_early(desktop, "add", "01:00.0", *options, *dry_run)
    assert said.status == WELL
    assert f"also takes: {SOUND} [10de:10f1]" in said.out and "(no driver)" in said.out
    assert "  (no driver)" not in said.out
    assert said.out.count("also takes") == 1


def test_says_nothing_of_companions_without_with(desktop):
    desktop.path("etc").mkdir()
    assert "also takes" not in vfio_early(desktop, "add", "01:00.0").out


REFUSALS = [
    Refusal("00:02.0", UNWANTED, f"{IGPU}: refused: the firmware's display is on it"),
    Refusal("00:02.0", UNWANTED, "to list it anyway: --allow boot-display"),
    Refusal("00:02.0 --allow in-use", UNWANTED, "the firmware's display"),
    Refusal("00:02.0 --allow all", USAGE, "allow=all: expected boot-display or in-use"),
    Refusal("02:00.0 --with all", USAGE, "with=all: expected functions or group"),
    Refusal("02:00.0 --driver a/b", USAGE, "driver=a/b: not a driver name"),
    Refusal("09:00.0", UNWANTED, "09:00.0: no device matches, bridges aside"),
    Refusal("10de:1c30", UNWANTED, "did you mean 10de:1c03 at 0000:01:00.0?\n"),
    Refusal("77:1f.5", UNWANTED,
            "no device matches, bridges aside; \"vfio-early list --all\" shows all"),
    Refusal("00:1c.0", UNWANTED, "no device matches, bridges aside"),
    Refusal("group=99", UNWANTED, "no device matches"),
    Refusal("group=x", USAGE, "group=x: not an IOMMU group"),
    Refusal("77:00", UNWANTED, "77:00: no device matches"),
    Refusal("01:00:", USAGE, "01:00:: not a vendor:device ID"),
    Refusal("colour=red", USAGE, "unknown condition or setting"),
    Refusal("8086:10d3", USAGE,
            f"2 devices match; name one of them:\n  vfio-early add {NIC} --root"),
    Refusal("class=02", USAGE, f"  # {TWIN} [8086:10d3]"),
    Refusal("02:00.0", UNWANTED, f"/{CONF}:1 keeps it for the host", "keep 8086:10d3\n"),
    Refusal("01:00.0 --with group", UNWANTED, f"{SOUND}: refused: /{CONF}:1 keeps it",
            "keep 01:00.1\n"),
    Refusal("01:00.0 --with group --driver pci-stub", UNWANTED,
            "the line would be invalid: "
            f"/{CONF}:1 names another driver, vfio-pci, for {SOUND}", "bind 01:00.1\n"),
    Refusal("02:00.0", WELL, "", "bind 8086:10d3 count=2\n"),
    Refusal("02:00.0 --with function", USAGE, "with=function: expected functions or group",
            "bind 02:00.0\n"),
    Refusal("02:00.0 --allow nonsense", USAGE, "allow=nonsense: expected", "bind 02:00.0\n"),
    Refusal("02:00.0 --driver a/b", USAGE, "driver=a/b: not a driver", "bind 02:00.0\n"),
    Refusal("00:02.0", UNWANTED,
            f"listed already, but refused: /{CONF}:1: bind 00:02.0; edit that line",
            "bind 00:02.0\n"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refusals_write_nothing(desktop, refusal):
    refusal.check(desktop, "add")


def test_listed_already(desktop):
    desktop.config("# mine\nbind 02:00.0 # the card\n")
    said = vfio_early(desktop, "add", "02:00.0")
    assert (said.status, said.out) == (WELL, f"{NIC} is listed already: /{CONF}:2: bind 02:00.0\n")


# The file, the arguments, and the file afterwards.
AMENDED = [
    ("# \xff\nbind 01:00.0 # the card\r\nbind 9\n", "01:00.0 --with functions",
     "# \xff\nbind 01:00.0 with=functions # the card\r\nbind 9\n"),
    ("bind 01:00.0 with=functions", "01:00.0 --with group", "bind 01:00.0 with=group"),
    ("\tbind  01:00.0\tdriver=auto  with=functions  #driver=x\n", "01:00.0 --driver vfio-pci",
     "\tbind  01:00.0\tdriver=vfio-pci  with=functions  #driver=x\n"),
    ("bind 00:02.0\n", "00:02.0 --allow boot-display", "bind 00:02.0 allow=boot-display\n"),
    ("bind 00:02.0 allow=in-use\n", "8086:3e92 --allow boot-display --allow in-use",
     "bind 00:02.0 allow=in-use allow=boot-display\n"),
    ("bind 01:00.0\n", "group=1", "bind 01:00.0 with=group\n"),
    ("bind 01:00.0 with=group\n", "01:00.0 --with group --driver vfio-pci",
     "bind 01:00.0 with=group\n"),
]


@pytest.mark.parametrize("before, arguments, after", AMENDED)
@pytest.mark.parametrize("file", [CONF, f"{CONF}.d/cards.conf"])
def test_the_line_of_a_listed_device_is_changed(desktop, before, arguments, after, file):
    desktop.config(before.encode("latin-1"), file)
    said = vfio_early(desktop, "add", *arguments.split())
    assert said.status == WELL, said
    assert desktop.path(file).read_bytes() == after.encode("latin-1")
    assert ("is listed already" in said.out) == (before == after)
    assert ("    before: " in said.out) == (before != after)
    assert vfio_early(desktop, "add", *arguments.split()).out.count("is listed already") == 1


def test_a_line_of_several_devices_is_not_changed(desktop):
    desktop.config("bind 8086:10d3 count=2\n")
    said = vfio_early(desktop, "add", "02:00.0", "--allow", "in-use")
    assert said.status == WELL, said
    assert desktop.read(CONF).startswith(f"bind 8086:10d3 count=2\n{LINE} allow=in-use")


def test_what_it_changed(desktop):
    desktop.config("bind 01:00.0\n")
    said = vfio_early(desktop, "add", "01:00.0", "--with", "functions", "--dry-run")
    assert said.out.startswith(f"would change /{CONF}:1: bind 01:00.0 with=functions\n"
                               f"    before: bind 01:00.0\nalso takes: {SOUND} ")
    said = vfio_early(desktop, "add", "01:00.0", "--with", "functions")
    assert said.out.splitlines()[0] == f"/{CONF}:1: bind 01:00.0 with=functions"
    assert said.out.splitlines()[-1].endswith(
        f"vfio-early bind {GPU} {SOUND} --root {desktop.root}")


@pytest.mark.parametrize("command", ["add", "remove"])
def test_dry_run_writes_nothing(desktop, command):
    desktop.config("bind 03:00.0\n")
    before = desktop.snapshot()
    said = vfio_early(desktop, command, "02:00.0" if command == "add" else "03:00.0",
                      "--dry-run")
    assert said.status == WELL and "would " in said.out
    assert desktop.snapshot() == before


def read_terminal(terminal):
    """What it said next: it comes in pieces; at the end, when nobody has it open, b""."""
    try:
        return os.read(terminal, 65536)
    except OSError as error:
        assert error.errno == errno.EIO
        return b""


def at_terminal(machine, answers, command, *arguments):
    """Runs a command with a person who types `answers`: its status, its standard output, and what
    the terminal shows. The keys are typed ahead.
    """
    ours, theirs = pty.openpty()
    os.write(ours, answers)
    done = subprocess.run([PROGRAM, command, "--root", machine.root, *arguments], stdin=theirs,
                          stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=False)
    os.close(theirs)
    told = b"".join(iter(lambda: read_terminal(ours), b"")).decode().replace("\r\n", "\n")
    os.close(ours)
    return done.returncode, done.stdout.decode(), told


NOTHING = (b"\n", b"q\n", b"3\n\n", b"x\nq\n", b"x" * 31 + b"1\nq\n", b"\x04")


@pytest.mark.parametrize("answer, status", [(b"2\n", WELL), (b"7\n2\n", WELL),
                                            *((answer, UNWANTED) for answer in NOTHING)])
def test_a_person_is_asked(desktop, answer, status):
    desktop.path("etc").mkdir()
    done, _, told = at_terminal(desktop, answer, "add", "8086:10d3")
    assert ("nothing was written" in told) == (status != WELL)
    assert f"   2  {TWIN} [8086:10d3]" in told and "Which one, 1 to 2?" in told
    assert done == status
    assert (TWIN in desktop.read(CONF)) if status == WELL else not desktop.path(CONF).exists()


def test_no_device_and_no_terminal(desktop):
    said = vfio_early(desktop, "add")
    assert (said.status, said.err) == (
        USAGE, "vfio-early: usage: vfio-early add [OPTION]... [DEVICE]...; see --help\n")


def test_the_guide_offers_the_best_cards_first(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    hosts.add_thin_pool(host)
    host.config("")
    status, _, told = at_terminal(host, b"q\n", "add")
    assert status == UNWANTED and told.count("nothing was written") == 1
    lines = told.splitlines()
    offers = [line for line in lines if re.match(r" +\d+  \d{4}:", line)]
    assert [line.split()[1] for line in offers] == [
        "0000:02:00.0", "0000:00:14.0", "0000:06:00.0", "0000:01:00.0", "0000:03:00.0",
        "0000:00:1f.6"]
    assert offers[0].endswith("(2 functions)")
    for device, note in (("0000:00:14.0", "keyboard: Logitech K120"),
                         ("0000:06:00.0", "the host may use it: "), (GPU, "boot display"),
                         ("0000:03:00.0", "the host uses it: / (nvme0n1p2), ")):
        number = next(i for i, line in enumerate(lines) if f"  {device} " in line)
        assert lines[number + 1].startswith(f"      {note}")
    assert not host.read(CONF)


@pytest.mark.parametrize("name, absent", [
    ("server", ["0000:18:10.0", "0000:18:10.2"]), ("laptop", ["0000:00:14.2", "10000:e1:00.0"]),
])
def test_the_guide_leaves_out_what_is_of_no_use(tmp_path, name, absent):
    """What a driver has to make first, and parts of the chipset that no guest needs."""
    host = hosts.HOSTS[name](tmp_path / "root")
    host.config("")
    told = at_terminal(host, b"q\n", "add")[2]
    assert "   4  " in told and not any(address in told for address in absent)


def test_the_guide_leaves_out_what_is_listed(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0 with=functions\n")
    assert "02:00" not in at_terminal(host, b"q\n", "add")[2]


@pytest.mark.parametrize("answers, line, command", [
    (b"1\n\ny\n", "bind 0000:02:00.0 10de:1c03 path=0000:00:1c.0/00.0 with=functions",
     "0000:02:00.0 --with functions"),
    (b"1\nn\n2\ny\ny\n", "bind 0000:02:00.1 10de:10f1 path=0000:00:1c.0/00.1",
     "0000:02:00.1"),
    (b"2\ny\n", "bind 0000:00:14.0 8086:a36d path=0000:00:14.0", "0000:00:14.0"),
    (b"3\ny\ny\ny\n",
     "bind 0000:01:00.0 10de:1c03 path=0000:00:01.0/00.0 with=functions allow=boot-display",
     "0000:01:00.0 --with functions --allow boot-display"),
])
def test_the_guide(tmp_path, answers, line, command):
    """The card, whether all of it, each danger; and then the command that does the same."""
    host = hosts.desktop(tmp_path / "root")
    host.config("")
    status, out, told = at_terminal(host, answers, "add")
    assert status == WELL, told
    assert re.sub("  # .*", "", host.read(CONF)) == line + "\n"
    assert f"/{CONF}:1: {line}" in out
    assert (f"the same without questions: vfio-early add {command.split()[0]}"
            f"{' --with functions' * ('--with' in command)} --root {host.root}"
            f"{' --allow boot-display' * ('--allow' in command)}\n") in out
    written = host.read(CONF)
    host.config("")
    assert vfio_early(host, "add", *command.split()).status == WELL
    assert host.read(CONF) == written


@pytest.mark.parametrize("answers, question", [
    (b"1\nn\n\n", "Which one, 1 to 2?"), (b"1\n\x04\x04", "Take the whole card? [Y/n]"),
    (b"2\nn\n", "List it anyway? [y/N]"), (b"2\n\n", "the only keyboard (Logitech K120)"),
    (b"3\ny\nn\n", "List it anyway, with allow=boot-display? [y/N]"),
])
def test_the_guide_can_be_left_at_each_question(tmp_path, answers, question):
    host = hosts.desktop(tmp_path / "root")
    host.config("")
    status, out, told = at_terminal(host, answers, "add")
    assert (status, out) == (UNWANTED, "") and question in told
    assert told.count("nothing was written") == 1 and not host.read(CONF)


def test_several_devices(desktop):
    desktop.config("bind 03:00.0 # mine\n[gaming]\n")
    said = vfio_early(desktop, "add", "02:00.0", "01:00", "03:00.0", "01:00.1")
    assert said.status == WELL, said
    lines = [line.split()[:2] for line in desktop.read(CONF).splitlines()]
    assert lines == [["bind", "03:00.0"], ["bind", NIC], ["bind", GPU], ["[gaming]"]]
    assert f"/{CONF}:2: bind {NIC}" in said.out and f"/{CONF}:3: bind {GPU}" in said.out
    assert f"{TWIN} is listed already: /{CONF}:1: bind 03:00.0\n" in said.out
    assert f"{SOUND} is listed already: /{CONF}:3: " in said.out
    assert said.out.splitlines()[-1].endswith(
        f"vfio-early bind {NIC} {GPU} {SOUND} --root {desktop.root}")
    assert said.out.count("next: ") == 1


def test_a_listed_line_of_another_file(desktop):
    desktop.config("bind 03:00.0\n", f"{CONF}.d/a.conf")
    desktop.config("keep 00:17.0\n[gaming]\n")
    said = vfio_early(desktop, "add", "03:00.0", "02:00.0")
    assert said.status == WELL, said
    assert f"{TWIN} is listed already: /{CONF}.d/a.conf:1: bind 03:00.0\n" in said.out
    assert f"/{CONF}:2: bind {NIC}" in said.out


def test_several_lines_are_changed(desktop):
    """A new line above a changed one moves it."""
    desktop.config("[gaming]\n", CONF)
    desktop.config("bind 03:00.0\nbind 01:00.0\n")
    said = vfio_early(desktop, "add", "01:00.0", "03:00.0", "02:00.0", "--driver", "auto")
    assert said.status == WELL, said
    for line in (f"/{CONF}:2: bind 01:00.0 driver=auto", f"/{CONF}:1: bind 03:00.0 driver=auto",
                 f"/{CONF}:3: bind {NIC}"):
        assert line in said.out


@pytest.mark.parametrize("refusal", [
    Refusal("02:00.0 00:02.0", UNWANTED, f"{IGPU}: refused"),
    Refusal("02:00.0 09:00.0", UNWANTED, "09:00.0: no device matches"),
    Refusal("02:00.0 1:2", USAGE, "1:2: not a vendor:device ID"),
    Refusal("02:00.0 8086:10d3", USAGE, "2 devices match"),
    Refusal("", USAGE, "usage: "),
], ids=str)
def test_one_of_several_is_refused(desktop, refusal):
    refusal.check(desktop, "add")


def test_lines_of_two_files_are_not_changed_together(desktop):
    desktop.config("bind 01:00.0\n")
    desktop.config("bind 02:00.0\n", f"{CONF}.d/a.conf")
    before = desktop.snapshot()
    said = vfio_early(desktop, "add", "01:00.0", "02:00.0", "--driver", "auto")
    assert said.status == UNWANTED and f"{NIC}: its line belongs to /{CONF}.d/a.conf" in said.err
    assert desktop.snapshot() == before


@pytest.mark.parametrize("chosen", [True, False])
def test_a_line_of_a_profile_does_not_list_a_device(desktop, chosen):
    desktop.config("[gaming]\nbind 02:00.0\n")
    desktop.cmdline("vfio_early=gaming" * chosen)
    said = vfio_early(desktop, "add", "02:00.0")
    assert said.status == WELL and "listed already" not in said.out
    assert desktop.read(CONF).startswith(f"{LINE}")
    assert (f"also listed: /{CONF}:3, but only with vfio_early=gaming\n" in said.out) == chosen
    assert "listed already" in vfio_early(desktop, "add", "02:00.0").out


def test_json_of_add(desktop):
    desktop.config("bind 01:00.0\nbind 03:00.0\n")
    said = vfio_early(desktop, "add", "02:00.0", "01:00.0", "03:00.0", "--with", "group", "--json")
    assert said.status == WELL
    lines = said.json["lines"]
    assert [(line["line"], line["address"], line["before"], line["written"]) for line in lines] \
        == [(f"/{CONF}:3", NIC, None, True), (f"/{CONF}:1", GPU, "bind 01:00.0", True),
            (f"/{CONF}:2", TWIN, "bind 03:00.0", True)]
    assert lines[1]["statement"] == "bind 01:00.0 with=group"


@dataclass
class Removal:
    """A config, what is removed from it, and what is left."""
    config: str
    argument: str
    left: str
    said: str = ""
    status: int = WELL


REMOVALS = [
    Removal("a\nbind 02:00.0\nb\n", "02:00.0", "a\nb\n", f"/{CONF}:2: bind 02:00.0"),
    Removal("bind 02:00.0\n", NIC, ""),
    Removal("bind 02:00.0 # mine\r\nx", "02:00.0", "x"),
    Removal("keep 02:00.0\nbind id=8086:10d3 serial=00-1b-21-ff-ff-00-00-01\n", "8086:10d3",
            "keep 02:00.0\n"),
    Removal("bind serial=00-1b-21-ff-ff-00-00-01\n", "02:00.0", ""),
    Removal("[gaming]\nbind 02:00.0\n", "02:00.0", "[gaming]\n"),
    Removal("bind 02:00.0\nkeep 02:00.0\n", f"/{CONF}:2", "bind 02:00.0\n"),
    Removal("bnd 02:00.0\nkeep 02:00.0\n", f"/{CONF}:1:1", "keep 02:00.0\n"),
    Removal("bind 02:00.0\nbind 8086:10d3 count=2\n", "02:00.0", "bind 8086:10d3 count=2\n",
            f"still listed: /{CONF}:1\n"),
    Removal("bind 02:00.0\nbind 02:00.0\n", "02:00.0", None,
            f"2 lines list it; name one of them:\n  vfio-early remove /{CONF}:1 --root /",
            USAGE),
    Removal("bind 8086:10d3 count=2\n", "02:00.0", None,
            f"/{CONF}:1 lists it together with other devices", UNWANTED),
    Removal("bind 01:00.0 with=group\n", "01:00.1", None,
            f"take all of it out: vfio-early remove /{CONF}:1", UNWANTED),
    Removal("bind 02:00.0\n", "03:00.0", None, "03:00.0: no line lists it", UNWANTED),
    Removal("bind 02:00.0\n", "8086:1234", None, "no line lists it", UNWANTED),
    Removal("bind 02:00.0\n", f"/{CONF}:2", None, "no line lists it", UNWANTED),
    Removal("bind 02:00.0\n", f"/{CONF}:x", None, "not FILE:LINE", USAGE),
    Removal("bind 02:00.0 with=functions\n", "02:00", ""),
    Removal("[K\u00fcche]\nbind 02:00.0\n[gaming]\nbind 01:00.0\n", f"/{CONF}:1", None,
            "not removed: without this heading, the lines below it come into force. Remove them "
            f"first, or correct the heading:\n  /{CONF}:2: bind 02:00.0\n", UNWANTED),
    Removal("[gaming]\n[a b]\nbind 02:00.0\n", f"/{CONF}:2", None, f"  /{CONF}:3: bind 02:00.0\n",
            UNWANTED),
    Removal("[a b]\nbind 02:00.0\n", f"/{CONF}:2", "[a b]\n"),
    Removal("[a b]\n[c d]\nbind 02:00.0\n", f"/{CONF}:1", "[c d]\nbind 02:00.0\n"),
    Removal("[a b]\n[c]\nbind 02:00.0\n", f"/{CONF}:1", "[c]\nbind 02:00.0\n"),
    Removal("keep 02:00.0\n", "02:00.0", None,
            f"/{CONF}:1 keeps it for the host. To remove that line: vfio-early remove /{CONF}:1",
            UNWANTED),
    Removal("bind 02:00.0\n", "nvidia", None, "not an address, ID or FILE:LINE: nvidia", USAGE),
]


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda r: f"{r.argument} of {r.config!r}")
def test_remove(desktop, removal):
    desktop.config(removal.config)
    said = vfio_early(desktop, "remove", removal.argument)
    assert said.status == removal.status, said
    assert removal.said in said.out + said.err
    left = removal.config if removal.left is None else removal.left
    assert desktop.path(CONF).read_bytes().decode() == left
    assert os.listdir(desktop.path("etc")) == ["vfio-early.conf"]


@pytest.mark.parametrize("config, argument, released", [
    ("bind 01:00.0 with=functions\n", "01:00.0", [GPU, SOUND]),
    ("bind 02:00.0\n", "02:00.0", [NIC]),
    ("bind 8086:10d3 count=2\n", f"/{CONF}:1", [NIC, TWIN]),
    ("bind 01:00.0 with=functions\nbind 01:00.1\n", "01:00.0", [GPU]),
    ("keep 02:00.0\n", f"/{CONF}:1", []),
])
def test_what_can_be_released_after_remove(desktop, config, argument, released):
    """All that the line took, and that no other line lists."""
    desktop.config(config)
    said = vfio_early(desktop, "remove", argument)
    assert said.status == WELL, said
    last = said.out.splitlines()[-1]
    assert re.findall(r"[0-9a-f]{4}:\S+", last.partition("vfio-early release")[2]) == released
    assert ("still listed" in said.out) == (config.count("\n") == 2)


def test_remove_from_a_dropin(desktop):
    desktop.config("bind 03:00.0\n")
    desktop.config("bind 02:00.0\n", f"{CONF}.d/cards.conf")
    assert vfio_early(desktop, "remove", "02:00.0").status == WELL
    assert desktop.read(f"{CONF}.d/cards.conf") == ""
    assert desktop.read(CONF) == "bind 03:00.0\n"


def test_mode_owner_and_attributes_are_kept(desktop):
    path = desktop.config("# mine\n")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 0, 34)  # another owner is refused: test_trust.py
    try:
        os.setxattr(path, "user.mine", b"yes")
        attributes = True
    except OSError:
        attributes = False
    before = path.stat()
    assert vfio_early(desktop, "add", "02:00.0").status == WELL
    after = path.stat()
    assert before.st_ino != after.st_ino
    assert (before.st_mode, before.st_uid, before.st_gid) == \
        (after.st_mode, after.st_uid, after.st_gid)
    assert not attributes or os.getxattr(path, "user.mine") == b"yes"


def test_a_new_file_can_be_read_by_all(desktop):
    desktop.path("etc").mkdir()
    assert vfio_early(desktop, "add", "02:00.0", umask=0o077).status == WELL
    assert stat.S_IMODE(desktop.path(CONF).stat().st_mode) == 0o644


def test_a_symlink_inside_etc_is_followed_and_told(desktop):
    desktop.config("# mine\n", "etc/vfio/real.conf")
    desktop.path(CONF).symlink_to("vfio/../vfio/./real.conf")
    said = vfio_early(desktop, "add", "02:00.0")
    assert said.status == WELL, said.err
    assert f"/{CONF} is a symlink: /etc/vfio/real.conf is edited\n" in said.out
    assert desktop.path(CONF).is_symlink()
    assert LINE in desktop.read("etc/vfio/real.conf")


@pytest.mark.parametrize("target", ["../srv/real.conf", "/srv/real.conf", "away/real.conf",
                                    "vfio-early.conf"])
def test_a_symlink_out_of_etc_is_refused(desktop, target):
    desktop.config("# not in /etc\n", "srv/real.conf")
    desktop.path("etc").mkdir()
    desktop.path("etc/away").symlink_to("../srv")
    desktop.path(CONF).symlink_to(target)
    before = desktop.snapshot()
    said = vfio_early(desktop, "add", "02:00.0")
    assert said.status == ENVIRONMENT
    assert "too many symlinks" in said.err or (
        "a symlink leads out of /etc; edit the file that it leads to" in said.err)
    assert desktop.snapshot() == before


@pytest.mark.parametrize("kind, why", [("directory", "Is a directory"),
                                       ("fifo", "not a regular file"),
                                       ("large", "larger than 1 MiB")])
def test_what_is_no_config(desktop, kind, why):
    desktop.path("etc").mkdir()
    path = desktop.path(CONF)
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_bytes(b"#\n" * (1 << 19) + b"#")
    said = vfio_early(desktop, "add", "02:00.0")
    assert said.status == ENVIRONMENT and why in said.err
    assert os.listdir(desktop.path("etc")) == ["vfio-early.conf"]


def test_no_etc(desktop):
    said = vfio_early(desktop, "add", "02:00.0")
    assert said.status == ENVIRONMENT
    assert f"/{CONF}: cannot be edited: No such file or directory" in said.err


def test_no_sysfs(machine):
    shutil.rmtree(machine.path("sys"))
    said = vfio_early(machine, "add", "02:00.0")
    assert said.status == ENVIRONMENT and "no PCI bus" in said.err


@pytest.fixture
def ordinary():
    """A desktop and a copy of the program that an ordinary user can get at, and who that is."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        program = shutil.copy(PROGRAM, directory)
        who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        yield machines.desktop(Path(directory) / "root"), {"program": program, **who}


@pytest.mark.parametrize("arguments", [("add", "02:00.0"), ("remove", "03:00.0")])
def test_an_ordinary_user(ordinary, arguments):
    machine, how = ordinary
    machine.config("bind 03:00.0\n")
    machine.path("etc").chmod(0o555)
    said = vfio_early(machine, *arguments, **how)
    assert said.status == ENVIRONMENT
    assert "Permission denied. Only root may edit it: try sudo." in said.err
    assert machine.read(CONF) == "bind 03:00.0\n"
    assert vfio_early(machine, *arguments, "--dry-run", **how).status == WELL


@pytest.mark.parametrize("command", ["add", "remove"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_and_a_file_that_is_not_for_them(ordinary, command):
    """It may list the device."""
    machine, how = ordinary
    machine.config("bind 02:00.0\n", "etc/vfio-early.conf.d/local.conf").chmod(0o600)
    said = vfio_early(machine, command, "02:00.0", "--dry-run", **how)
    assert "the config has errors; \"vfio-early check\" lists them" in said.err
    assert "/etc/vfio-early.conf.d/local.conf: cannot be read: Permission denied" in \
        vfio_early(machine, "check", **how).err


def test_many_at_once(machine):
    machine.config("# mine\n")
    for device in range(12):
        machine.function(f"0000:00:{device:02x}.0", "8086:10d3", "020000")
    running = [subprocess.Popen([PROGRAM, "add", "--root", machine.root, f"00:{device:02x}.0"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for device in range(12)]
    assert [process.wait(60) for process in running] == [WELL] * 12
    lines = machine.read(CONF).splitlines()
    assert lines[0] == "# mine" and len(lines) == 13
    assert {line.split()[1] for line in lines[1:]} == \
        {f"0000:00:{device:02x}.0" for device in range(12)}
    assert os.listdir(machine.path("etc")) == ["vfio-early.conf"]


def test_another_file_of_the_user_stays(desktop):
    desktop.write(f"{CONF}.new", "mine")
    assert vfio_early(desktop, "add", "02:00.0").status == WELL
    assert desktop.read(f"{CONF}.new") == "mine"


def test_what_a_killed_edit_left_is_taken_over(desktop):
    desktop.config("# mine\n")
    desktop.write(LOCK, "half a line, and much more than the new file will have " * 99)
    assert vfio_early(desktop, "add", "02:00.0").status == WELL
    assert without_comment(desktop.path(CONF).read_bytes()) == added(b"# mine\n@\n")


def calls_of_the_edit(machine, *arguments):
    """[(name, how often so far)] for each system call from the lock on, in order, reading of the
    machine aside.
    """
    trace = machine.root.parent / "trace"
    vfio_early(machine, *arguments, prefix=("strace", "-y", "-o", trace))
    seen, calls, locked = {}, [], False
    for line in trace.read_text().splitlines():
        if line.startswith("+++"):
            continue
        name, rest = re.match(r"(\w+)(.*)", line).groups()
        seen[name] = seen.get(name, 0) + 1
        locked |= ".vfio-early.conf.vfio-early" in rest
        if locked and not re.search(r'["/](?:sys|proc|usr|lib|run|dev)/', rest):
            calls.append((name, seen[name]))
    return [call for call in calls if call[0] not in ("exit_group", "brk", "munmap", "mmap")]


@pytest.mark.parametrize("arguments", [("add", "02:00.0"), ("remove", "03:00.0")],
                         ids=["add", "remove"])
def test_killed_at_any_moment(tmp_path, arguments):
    old = b"# mine\r\nbind 03:00.0\r\nkeep 00:17.0"

    def fresh(name):
        machine = machines.desktop(tmp_path / name)
        machine.config(old)
        return machine

    whole = fresh("whole")
    calls = calls_of_the_edit(whole, *arguments)
    new = whole.path(CONF).read_bytes()
    found = set()
    assert new != old and len(calls) > 20
    machine = fresh("killed")
    for name, count in calls:
        machine.path(CONF).write_bytes(old)
        said = vfio_early(machine, *arguments, prefix=(
            "strace", "-o", "/dev/null", f"--inject={name}:signal=KILL:when={count}"))
        assert said.status in (-9, 137), (name, count, said)
        text = machine.path(CONF).read_bytes()
        assert text in (old, new), (name, count)
        found.add(text == new)
    assert found == {False, True}
    machine.path(CONF).write_bytes(old)
    assert vfio_early(machine, *arguments).status == WELL  # the leftovers are no obstacle
    assert machine.path(CONF).read_bytes() == new


@pytest.mark.parametrize("fault", ["write:error=ENOSPC", "fsync:error=EIO",
                                   "renameat:error=EROFS", "ftruncate:error=EIO",
                                   "fchown:error=EPERM", "fchmod:error=EPERM"])
def test_an_edit_that_fails_changes_nothing(desktop, fault):
    desktop.config("# mine\n")
    only = () if "renameat" in fault else ("-P", desktop.path(LOCK))
    said = vfio_early(desktop, "add", "02:00.0", prefix=(
        "strace", "-o", "/dev/null", *only, f"--inject={fault}"))
    assert said.status == ENVIRONMENT and "cannot be written" in said.err, said
    assert desktop.read(CONF) == "# mine\n"
    assert os.listdir(desktop.path("etc")) == ["vfio-early.conf"]


ERRORS = {"openat": "EACCES ENOENT EMFILE EIO", "read": "EIO", "write": "EIO ENOSPC",
          "newfstatat": "EIO ENOENT", "fstat": "EIO", "flock": "EINTR ENOLCK", "close": "EIO",
          "fsync": "EIO", "renameat": "EROFS ENOSPC", "fchown": "EPERM", "fchmod": "EPERM",
          "ftruncate": "EIO", "readlinkat": "EACCES ENOENT EIO", "flistxattr": "EIO EOPNOTSUPP",
          "unlinkat": "EIO", "umask": "EIO", "getdents64": "EIO", "lseek": "EIO"}


@pytest.mark.parametrize("arguments", [("add", "02:00.0"), ("remove", "03:00.0")],
                         ids=["add", "remove"])
def test_one_fault_in_any_call(tmp_path, arguments):
    """Whatever fails, the file is the old or the new one; and it is the new one if all is well."""
    old = b"# mine\nbind 03:00.0\n"
    machine = machines.desktop(tmp_path / "root")
    machine.config(old)
    calls = calls_of_the_edit(machine, *arguments)
    new = machine.path(CONF).read_bytes()
    faults = [(name, count, error) for name, count in calls
              for error in ERRORS.get(name, "").split()]
    assert new != old and len(faults) > 50
    for fault in faults:
        machine.path(CONF).write_bytes(old)
        said = vfio_early(machine, *arguments, prefix=(
            "strace", "-o", "/dev/null",
            "--inject={}:when={}:error={}".format(*fault)))
        text = machine.path(CONF).read_bytes()
        assert text in (old, new), fault
        assert said.status in (WELL, UNWANTED, CONFIG, ENVIRONMENT), (fault, said)
        assert text == new or said.status != WELL, (fault, said)


def test_an_editor_that_saves_meanwhile_wins(desktop):
    """The program is stopped in front of its last look, and the file is changed under it."""
    desktop.config("# mine\n")
    trace = desktop.root.parent / "trace"
    waiting = subprocess.Popen(
        ["strace", "-f", "-o", trace, "-P", desktop.path(LOCK),
         "--inject=fsync:signal=STOP", PROGRAM, "add", "--root", desktop.root, "02:00.0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    stopped = process_stopped(trace)
    desktop.config("# saved by an editor\n")
    os.kill(stopped, signal.SIGCONT)
    said = waiting.communicate(timeout=60)[1].decode()
    assert waiting.returncode == ENVIRONMENT
    assert "another program has changed it just now. Try again." in said
    assert desktop.read(CONF) == "# saved by an editor\n"


def test_an_edit_that_ends_between_open_and_lock(desktop):
    """The program opens the file that is the lock, and stops. Meanwhile another edit renames that
    file into place: to lock it now would be to lock the config.
    """
    desktop.config("# mine\n")
    trace = desktop.root.parent / "trace"
    waiting = subprocess.Popen(
        ["strace", "-f", "-o", trace, "-P", LOCK, "--inject=openat:signal=STOP:when=1",
         PROGRAM, "add", "--root", desktop.root, "02:00.0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stopped = process_stopped(trace)
    assert vfio_early(desktop, "add", "03:00.0").status == WELL
    os.kill(stopped, signal.SIGCONT)
    assert waiting.wait(60) == WELL
    assert [line.split()[1] for line in desktop.read(CONF).splitlines()] == ["mine", TWIN, NIC]


def injected(machine, fault, path, *arguments):
    """A command with a fault that hits one path alone: (status, standard error)."""
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-P", path, f"--inject={fault}",
         PROGRAM, arguments[0], "--root", machine.root, *arguments[1:]],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    return done.returncode, done.stderr.decode()


def test_a_write_that_writes_nothing_is_no_progress(desktop):
    desktop.config("# mine\n")
    status, said = injected(desktop, "write:retval=0", desktop.path(LOCK),
                            "add", "02:00.0")
    assert status == ENVIRONMENT and "Input/output error" in said
    assert desktop.read(CONF) == "# mine\n"


def test_a_file_that_is_just_being_written_is_not_taken_for_empty(desktop):
    """An editor has truncated it between two looks: the second read gives nothing."""
    desktop.config("bind 02:00.0\n")
    for time_of_edit in range(1, 9):
        status, said = injected(desktop, f"read:retval=0:when={time_of_edit}",
                                desktop.path(CONF), "remove", "02:00.0")
        if desktop.read(CONF) != "bind 02:00.0\n":
            break
        assert status != WELL, (time_of_edit, said)
    assert time_of_edit > 2 and status == WELL


def test_import_of_a_root_that_cannot_be_resolved(desktop):
    (desktop.root.parent / "way").symlink_to(desktop.root)
    desktop.root = desktop.root.parent / "way"
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "--inject=readlink:error=EIO",
         PROGRAM, "import", "--root", desktop.root], capture_output=True, check=False)
    assert done.returncode == ENVIRONMENT and b"Input/output error" in done.stderr


def process_stopped(trace):
    """The process that strace has written to be stopped, once it has."""
    for _ in range(6000):
        text = trace.read_text() if trace.exists() else ""
        found = re.search(r"^(\d+) +--- stopped by SIGSTOP ---$", text, re.M)
        if found:
            return int(found[1])
        time.sleep(0.01)
    raise AssertionError("it does not stop")


@pytest.mark.parametrize("option", ["--driver", "--with", "--allow"])
@pytest.mark.parametrize("end", ["\nbind 03:00.0 allow=in-use", " allow=in-use", "#", "\r", "\x1b"])
@pytest.mark.parametrize("command", ["add", "bind"])
def test_an_option_is_one_word_of_the_line(tmp_path, command, option, end):
    """Another line would list the disk with /, and nobody would be asked about it."""
    host = hosts.desktop(tmp_path / "root")
    host.path("etc").mkdir(exist_ok=True)
    before = host.snapshot()
    said = vfio_early(host, command, "02:00", option, f"vfio-pci{end}", "--yes", "--dry-run")
    assert said.status == USAGE and "not one word of the config" in said.err, said
    said = vfio_early(host, "add", "02:00", option, f"vfio-pci{end}")
    assert said.status == USAGE and host.snapshot() == before
