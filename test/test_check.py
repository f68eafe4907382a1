# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early check on fake hosts. GOLDEN=write makes test/golden/ anew."""

import json

import hosts
import pytest
from cli import CONF, CONFIG, set_driver, vfio_early

CONFIGS = {
    "desktop": """# Two cards of one kind.
bind 02:00.0 10de:1c03 with=functions   # the guest's
bind 01:00.0
keep class=0108
bind 03:00.0
bind 00:14.0
bind 10de:1c30
[travel]
bind 00:1f.6
""",
    "server": "bind 18:00.0\nbind 5e:00.0 allow=in-use\nbind 3b:00.1\nbind 18:10.0\n",
    "switch": "bind 03:00.0\n",
    "laptop": "keep class=01\nbind 00:14.0 8086:a0ed\nbind 00:0e.0\n",
    "no-iommu": "bind 01:00.0 10ec:8168\n",
    "storage": "bind 8086:2922 count=all\n",
    "guest": "bind 03:00.0\nbind 04:00.0\nbind 04:00.1\nbind 05:00.0\nbind 06:00.0\n"
             "bind 8086:10d3 count=2\nbind 08:02.0\nbind 00:02.0\n",
}


@pytest.fixture
def desktop(tmp_path):
    return hosts.desktop(tmp_path / "root")


@pytest.mark.parametrize("name", hosts.HOSTS)
def test_tells_what_each_line_does(tmp_path, name):
    host = hosts.HOSTS[name](tmp_path / "root")
    host.config(CONFIGS[name])
    done = host.host("check", *host.kernel())
    hosts.golden(f"check-{name}", f"{done.stdout}{done.stderr}exit {done.returncode}\n")


@pytest.mark.parametrize("name", hosts.HOSTS)
def test_json_says_the_same(tmp_path, name):
    host = hosts.HOSTS[name](tmp_path / "root")
    host.config(CONFIGS[name])
    done = host.host("check", "--json", *host.kernel())
    told = json.loads(done.stdout)
    assert told["status"] == done.returncode and not told["errors"]
    hosts.golden(f"check-{name}.json", json.dumps(told, indent=3, ensure_ascii=False) + "\n")


# config, status, words
STATUSES = {
    "nothing to do": ("", 0, "0 devices will be bound"),
    "all is well": ("bind 02:00.0 10de:1c03 with=functions\n", 0, "2 devices will be bound"),
    "a line of another profile is fine": (
        "[night]\nbind 02:00.0 with=functions\n", 0,
        "vfio_early=night on the kernel command line\n    in profile night: 0000:02:00.0 NVIDIA "),
    "a danger in another profile": ("[night]\nbind 00:14.0\n", 1, "danger: 0000:00:14.0: in profi"
                                    "le night: the only keyboard (Logitech K120) is connected"),
    "a device that is refused in another profile": (
        "[night]\nbind 03:00.0\n", 1, "0 devices will be bound, 1 line of other profiles will not"),
    "a device that isn't there in another profile": (
        "[a]\nbind 02:00.0 with=functions\n[b]\nbind 09:00.0\n", 1,
        "    in profile b: absent: no device at 0000:09:00.0\n"),
    "a note in another profile": (
        "[a]\nbind 02:00.0 with=functions\n", 0,
        "note: /etc/vfio-early.conf:2: in profile a: the line names no slot"),
    "errors are counted": ("bnd\n[a]\nbnid\n", 3, "0 devices will be bound, 2 errors\n"),
    "notes are no dangers": ("bind 02:00.0 with=functions\nbind 8086:15b7 allow=in-use\n", 0,
                             "note: "),
    "a device that isn't there": ("bind 09:00.0\n", 1, "1 line not in force"),
    "a device that is refused": ("bind 03:00.0\n", 1, "1 will not"),
    "a danger": ("bind 00:14.0\n", 1, "1 danger"),
    "an error": ("bind 02:00.0\nbnid 01:00.0\n", 3, "/etc/vfio-early.conf:2:1: bnid"),
}


