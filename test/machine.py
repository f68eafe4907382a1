# SPDX-License-Identifier: GPL-2.0-or-later
"""Fake machines: a directory that looks like the sysfs, the /proc and the initramfs of one, and
the boot program run on it.
"""

import os
import re
import stat
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BUILD = TOP / os.environ.get("BUILD", "build")
BOOT = BUILD / "vfio-early-boot"

LOADPLAN = "[vfio-pci]\n/lib/modules/vfio.ko\n/lib/modules/vfio-pci.ko\n"


def capability(kind, following, payload=b""):
    """A capability of the extended configuration space, header first."""
    return (following << 20 | 1 << 16 | kind).to_bytes(4, "little") + payload


def modalias(ident, subsystem, pci_class):
    """The modalias attribute of a function; IDs as VENDOR:DEVICE."""
    vendor, device = ident.upper().split(":")
    subvendor, subdevice = subsystem.upper().split(":")
    number = f"{int(pci_class, 16):06X}"
    return (f"pci:v0000{vendor}d0000{device}sv0000{subvendor}sd0000{subdevice}"
            f"bc{number[:2]}sc{number[2:4]}i{number[4:]}\n")


def config_space(serial, header_type=0):
    """4096 bytes with an advanced error capability first and a serial number behind it, as real
    cards have them. `serial` as lspci prints it.
    """
    number = int(serial.replace("-", ""), 16)
    space = bytearray(4096)
    space[14] = header_type
    space[0x100:0x104] = capability(1, 0x140)
    space[0x140:0x14C] = capability(3, 0, number.to_bytes(8, "little"))
    return bytes(space)


class Directory:
    """A directory whose paths are all relative to it."""

    def __init__(self, root):
        self.root = Path(root)

    def path(self, path):
        return self.root / path

    def write(self, path, content):
        path = self.path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, path):
        return self.path(path).read_text()


