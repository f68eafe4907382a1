# SPDX-License-Identifier: GPL-2.0-or-later
"""test/capture: a copy of a machine is listed and checked as the machine itself is."""

import subprocess

import hosts
import pytest
from machine import TOP

CONFIG = "bind 02:00.0\nbind 03:00.0\nbind 5e:00.0\nbind 10000:e1:00.0\nbind 00:14.0\n" \
    "bind 3b:00.0\nbind 01:00.0\n"


@pytest.mark.parametrize("name", hosts.HOSTS)
def test_a_captured_machine_is_like_the_machine(tmp_path, name):
    host = hosts.HOSTS[name](tmp_path / "root")
    host.config(CONFIG)
    copy = tmp_path / "copy"
    subprocess.run([TOP / "test/capture", copy, host.root], check=True)
    # Names are the machine's that looks, not of the one that was taken.
    for path in hosts.Host(tmp_path / "names").path("usr").rglob("pci.ids"):
        (copy / "usr/share/misc").mkdir(parents=True)
        (copy / "usr/share/misc/pci.ids").write_bytes(path.read_bytes())
    commands = ["list", "-a", "-o", "all"], ["check"], ["check", "--json"]
    before = [host.host(*command) for command in commands]
    host.root = copy
    for command, done in zip(commands, before):
        again = host.host(*command)
        assert (again.stdout, again.returncode) == (done.stdout, done.returncode), command


def test_takes_no_directory_that_is_there(tmp_path):
    done = subprocess.run([TOP / "test/capture", tmp_path], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2 and "is there already" in done.stderr
