# SPDX-License-Identifier: GPL-2.0-or-later
"""The console blocks of the READMEs, run on fake machines: their output is what the text has.

`<!-- machine: NAME -->` before a block names its machine. The blocks of one machine continue each
other, and a block without a machine is not run. README=write in the environment writes the output
into the text.
"""

import os
import re
import shlex
import shutil
import subprocess

import hosts
import kmods
import pytest
import terminal_picture
import test_apply
from cli import CONF, set_driver
from hosts import Host
from machine import TOP

READMES = ["README.md", "README.zh-CN.md"]
PICTURE = TOP / "doc/pictures/check.svg"
WIDTH = 156  # columns of the pictured terminal
BLOCK = re.compile(r"(?<=^<!-- machine: )(\S+) -->\n```console\n(.*?)^```$", re.M | re.S)
REPORT = "run/vfio-early/report"
MORNING = 1767254412  # 2026-01-01, 8 o'clock

pytestmark = test_apply.pytestmark


def chipset(root):
    host = Host(root)
    hosts.chipset(host)
    host.device("0000:00:02.0", "8086:3e92", "030000", group=9, driver="i915", boot_vga=1)
    host.device("0000:00:14.0", "8086:a36d", "0c0330", group=4, driver="xhci_hcd")
    host.device("0000:00:1f.6", "8086:15b7", "020000", group=5, driver="e1000e")
    host.interface("eno1", "0000:00:1f.6")
    host.route("eno1")
    return host


def proxmox(root):
    """The processor's graphics, the system on NVMe, and an HBA with two disks for a guest."""
    host = chipset(root)
    host.device("0000:01:00.0", "1000:0072", "010700", group=6, behind="0000:00:01.0",
                driver="mpt3sas")
    for number, name in enumerate(("sda", "sdb")):
        host.disk(name, "0000:01:00.0", f"host0/target0:0:{number}/block",
                  model="ST8000VN004", size=8_001_563_222_016)
    host.device("0000:03:00.0", "144d:a808", "010802", group=8, behind="0000:00:1d.0",
                driver="nvme")
    host.disk("nvme0n1", "0000:03:00.0", "nvme/nvme0", partitions=2,
              model="Samsung SSD 970 EVO Plus", size=500_107_862_016)
    host.mount("/", "/dev/nvme0n1p2", "nvme0n1p2")
    return host


MACHINES = {"desktop": hosts.desktop, "proxmox": proxmox, "single": chipset}


class Session:
    """A machine, and what its administrator did to it so far."""

    def __init__(self, directory, machine):
        directory.mkdir()
        self.host = test_apply.Host(directory, MACHINES[machine])
        self.host.fake.config((TOP / "conf/vfio-early.conf").read_text())
        self.host.generator("update-initramfs", test_apply.BUILDS)
        # In the namespace this machine's kernel runs, of which the text must not depend.
        self.host.fake.path(f"lib/modules/{os.uname().release}").symlink_to(kmods.VERSION)

    def run(self, command):
        """What the command prints."""
        words = shlex.split(command, comments=True)
        if words == ["reboot"]:
            self.reboot()
            return ""
        assert words[0] == "vfio-early", f"a machine of files has no {words[0]}"
        if words[1] == "apply":
            shutil.rmtree(self.host.directory / "new")
            self.host.build(self.host.fake.read(CONF), "new")
        done = subprocess.run(self.host.command(*words[1:]), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60, check=False, env=test_apply.VARIABLES)
        return done.stdout

    def reboot(self):
        """Runs the boot program, before any driver, and does what the kernel does when it is asked
        to bind; then the other devices get their drivers.
        """
        fake = self.host.fake
        devices = fake.root.glob("sys/bus/pci/devices/*/driver")
        drivers = {link.parent.name: link.resolve().name for link in devices}
        for address in drivers:
            set_driver(fake, address, "")
        bound = fake.run(watch=False).report.results()
        assert set(bound.values()) <= {"fenced"}, bound
        for address, driver in {**drivers, **dict.fromkeys(bound, "vfio-pci")}.items():
            set_driver(fake, address, driver)
        text = re.sub(r' result=fenced reason="[^"]*"', " result=bound", fake.read(REPORT))
        text = re.sub(r" kernel=\S+ time=\S+", f" kernel={kmods.VERSION} time={MORNING}", text)
        fake.write(REPORT, text.replace(" result=fenced", " result=bound"))
        fake.write("proc/sys/kernel/osrelease", f"{kmods.VERSION}\n")


def run_blocks(text, directory):
    """The text with the output of every command of its blocks."""
    sessions = {}

    def run_block(block):
        name = block[1]
        if name not in sessions:
            sessions[name] = Session(directory / name, name)
        lines = []
        for line in block[2].splitlines():
            if line.startswith("# "):
                lines += [line, *sessions[name].run(line[2:]).splitlines()]
        return f"{name} -->\n```console\n" + "".join(f"{line}\n" for line in lines) + "```"
    return BLOCK.sub(run_block, text)


@pytest.mark.parametrize("name", READMES)
def test_output(name, tmp_path):
    path = TOP / name
    text = path.read_text("utf-8")
    said = run_blocks(text, tmp_path)
    if os.environ.get("README") == "write":
        path.write_text(said, "utf-8")
    assert said == path.read_text("utf-8"), f"README=write corrects {name}"


def test_picture_of_a_terminal(tmp_path):
    """A line that is fine, and one that would take the disk with /."""
    host = hosts.desktop(tmp_path / "root")
    host.kernel()
    host.config("bind 02:00.0 10de:1c03 path=0000:00:1c.0/00.0 with=functions\n"
                "bind 03:00.0 144d:a808\n")
    text = host.terminal(WIDTH, "check").replace(f"{host.root}/", "/")
    drawn = terminal_picture.draw("vfio-early check", text, WIDTH)
    if os.environ.get("README") == "write":
        PICTURE.write_text(drawn, "utf-8")
    assert drawn == PICTURE.read_text("utf-8"), f"README=write draws {PICTURE} again"