def test_a_device_that_is_bound_already(desktop):
    desktop.config("bind 02:00.0 10de:1c03 with=functions\n")
    set_driver(desktop, "0000:02:00.1", "vfio-pci")
    out = desktop.host("check").stdout
    assert "(10de:1c03): will be bound to vfio-pci (driver now: nouveau)\n" in out
    assert "(10de:10f1): is bound to vfio-pci already\n" in out
    assert "\n1 device will be bound, 1 is bound already\n" in out
    set_driver(desktop, "0000:02:00.0", "vfio-pci")
    assert "\n0 devices will be bound, 2 are bound already\n" in desktop.host("check").stdout


def test_an_iommu_that_is_off_is_reported_though_no_line_matches(tmp_path):
    host = hosts.no_iommu(tmp_path / "root")
    host.config("bind 77:00.0\n")
    done = host.host("check")
    assert done.returncode == 1 and "danger: this machine: the IOMMU is off" in done.stdout


@pytest.mark.parametrize("case", STATUSES)
def test_exit_status(desktop, case):
    config, status, words = STATUSES[case]
    desktop.config(config)
    done = desktop.host("check")
    assert (done.returncode, words in done.stdout + done.stderr) == (status, True), done


def test_a_profile_that_was_chosen_is_told_once(desktop):
    desktop.config("[night]\nbind 00:14.0\n[day]\nbind 00:14.0\n")
    desktop.cmdline("vfio_early=night")
    out = desktop.host("check").stdout
    assert "in profile night" not in out and "in profile day: 0000:00:14.0" in out
    told = json.loads(desktop.host("check", "--json").stdout)
    assert [line["profile"] for line in told["lines"]] == ["night", "day"]
    assert [danger["profile"] for danger in told["dangers"] if danger["grave"]] == [None, "day"]


def test_so_many_profiles_take_no_time(desktop):
    """A boot can name 16 of them."""
    desktop.config("".join(f"[p{number}]\nbind 77:00.0\n" for number in range(500)))
    assert desktop.host("check").stdout.count(": absent: ") == 16


