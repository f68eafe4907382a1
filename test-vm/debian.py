# SPDX-License-Identifier: GPL-2.0-or-later
"""Knows Debian: the kernels, the root file systems and the mirror they come from.

A suite (bookworm, trixie) is independent of the suite of the machine that runs the tests.
Each one gets a root file system of its own in build/fetched/, by mmdebstrap, whose apt
configuration lives and dies with it: the machine's own sources are neither used nor
changed. The suite's kernel package is unpacked into that root without being installed, so
nothing in it ever ran. Some suites are here for their kernel alone (KERNELS): it is unpacked into
a copy of another one's root.
"""

import dataclasses
import functools
import lzma
import os
import pathlib
import re
import subprocess

import once

SUITES = ("bookworm", "trixie")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ROOT_FORM = 1  # raise it when the way in which a root is made changes

# What stock installations build their images with, and the host program's libraries.
PACKAGES = (
    "binutils",
    "busybox",
    "cpio",
    "dmsetup",
    "dracut-core",
    "e2fsprogs",
    "initramfs-tools-core",
    "klibc-utils",
    "kmod",
    "libjson-c5",
    "libkmod2",
    "libmount1",
    "libpci3",
    "libsmartcols1",
    "libxml2",
    "systemd-boot-efi",
    "systemd-sysv",
    "udev",
    "zstd",
)

# apt-cache names the kernel that the metapackage stands for today; the hook runs with the
# apt configuration of the new root, whose lists are gone when mmdebstrap ends.
KERNEL_HOOK = """
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
cd "$1/var/tmp" &&
kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: //p') &&
apt-get -q -o APT::Sandbox::User=root download "$kernel"
"""

# What a module is compiled against: the kernel's own headers, those that all of its version
# share, and the programs that belong to them. Nothing is installed.
HEADERS_HOOK = """
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
headers=linux-headers-{release}
cd "$1" &&
parts=$(apt-cache depends $headers | sed -n 's/^ *Depends: \\(linux-[hk].*\\)/\\1/p') &&
apt-get -q -o APT::Sandbox::User=root download $headers $parts
"""

# Suites of which only the kernel is taken, and the suite whose root it is unpacked into.
KERNELS = {
    "bullseye": "bookworm",
    "bookworm-backports": "bookworm",
    "trixie-backports": "trixie",
}

# The parts of a kernel: since Linux 7 the modules are a package of their own.
KERNEL_PART = r"^linux-(?:image|modules|binary|base)-\d\S*"

# A kernel's ELF image lies in its bzImage behind the boot code, compressed like this.
UNPACKERS = (
    (b"\x28\xb5\x2f\xfd", lambda data: _filtered(["zstd", "-dcq"], data)),
    (b"\xfd7zXZ\x00", lambda data: lzma.LZMADecompressor().decompress(data)),
)


@dataclasses.dataclass(frozen=True)
class Suite:
    """One Debian release, fetched: a root file system with its kernel unpacked in it."""

    name: str
    root: pathlib.Path
    vmlinux: pathlib.Path
    release: str

    @property
    def bzimage(self):
        """The kernel as boot loaders start it, which asks the firmware for a display."""
        return self.root / f"boot/vmlinuz-{self.release}"

    @property
    def modules(self):
        """The kernel's modules, as modprobe finds them."""
        return self.root / "usr/lib/modules" / self.release

    @functools.cached_property
    def loadable(self):
        """The names of the modules that can be loaded, as the kernel writes them."""
        return self._names("modules.dep", r"^[^:\n]*/([^/:\n]+)\.ko[^/\n]*:")

    def headers(self):
        """A tree with the kernel's headers, fetched if this is the first time."""
        return once.made(
            once.FETCHED / self.name / "headers",
            once.key_of(self.release),
            lambda scratch: _fetch_headers(self, scratch),
        )

    @functools.cached_property
    def builtin(self):
        """The names of what would be modules, but is built into the kernel."""
        return self._names("modules.builtin", r"/([^/\n]+)\.ko$")

    def has_alias(self, name):
        """Whether a module of this kernel is for a PCI device, VENDOR:DEVICE."""
        vendor, device = name.upper().split(":")
        text = (self.modules / "modules.alias").read_text("utf-8")
        return f"alias pci:v0000{vendor}d0000{device}s" in text

    def _names(self, file, pattern):
        text = (self.modules / file).read_text("utf-8")
        return {name.replace("-", "_") for name in re.findall(pattern, text, re.M)}


@functools.cache
def suite(name):
    """Returns the suite, fetched if this is the first time."""
    base = once.FETCHED / name
    root = once.made(
        base / "root",
        once.key_of(ROOT_FORM, name, PACKAGES),
        lambda scratch: (_fetch_kernel if name in KERNELS else _fetch_root)(name, scratch),
    )
    release = os.listdir(root / "usr/lib/modules")[0]
    bzimage = _bzimage(root, release)
    vmlinux = once.made(
        base / "vmlinux",
        once.key_of(ROOT_FORM, release, bzimage.stat().st_mtime),
        lambda scratch: scratch.write_bytes(extract_vmlinux(bzimage.read_bytes())),
    )
    return Suite(name, root, vmlinux, release)


def _bzimage(root, release):
    """The kernel's file: beside its modules since Linux 7."""
    places = (f"boot/vmlinuz-{release}", f"usr/lib/modules/{release}/vmlinuz")
    return next(root / place for place in places if (root / place).exists())


def host_suite():
    """The code name of the Debian release that this machine runs, or its best guess."""
    text = pathlib.Path("/etc/os-release").read_text("utf-8")
    found = re.search(r"^VERSION_CODENAME=(\w+)$", text, re.M)
    return found[1] if found else "bookworm"


