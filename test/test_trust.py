# SPDX-License-Identifier: GPL-2.0-or-later
"""check and image refuse a config that other users than root can change, and print a remedy."""

import json
import os
import subprocess

import hosts
import kmods
import pytest
from machine import BOOT

CONF, DROPINS = "etc/vfio-early.conf", "etc/vfio-early.conf.d"
NIC, GOOD = "0000:00:1f.6", "bind 00:1f.6\n"
OTHER = "0000:02:00.0"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root's own tree is looked at")

REFUSED = [
    ("writable by others", lambda path: path.chmod(0o646),
     "can be written by users other than root. Run: chmod go-w /{}"),
    ("writable by a group", lambda path: path.chmod(0o664),
     "can be written by users other than root. Run: chmod go-w /{}"),
    ("of a user", lambda path: os.chown(path, 1000, 0),
     "is not owned by root. Run: chown root:root /{}"),
]


@pytest.fixture
def host(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.kernel()
    host.config("bind 02:00.0\n")
    host.config(GOOD, f"{DROPINS}/good.conf")
    return host


def rows(function):
    return pytest.mark.parametrize("spoil, words", [row[1:] for row in REFUSED],
                                   ids=[row[0] for row in REFUSED])(function)


@rows
@pytest.mark.parametrize("path", [CONF, f"{DROPINS}/good.conf", DROPINS])
def test_check_refuses_it(host, path, spoil, words):
    spoil(host.path(path))
    done = host.host("check")
    assert done.returncode == 3
    assert f"/{path}: {words.format(path)}" in done.stdout + done.stderr


@rows
@pytest.mark.parametrize("path, left", [(CONF, NIC), (f"{DROPINS}/good.conf", OTHER),
                                        (DROPINS, OTHER)])
def test_no_command_follows_its_lines(host, path, left, spoil, words):
    spoil(host.path(path))
    lines = json.loads(host.host("check", "--json").stdout)["lines"]
    assert [device["address"] for line in lines for device in line["devices"]] == [left]


@rows
def test_an_image_says_so(host, tmp_path, spoil, words):
    """What is trusted stays in force. Booted, the image tells where the refused lines were."""
    spoil(host.path(CONF))
    image = tmp_path / "image"
    image.mkdir()
    done = host.host("image", kmods.VERSION, "--dest", str(image))
    assert f"W: vfio-early: /{CONF}: {words.format(CONF)}" in done.stderr
    assert words.format(CONF) in (image / CONF).read_text()
    assert "02:00.0" not in (image / CONF).read_text()
    assert (image / DROPINS / "good.conf").read_text() == GOOD
    host.config((image / CONF).read_text())
    host.path(CONF).chmod(0o644)
    booted = subprocess.run([BOOT, "--root", host.root], capture_output=True, text=True,
                            check=False)
    assert f"/{CONF}:3:1: invalid: refused" in booted.stderr
    assert host.path(f"sys/bus/pci/devices/{NIC}/driver_override").read_text() == "vfio-pci"
    assert "vfio-pci" not in \
        host.path("sys/bus/pci/devices/0000:02:00.0/driver_override").read_text()


def test_dropins_in_a_directory_that_others_can_write(host, tmp_path):
    host.path(DROPINS).chmod(0o777)
    image = tmp_path / "image"
    image.mkdir()
    host.host("image", kmods.VERSION, "--dest", str(image))
    assert (image / CONF).read_text() == "bind 02:00.0\n"
    assert f"Run: chmod go-w /{DROPINS}" in (image / DROPINS / "good.conf").read_text()


def test_a_tree_that_is_not_roots_own(host):
    """A captured machine, unpacked by a user."""
    for path in [host.root, *host.root.rglob("*")]:
        os.chown(path, 1000, 1000, follow_symlinks=False)
    assert "Run: " not in host.host("check").stderr


@rows
@pytest.mark.parametrize("command", [("add", "03:00.0"), ("add", "03:00.0", "--dry-run"),
                                     ("remove", "02:00.0"), ("remove", f"/{CONF}:1")])
def test_it_is_not_edited(host, command, spoil, words):
    """Its lines would not count."""
    spoil(host.path(CONF))
    before = host.read(CONF)
    done = host.host(*command)
    assert done.returncode != 0 and host.read(CONF) == before
    if command[0] == "add":
        assert f"/{CONF}: not edited, because it {words.format(CONF)}" in done.stderr


@rows
def test_remove_does_not_count_its_lines(host, spoil, words):
    host.config("bind 02:00.0\n", f"{DROPINS}/good.conf")
    spoil(host.path(f"{DROPINS}/good.conf"))
    done = host.host("remove", "02:00.0")
    assert done.returncode == 0 and "still" not in done.stdout + done.stderr


def test_add_knows_that_protection_is_broken(host):
    """A drop-in that cannot be read may protect what with= would add."""
    host.path(f"{DROPINS}/keep.conf").symlink_to("/nowhere")
    done = host.host("add", "01:00.0", "--with", "functions", "--allow", "boot-display",
                     "--dry-run")
    assert "0000:01:00.1" not in done.stdout
    assert done.returncode == 1 and "keep.conf" in done.stderr
