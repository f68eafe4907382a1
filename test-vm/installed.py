# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian as people install it: kernel and image generator by their packages, and a disk.

A suite's root file system is fetched once. Then the Debian package of this tree is built,
in a root of the suite, so that its libraries are the suite's. A System is a copy of the
root file system, in which programs run by chroot; make_disk() makes it a disk, which
boots as often as a story needs, and keeps what the guest writes.

A boot does steps, which guest/steps runs: what they say comes out as frames.
"""

import dataclasses
import os
import re
import shutil
import subprocess

import debian
import generator
import image
import once
import qemu

FORM = 1  # raise it when the way in which a root is made changes
GENERATORS = {"bookworm": "initramfs-tools", "trixie": "dracut"}
PACKAGES = (
    "busybox",
    "driverctl",
    "e2fsprogs",
    "kmod",
    "libjson-c5",
    "libkmod2",
    "libmount1",
    "libpci3",
    "libsmartcols1",
    "libxml2",
    "pci.ids",
    "systemd-sysv",
    "udev",
    "zstd",
)
KERNEL = "linux-image-amd64"

# A kernel that is installed later: of the same suite, a third of the size, and it has other
# drivers built in.
LATER_KERNEL_HOOK = debian.KERNEL_HOOK.replace(KERNEL, "linux-image-cloud-amd64")

# Nobody reads here.
WITHOUT = [
    f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "locale", "man")
]

# hostonly: of the machine that it runs on, which is no longer true of a chroot.
DRACUT_CONF = """\
compress="zstd -1"
hostonly="yes"
omit_dracutmodules+=" bluetooth crypt dm hwdb kernel-modules-extra lunmask lvm mdraid nvdimm \
qemu resume virtfs virtiofs "
"""

# The images have what the machine needs, and are packed quickly.
FILES = {
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n",
    "etc/hostname": "vm\n",
    "etc/initramfs-tools/conf.d/vm": generator.TRIMMED,
    "etc/initramfs-tools/modules": "ext4\nvirtio_pci\nvirtio_blk\n",
    "etc/dracut.conf.d/vm.conf": DRACUT_CONF,
    "etc/systemd/journald.conf.d/vm.conf": "[Journal]\nStorage=volatile\n",
    "etc/systemd/system/vmtest.service": """\
[Unit]
Description=Do the steps of this boot