def mirror():
    """A mirror within reach: DEBIAN_MIRROR, else the one that this machine's apt uses."""
    if os.environ.get("DEBIAN_MIRROR"):
        return os.environ["DEBIAN_MIRROR"]
    targets = once.run("apt-get", "indextargets", "--format", "$(REPO_URI)")
    for uri in targets.split():
        if re.fullmatch(r"https?://.*/debian/", uri):
            return uri
    return "http://deb.debian.org/debian/"


def bootstrap(name, root, packages, *options):
    """Makes a root file system of a suite: what is essential, and these packages."""
    include = f"--include={','.join(packages)}"
    _mmdebstrap(name, root, "--variant=essential", include, *options)


def _apt_options():
    """The machine's proxies and its trust in old mirrors: of the place, not the suite."""
    names = ("http", "https", "Check-Valid-Until", "Check-Date")
    settings = once.run("apt-config", "dump", *[f"Acquire::{name}" for name in names])
    return [f"--aptopt={line}" for line in settings.splitlines() if line.endswith('";')]


def _fetch_root(name, root):
    """Makes the root file system of a suite, with its kernel unpacked."""
    with once.timed("fetch", f"{name}: fetching a root file system and a kernel"):
        bootstrap(name, root, PACKAGES, f"--customize-hook={KERNEL_HOOK}")
    with once.timed("unpack", f"{name}: unpacking the kernel"):
        for package in (root / "var/tmp").glob("linux-image-*.deb"):
            _unpack(package, root)
            package.unlink()
        for release in os.listdir(root / "usr/lib/modules"):
            once.run("depmod", "-b", root, release)


def _fetch_headers(suite_, result):
    """Unpacks the headers of a suite's kernel. The mirror has them as long as the kernel."""
    packages = pathlib.Path(f"{result}.packages")
    once.remove(packages)
    result.mkdir(parents=True)
    with once.timed("fetch", f"{suite_.name}: fetching the headers of its kernel"):
        hook = HEADERS_HOOK.format(release=suite_.release)
        _mmdebstrap(
            suite_.name, packages, "--variant=custom", f"--customize-hook={hook}"
        )
        for package in packages.glob("*.deb"):
            _unpack(package, result)
        once.remove(packages)


def _mmdebstrap(name, root, *options):
    once.run(
        "mmdebstrap", "--quiet", "--format=directory", *options, *_apt_options(),
        name, root, f"deb [signed-by={KEYRING}] {mirror()} {name} main",
    )  # fmt: skip


def _fetch_kernel(name, root):
    """Makes a copy of a suite's root, in hard links, with another kernel unpacked in it."""
    base = suite(KERNELS[name])
    with once.timed("fetch", f"{name}: fetching a kernel"):
        once.run("cp", "-al", base.root, root)
        once.remove(root / "boot")
        once.remove(root / "usr/lib/modules")
        packages = root / "var/tmp/kernel"
        packages.mkdir()
        apt = _apt(name, root.with_suffix(".apt"))
        once.run(*apt("apt-get"), "update")
        names = once.run(*apt("apt-cache"), *"depends --recurse --important".split(),
                         "linux-image-amd64")  # fmt: skip
        parts = sorted(set(re.findall(KERNEL_PART, names, re.M)))
        once.run(*apt("apt-get"), "download", *parts, cwd=packages)
        once.remove(root.with_suffix(".apt"))
    with once.timed("unpack", f"{name}: unpacking the kernel"):
        for package in packages.iterdir():
            _unpack(package, root)
        once.remove(packages)
        for release in os.listdir(root / "usr/lib/modules"):
            once.run("depmod", "-b", root, release)


def _apt(name, place):
    """Makes an apt that knows one suite and no machine; returns its commands' first words."""
    for directory in ("etc/apt", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"):
        (place / directory).mkdir(parents=True, exist_ok=True)
    source = f"deb [signed-by={KEYRING}] {mirror()} {name} main\n"
    (place / "etc/apt/sources.list").write_text(source, "utf-8")
    (place / "status").touch()
    options = [f"Dir={place}", f"Dir::State::status={place}/status", "APT::Architecture=amd64",
               "Acquire::Languages=none", "APT::Sandbox::User=root"]  # fmt: skip
    words = [f"--option={option}" for option in options]
    words += [word.replace("--aptopt=", "--option=").replace(' "', "=").strip(';"')
              for word in _apt_options()]  # fmt: skip
    return lambda command: [command, "--quiet", *words]


def _unpack(package, root):
    """Unpacks a package as dpkg does: dpkg-deb -x would replace the link /lib."""
    once.unpack(["dpkg-deb", "--fsys-tarfile", package], root)


def extract_vmlinux(bzimage):
    """The ELF image of a bzImage: QEMU starts it at once, without the decompressor.

    The kernel's scripts/extract-vmlinux searches for the magic numbers in the same way.
    """
    for magic, unpack in UNPACKERS:
        start = bzimage.find(magic)
        while start >= 0:
            vmlinux = _tried(unpack, bzimage[start:])
            if vmlinux.startswith(b"\x7fELF"):
                return vmlinux
            start = bzimage.find(magic, start + 1)
    raise RuntimeError("no ELF image in this bzImage: neither xz nor zstd")


def _tried(unpack, data):
    try:
        return unpack(data)
    except lzma.LZMAError:
        return b""


def _filtered(command, data):
    """Output of a command that may complain about what follows the compressed data."""
    return subprocess.run(command, input=data, capture_output=True, check=False).stdout