class Machine(Directory):
    """The root directory of a machine."""

    def __init__(self, root):
        super().__init__(root)
        self.directories = {}
        self.write("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1\n")
        self.write("proc/iomem", "00000000-00000fff : Reserved\n")
        self.write("usr/lib/vfio-early/modules", LOADPLAN)
        (self.root / "sys/bus/pci/devices").mkdir(parents=True)
        (self.root / "run").mkdir()

    def config(self, text, name="etc/vfio-early.conf"):
        return self.write(name, text)

    def cmdline(self, words):
        self.write("proc/cmdline", f"BOOT_IMAGE=/vmlinuz {words}\n")

    def link(self, path, target):
        """A symbolic link at `path` to `target`, both in the root, relative as in sysfs."""
        path, target = self.path(path), self.path(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(os.path.relpath(target, path.parent))

    def driver(self, name):
        for attribute in ("bind", "unbind"):
            self.write(f"sys/bus/pci/drivers/{name}/{attribute}", "")

    def function(self, address, ident, pci_class, *, behind=None, driver="", group=None,
                 subsystem="0000:0000", boot_vga=None, bars=(), serial=None, header_type=0):
        """A function, below the bridge at address `behind` or on the root bus."""
        root_bus = f"sys/devices/pci{address.rsplit(':', 1)[0]}"
        parent = self.directories[behind] if behind else root_bus
        directory = self.directories[address] = f"{parent}/{address}"
        here = f"sys/bus/pci/devices/{address}"
        self.path(directory).mkdir(parents=True)
        self.link(here, directory)
        lines = [f"DRIVER={driver}"] if driver else []
        lines += [f"PCI_CLASS={int(pci_class, 16):X}", f"PCI_ID={ident.upper()}",
                  f"PCI_SUBSYS_ID={subsystem.upper()}", f"PCI_SLOT_NAME={address}"]
        self.write(f"{directory}/uevent", "".join(f"{line}\n" for line in lines))
        self.write(f"{directory}/modalias", modalias(ident, subsystem, pci_class))
        self.write(f"{directory}/driver_override", "(null)\n")
        resource = "".join(f"0x{a:016x} 0x{b:016x} 0x{0x40200:016x}\n" for a, b in bars)
        self.write(f"{directory}/resource", resource + f"0x{0:016x} 0x{0:016x} 0x{0:016x}\n")
        self.write(f"{directory}/config", config_space(serial, header_type) if serial
                   else bytes(14) + bytes([header_type]) + bytes(49))
        if boot_vga is not None:
            self.write(f"{directory}/boot_vga", f"{boot_vga}\n")
        if driver:
            self.driver(driver)
            self.link(f"{directory}/driver", f"sys/bus/pci/drivers/{driver}")
        if group is not None:
            self.link(f"{directory}/iommu_group", f"sys/kernel/iommu_groups/{group}")
            self.link(f"sys/kernel/iommu_groups/{group}/devices/{address}", directory)

    def snapshot(self):
        """What is in the tree: {path: what}, to compare before and after."""
        found = {}
        for path in self.root.rglob("*"):
            mode = path.lstat().st_mode
            name = str(path.relative_to(self.root))
            if stat.S_ISLNK(mode):
                found[name] = ("link", os.readlink(path))
            elif stat.S_ISREG(mode):
                big = path.stat().st_size > 1 << 22
                found[name] = ("file", stat.S_IMODE(mode), "big" if big else path.read_bytes())
            else:
                found[name] = ("other", mode)
        return found

    def run(self, *arguments, prefix=(), watch=True, **more):
        """Runs the boot program here: a Run. `watch`: find out what it changed."""
        before = self.snapshot() if watch else {}
        command = [*prefix, BOOT, "--root", self.root, *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60, check=False, **more)
        return Run(self, done, before, self.snapshot() if watch else {})


class Run:
    """What a run of the boot program said and did."""

    def __init__(self, machine, done, before, after):
        self.status = done.returncode
        self.out = done.stdout.decode("utf-8", "surrogateescape")
        self.log = done.stderr.decode("utf-8", "surrogateescape").splitlines()
        self.gone = set(before) - set(after)
        self.changed = {path: what[2] if what[0] == "file" else what
                        for path, what in after.items() if before.get(path) != what}
        report = machine.path("run/vfio-early/report")
        self.report = Report(report.read_text("utf-8", "surrogateescape")) \
            if report.exists() else None

    def told(self, words):
        """Is there a line of the log with these words?"""
        return any(words in line for line in self.log)

    @property
    def written(self):
        """What was written outside /run: {path: text}, the paths of attributes made short."""
        return {short(path): what.decode() for path, what in self.changed.items()
                if not path.startswith("run/")}


def short(path):
    """ADDRESS/driver_override or DRIVER/bind of a path in sysfs; any other path as it is."""
    match = re.fullmatch(r"sys/(?:devices|bus/pci/drivers)/(?:.*/)?([^/]+/[^/]+)", path)
    return match[1] if match else path


class Report:
    """The report, read by other means than the program's."""

    FIELD = re.compile(r' (\w+)=("(?:[^"\\]|\\.)*"|[^" ]*)')

    def __init__(self, text):
        self.text = text
        self.records = []
        for line in text.splitlines():
            word, rest = re.fullmatch(r"(\w+)(.*)", line).groups()
            assert re.fullmatch(f"(?:{self.FIELD.pattern})*", rest), line
            self.records.append((word, {key: unquote(value)
                                        for key, value in self.FIELD.findall(rest)}))

    def all(self, word):
        return [fields for name, fields in self.records if name == word]

    @property
    def head(self):
        (head,) = self.all("report")
        return head

    def results(self):
        """{address: result} of the functions."""
        return {fields["address"]: fields["result"] for fields in self.all("function")}

    def lines(self):
        """{place: result} of the lines."""
        return {fields["at"]: fields["result"] for fields in self.all("line")}

    def reason(self, key, value):
        """The reason in the one record that has this field, "" without one."""
        (fields,) = [fields for _, fields in self.records if fields.get(key) == value]
        return fields.get("reason", "")

    def errors(self):
        return [f"{fields['at']}: {fields['reason']}" for fields in self.all("error")]


def unquote(value):
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(x..|.)", lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 3 else m[1],
                  value[1:-1])


def desktop(root):
    """Two identical network cards, a graphics card of two functions behind a bridge, a storage
    controller, and the display that the firmware uses.
    """
    machine = Machine(root)
    machine.function("0000:00:00.0", "8086:29c0", "060000", group=0)
    machine.function("0000:00:01.0", "8086:29c1", "060400", group=1, driver="pcieport")
    machine.function("0000:00:02.0", "8086:3e92", "030000", group=2, driver="i915",
                     boot_vga=1)
    machine.function("0000:00:17.0", "8086:2922", "010601", group=3, driver="ahci")
    machine.function("0000:00:1c.0", "8086:a33c", "060400", group=4, driver="pcieport")
    machine.function("0000:00:1c.1", "8086:a33d", "060400", group=5, driver="pcieport")
    machine.function("0000:01:00.0", "10de:1c03", "030000", behind="0000:00:01.0", group=1,
                     subsystem="1458:3702", boot_vga=0)
    machine.function("0000:01:00.1", "10de:10f1", "040300", behind="0000:00:01.0", group=1,
                     subsystem="1458:3702")
    machine.function("0000:02:00.0", "8086:10d3", "020000", behind="0000:00:1c.0", group=6,
                     serial="00-1b-21-ff-ff-00-00-01")
    machine.function("0000:03:00.0", "8086:10d3", "020000", behind="0000:00:1c.1", group=7,
                     serial="00-1b-21-ff-ff-00-00-02")
    return machine