# config, what is told, where
NEAR_MISSES = {
    "digits swapped": ("bind 10de:1c30\n", "did you mean 10de:1c03 at 0000:01:00.0?"),
    "one digit wrong": ("bind 8086:15b8\n", "did you mean 8086:15b7 at 0000:00:1f.6?"),
    "another function of the card": ("bind 02:00.2\n",
                                     "did you mean 10de:1c03 at 0000:02:00.0?"),
    "an address and an ID": ("bind 04:00.0 144d:a880\n",
                             "did you mean 144d:a808 at 0000:03:00.0?"),
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_near_misses(desktop, case):
    config, words = NEAR_MISSES[case]
    desktop.config(config)
    assert words in desktop.host("check").stdout


def test_nothing_near_is_nothing_said(desktop):
    desktop.config("bind 1234:5678\nbind class=0d\n")
    assert "did you mean" not in desktop.host("check").stdout


def test_a_kernel_that_is_not_there(desktop):
    done = desktop.host("check", "--kernel", "9.9.9")
    assert done.returncode == 4 and "/lib/modules/9.9.9" in done.stderr


def test_a_tree_without_devices_is_read_for_errors(desktop, tmp_path):
    bare = tmp_path / "bare"
    (bare / "etc").mkdir(parents=True)
    (bare / "etc/vfio-early.conf").write_text("bind\n")
    desktop.root = bare
    done = desktop.host("check")
    assert done.returncode == 3 and "needs a device" in done.stderr


def test_the_summary_counts_errors(desktop):
    desktop.config("bind 02:00.0 with=functions\nbin\nbind\n")
    assert "1 device will be bound, 1 will not, 2 errors, " in desktop.host("check").stdout


def test_an_images_keep_lines_are_in_force(desktop):
    desktop.config("bind 02:00.1\n")
    desktop.write("usr/lib/vfio-early/keep.conf", "keep 02:00.1\n")
    done = desktop.host("check")
    assert done.returncode == 1 and "allow=in-use would take it" in done.stdout


def test_has_colors_on_a_terminal_only(desktop):
    desktop.config("bind 02:00.0\n")
    assert "\033[3" in desktop.terminal(80, "check")
    assert "\033[" not in desktop.terminal(80, "check", "--no-color")
    assert "\033[" not in desktop.terminal(80, "check", NO_COLOR="1")


def test_json_keeps_utf8(desktop):
    """A byte that is not UTF-8, and a control character, do not get through."""
    desktop.config("bnd\n", f"{CONF}.d/k\u00fcche.conf")
    desktop.config("bnd\n", f"{CONF}.d/x\udcff\x1b.conf")
    files = [error["file"] for error in vfio_early(desktop, "check", "--json").json["errors"]]
    assert files == [f"/{CONF}.d/k\u00fcche.conf", f"/{CONF}.d/x\ufffd\x1b.conf"]


HINTS = {
    "bind 02:00.0 with functions": 'did you mean "with=functions"?',
    "\tbind 02:00.0 driver=auto allow in-use # x": 'did you mean "allow=in-use"?',
    "01:00.0 with=group": 'did you mean "bind 01:00.0 with=group"?',
    "10de:1c03": 'did you mean "bind 10de:1c03"?',
    "options vfio-pci disable_vga=1 # x": 'did you mean "option vfio-pci disable_vga=1"?',
    "Keep 01:00.0": 'did you mean "keep 01:00.0"?',
    "bind 01:00": "for all functions of the card: bind 01:00.0 with=functions",
    "bind 0000:01:00 driver=auto":
        "for all functions of the card: bind 0000:01:00.0 with=functions",
    "keep 01:00":
        "for all functions of the card: keep 01:00.0, and a line for each other function",
    "bnd 01:00.0": None, "with functions": None, "bind with=functions": None, "bind driver": None,
    "01:00.0 \x01": None,
}


@pytest.mark.parametrize("line", HINTS)
def test_hints(desktop, line):
    """An error says what was probably meant; the boot program is too small for that."""
    desktop.config(f"{line}\n")
    said = vfio_early(desktop, "check")
    first = said.err.splitlines()[0]
    assert said.status == CONFIG
    if HINTS[line]:
        assert first.endswith(f"; {HINTS[line]}")
        assert vfio_early(desktop, "check", "--json").json["errors"][0]["message"] in first
    else:
        assert "did you mean" not in said.err and "for all functions" not in said.err


@pytest.mark.parametrize("module", ["vfio", "vfio_pci"])
def test_a_module_is_no_driver(desktop, module):
    desktop.config(f"bind 02:00.0 driver={module}\n")
    said = vfio_early(desktop, "check", *desktop.kernel())
    assert f"{module} is the name of a module; the driver is vfio-pci" in said.out
    assert f"remedy: write driver=vfio-pci on /{CONF}:1\n" in said.out


@pytest.mark.parametrize("other", [True, False])
def test_the_only_display_has_a_remedy(desktop, other):
    desktop.config("bind 01:00.0\n" + "bind 02:00.0\n" * (not other))
    said = vfio_early(desktop, "check")
    remedy, joint = ("choose another display as the first one in the firmware's setup", ", or ") \
        if other else ("give the host another graphics card, or use the host over ssh",
                       " and ")
    assert f"remedy: {remedy}{joint}write allow=boot-display on /{CONF}:1\n" in said.out
    assert ("and the host has no other" in said.out) != other
    added = vfio_early(desktop, "add", "01:00.0", "--driver", "auto")
    assert f"; {remedy}; to list it anyway: --allow boot-display\n" in added.err