[Service]
Type=oneshot
ExecStart=/vmtest/steps
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
""",
}
MASKED = ("serial-getty@ttyS0.service", "getty@tty1.service", "systemd-random-seed.service")

SOURCES = (
    "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "README.zh-CN.md", "completion",
    "conf", "debian", "doc", "hook", "src", "test",
)  # fmt: skip
REBUILD = {
    "initramfs-tools": ("update-initramfs", "-u", "-k"),
    "dracut": ("dracut", "--force", "--kver"),
}
DISK_SIZE = "2G"

# What loads slowly here, and matters to nobody; and systemd's running commentary, for a guest whose
# console says nothing new is how a hung one is found. Building an image is silent, too.
PATIENCE = 5  # times the usual
COMMAND_LINE = (
    "rw systemd.show_status=false "
    "modprobe.blacklist=kvm_amd,edac_mce_amd,powernow_k8,iTCO_wdt,i2c_i801"
)


@dataclasses.dataclass(frozen=True)
class Step:
    """What came of one step: what the command said, and its exit status."""

    said: str
    status: int


def fetched(suite):
    """The directory with `root`, as installed, and `later.deb`, another kernel."""
    return once.made(
        once.FETCHED / suite / "installed",
        once.key_of(FORM, PACKAGES, GENERATORS[suite], FILES, MASKED),
        lambda scratch: _fetch(suite, scratch),
    )


def _fetch(suite, scratch):
    scratch.mkdir(parents=True)
    root, files = scratch / "root", scratch / "files"
    for name, text in FILES.items():
        generator.replace(files / name, text)
    with once.timed("fetch", f"{suite}: installing a Debian"):
        debian.bootstrap(
            suite, root, (*PACKAGES, GENERATORS[suite], KERNEL), *WITHOUT,
            f"--essential-hook=sync-in {files} /",
            f"--customize-hook={LATER_KERNEL_HOOK}",
            f'--customize-hook=chroot "$1" systemctl -q mask {" ".join(MASKED)}',
            '--customize-hook=chroot "$1" systemctl -q enable vmtest.service',
        )  # fmt: skip
    (later,) = (root / "var/tmp").glob("linux-image-*.deb")
    shutil.move(later, scratch / "later.deb")
    once.remove(files)


def package(suite):
    """Our Debian package, built from this tree in a root of the suite."""
    sources = [once.TREE / name for name in SOURCES]
    builder = once.made(
        once.FETCHED / suite / "builder",
        once.key_of(FORM, build_depends()),
        lambda scratch: _fetch_builder(suite, scratch),
    )
    return once.made(
        once.VM / "installed" / f"{suite}.deb",
        once.key_of(FORM, suite, *sources),
        lambda scratch: _build_package(suite, builder, sources, scratch),
    )


def build_depends():
    """The packages that building without tests needs, from debian/control."""
    control = (once.TREE / "debian/control").read_text("utf-8")
    field = re.search(r"^Build-Depends:\n((?: .*\n)+)", control, re.M)[1]
    lines = [line for line in field.splitlines() if "<!nocheck>" not in line]
    names = [re.match(r" ([\w.+-]+)", line)[1] for line in lines]
    return ("build-essential", *("debhelper" if name == "debhelper-compat" else name
                                 for name in names))  # fmt: skip


def _fetch_builder(suite, scratch):
    with once.timed("fetch", f"{suite}: fetching what building the package needs"):
        debian.bootstrap(suite, scratch, build_depends(), *WITHOUT)


def _build_package(suite, builder, sources, scratch):
    place = builder / "srv/vfio-early"
    with once.timed("build", f"{suite}: building the package"):
        once.remove(place.parent)
        place.mkdir(parents=True)
        once.run("cp", "-a", *sources, place)
        once.run(
            "chroot", builder, "env", "-C", "/srv/vfio-early", "DEB_BUILD_OPTIONS=nocheck",
            "DEB_BUILD_PROFILES=nocheck", "dpkg-buildpackage", "-b", "--no-sign",
        )  # fmt: skip
        (built,) = place.parent.glob("vfio-early_*.deb")
        shutil.move(built, scratch)


def vmlinux(suite, bzimage):
    """What QEMU boots of a kernel: its ELF image, or all of it if that is packed otherwise."""

    def extract(scratch):
        try:
            scratch.write_bytes(debian.extract_vmlinux(bzimage.read_bytes()))
        except RuntimeError:
            shutil.copy(bzimage, scratch)

    result = once.VM / "installed" / f"{suite}-{bzimage.name}.elf"
    return once.made(result, once.key_of(bzimage), extract)


class System:
    """One installed system: a tree for chroot, a disk for booting."""

    def __init__(self, suite):
        self.suite = suite
        self.place = once.VM / "installed" / suite
        self.tree = self.place / "tree"
        self.disk = self.place / "disk"
        once.remove(self.place)
        self.place.mkdir(parents=True)
        once.run("cp", "-a", fetched(suite) / "root", self.tree)

    def run(self, *command):
        """Runs a program on the system that is not booted; it may fail."""
        done = subprocess.run(
            ["chroot", self.tree, *map(str, command)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            env=os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip
        return Step(done.stdout, done.returncode)

    def install(self, deb):
        """Installs a package, as apt does it in the end."""
        shutil.copy(deb, self.tree / "var/tmp/a.deb")
        return self.run("dpkg", "-i", "/var/tmp/a.deb")

    def kernels(self):
        """The versions that are installed."""
        return sorted(path.name for path in (self.tree / "usr/lib/modules").iterdir())

    def write(self, files):
        """Writes files, {name: text}, into the tree."""
        for name, text in files.items():
            mode = 0o755 if text.startswith("#!") else 0o644
            generator.replace(self.tree / name, text, mode)

    def discard(self):
        """Removes what is large; what the boots said stays."""
        for path in (self.tree, self.disk, *self.place.glob("initrd.*")):
            once.remove(path)

    def replace(self, files):
        """Writes files, {name: text}; returns what was there, an empty text for none."""
        places = {name: self.tree / name for name in files}
        before = {
            name: place.read_text("utf-8") if place.exists() else ""
            for name, place in places.items()
        }
        for name, text in files.items():
            places[name].unlink(missing_ok=True)
            if text:
                self.write({name: text})
        return before

    def rebuild(self, kernel):
        """Builds the image of a kernel anew, as its postinst does."""
        return self.run(*REBUILD[GENERATORS[self.suite]], kernel)

    def listing(self, kernel):
        """The names in the image of a kernel."""
        name = f"/boot/initrd.img-{kernel}"
        if GENERATORS[self.suite] == "initramfs-tools":
            return sorted(self.run("lsinitramfs", name).said.splitlines())
        said = self.run("lsinitrd", name).said  # a heading, then lines as ls -l has them
        lines = re.findall(r"^[-dlc][-rwxst]{9} .*", said, re.M)
        return sorted(line.partition(" -> ")[0].split()[-1] for line in lines)

    def make_disk(self, boots):
        """Makes the tree a disk. `boots` are the steps of each boot: {boot: {step: command}}."""
        self.write({"vmtest/steps": (image.GUEST / "steps").read_text("utf-8")})
        image.compile_guest("init", self.tree / "vmtest/init")
        for boot, steps in boots.items():
            lines = [f"{name} {command}\n" for name, command in steps.items()]
            self.write({f"vmtest/steps.{boot}": "".join(lines)})
        self.disk.unlink(missing_ok=True)
        with once.timed("disk", f"{self.suite}: making its disk"):
            once.run(*image.MAKE_EXT4, "-d", self.tree, self.disk, DISK_SIZE)

    def read(self, name):
        """A file of the disk, which its guest may have written."""
        copy = self.place / "copy"
        copy.unlink(missing_ok=True)
        once.run("debugfs", "-R", f"dump /{name} {copy}", self.disk)
        return copy

    def take(self, *names):
        """Brings files that the guest wrote into the tree."""
        for name in names:
            (self.tree / name).unlink(missing_ok=True)
            shutil.move(self.read(name), self.tree / name)

    def boot(self, name, kernel, devices, command_line=""):
        """Boots a kernel of the disk with its image, and does the steps of this boot."""
        initrd = self.read(f"boot/initrd.img-{kernel}")
        initrd = initrd.rename(self.place / f"initrd.{name}")
        machine = qemu.Machine(
            vmlinux=vmlinux(self.suite, self.tree / f"boot/vmlinuz-{kernel}"),
            initrd=initrd,
            disk=self.disk,
            devices=devices,
            command_line=f"{COMMAND_LINE} vmtest.steps={name} {command_line}",
            writable=True,
            patience=PATIENCE,
        )
        boot = qemu.boot(machine, self.place / name)
        once.note_time("boot", f"installed-{self.suite}-{name}", boot.seconds)
        return boot


def steps(boot):
    """The steps among a boot's frames."""
    found = {}
    for name, text in boot.frames.items():
        end = re.search(r"exit (\d+)\n\Z", text)
        if end:
            found[name] = Step(text[: end.start()], int(end[1]))
    return found
