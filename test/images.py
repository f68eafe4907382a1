# SPDX-License-Identifier: GPL-2.0-or-later
"""Images as the generators lay them out: small ones, with what `vfio-early image` writes for a fake
host, and the files of a generator that say what runs first.
"""

import gzip
import subprocess
from pathlib import Path

import kmods
from machine import TOP, Directory

OURS = "00-vfio-early"
ORDER = '/scripts/init-top/{} "$@"\n[ -e /conf/param.conf ] && . /conf/param.conf\n'
UNITS = "usr/lib/systemd/system"
BOOT = "usr/lib/vfio-early/vfio-early-boot"
INIT = "usr/lib/vfio-early/vfio-early-init"


def install(host):
    """What images are made of, on a host: its bytes don't matter here."""
    host.write(BOOT, b"\x7fELF the boot program\n")
    host.write(INIT, b"\x7fELF the program in front of init\n")
    host.kernel()


def cpio(tree):
    names = "\0".join(sorted(str(path.relative_to(tree)) for path in tree.rglob("*")))
    return subprocess.run(["cpio", "-o", "-0", "-H", "newc", "--quiet"], cwd=tree,
                          input=names.encode(), capture_output=True, check=True).stdout


def zstd(data):
    return subprocess.run(["zstd", "-q", "-1"], input=data, capture_output=True, check=True).stdout


COMPRESSIONS = {"none": bytes, "gzip": lambda data: gzip.compress(data, 1), "zstd": zstd}


class Tree(Directory):
    """An image before it is packed."""

    def __init__(self, host, directory, version=kmods.VERSION):
        super().__init__(directory)
        self.host, self.version = host, version
        self.root.mkdir()
        self.write("init", "#!/bin/sh\n")

    def link(self, path, target):
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).symlink_to(target)

    def remove(self, path):
        self.path(path).unlink()

    def copy(self, path, to=None):
        self.write(to or path, self.host.path(path).read_bytes())

    def modules(self):
        """The list of modules, as paths in the image."""
        return [line.split()[0].lstrip("/")
                for line in self.read("usr/lib/vfio-early/modules").splitlines()
                if line.startswith("/")]

    def fill(self):
        """What the hooks put into any image."""
        self.host.host("image", self.version, "--dest", str(self.root))
        if not self.path("usr/lib/vfio-early/modules").exists():
            return False
        for program in (BOOT, INIT):
            self.copy(program)
        for module in self.modules():
            self.copy(module)
        if self.path("usr/lib/vfio-early/start-init").exists():
            self.path("init").rename(self.path("init.vfio-early"))
            self.copy(INIT, "init")
        return True

    def initramfs_tools(self, order=(OURS, "all_generic_ide", "udev")):
        for name in order:
            self.write(f"scripts/init-top/{name}", "#!/bin/sh\nmodprobe -a ide\n")
        if not self.fill():
            order = [name for name in order if name != OURS]
            self.remove(f"scripts/init-top/{OURS}")
        self.write("scripts/init-top/ORDER", "".join(ORDER.format(name) for name in order))
        self.write("scripts/functions", "")

    def dracut(self):
        self.write("usr/lib/dracut-lib.sh", "")
        self.link("lib", "usr/lib")
        if self.fill():
            self.write("etc/conf.d/00-vfio-early.conf", f"/{INIT} || :\n")

    def systemd(self):
        self.write("usr/lib/dracut-lib.sh", "")
        self.write("usr/lib/systemd/systemd", "")
        self.write(f"{UNITS}/systemd-udevd.service", "[Unit]\nBefore=sysinit.target\n")
        self.link("lib", "usr/lib")
        if self.fill():
            unit = (TOP / "hook/dracut/50vfio-early/vfio-early.service").read_text()
            self.write(f"{UNITS}/vfio-early.service", unit)
            self.link(f"{UNITS}/sysinit.target.wants/vfio-early.service", "../vfio-early.service")

    def pack(self, compression="zstd", early=()):
        """The image's bytes. `early`: {path: text} of an archive in front of it."""
        packed = COMPRESSIONS[compression](cpio(self.root))
        if early:
            front = Tree(self.host, f"{self.root}.early")
            front.remove("init")
            for path, text in early.items():
                front.write(path, text)
            packed = cpio(front.root) + packed
        return packed


def unified(directory, initrd):
    """A unified kernel image: a program for the firmware with the image as a section."""
    stub, part, result = (Path(directory) / name for name in ("stub.o", "initrd", "image.efi"))
    part.write_bytes(initrd)
    subprocess.run(["as", "-o", stub], input=b".text\nret\n", check=True)
    subprocess.run(["objcopy", "-O", "pei-x86-64", f"--add-section=.initrd={part}",
                    "--set-section-flags=.initrd=data", "--change-section-vma=.initrd=0x3000000",
                    stub, result], check=True, capture_output=True)
    return result.read_bytes()
