# SPDX-License-Identifier: GPL-2.0-or-later
"""Knows the programs that make images: initramfs-tools and dracut.

Both run in a copy of a suite's root file system, in which our program is installed. An
image is hardly ever stock: it has what the cases need, and is packed quickly.
"""

import dataclasses
import re

import once
import qemu

# A config that selects nothing, but makes the hooks add everything. Its second line is wrong,
# which must not keep an image from being made.
SHARED = "bind 0000:00:1d.7 1234:0000 rescue=release\nbind colour=red\n"
NOTHING = "# nothing\n"
START_INIT = "start init\n"
OWN = None  # that of the case

# What the root disk takes, and drivers that no device of the catalogue needs: one competes by
# way of `new_id`, the others show that somebody loaded them by name.
ROOT_MODULES = ("ext4", "virtio_pci", "virtio_blk", "sd_mod")
CONTENDERS = ("r8169", "alx", "atl1c", "sky2")

WITHOUT_SYSTEMD = ("--omit", "systemd systemd-initrd dracut-systemd")
# For the machine that the cases boot, of which dracut sees nothing here: the least it can make.
HOSTONLY = ("--hostonly", "--no-hostonly-cmdline", "--no-hostonly-default-device")
GENERIC = ("--no-hostonly",)
UNIFIED = ("--uefi", "--kernel-cmdline", qemu.COMMAND_LINE)


@dataclasses.dataclass(frozen=True)
class Kind:
    """One way to make an image: the program, its options, the config it finds."""

    program: str = "mkinitramfs"
    options: tuple = ()
    config: str = SHARED
    stock: bool = False  # as a new installation makes it
    every: bool = False  # with the drivers of every device, not just those of devices.toml
    more: tuple = ()  # drivers that no device needs, and that are too large for every image
    late: bool = False  # our script sorts after `udev`, as in the usual recipe; or our unit does

    @property
    def unified(self):
        return "--uefi" in self.options


KINDS = {
    "shared": Kind(),
    "every": Kind(every=True),
    "graphics": Kind(more=("amdgpu", "nouveau", "radeon")),
    "chipset": Kind(more=("lpc_ich",)),
    "own": Kind(config=OWN, stock=True),
    "late": Kind(late=True),
    "empty": Kind(config=NOTHING),
    "strict": Kind(config=START_INIT + SHARED, late=True),
    "dracut": Kind("dracut", (*HOSTONLY, *WITHOUT_SYSTEMD)),
    "dracut-systemd": Kind("dracut", HOSTONLY),
    "dracut-empty": Kind("dracut", HOSTONLY, NOTHING),
    "dracut-strict": Kind("dracut", (*GENERIC, *WITHOUT_SYSTEMD), START_INIT + SHARED),
    "dracut-systemd-strict": Kind("dracut", GENERIC, START_INIT + SHARED),
    "uki": Kind("dracut", (*HOSTONLY, *UNIFIED), OWN),
    "uki-late": Kind("dracut", (*HOSTONLY, *UNIFIED), OWN, late=True),
}

# initramfs-tools: half the boot time of MODULES=most, which a new installation has.
TRIMMED = "MODULES=list\nCOMPRESS=zstd\nCOMPRESSLEVEL=1\nRESUME=none\n"
STOCK = "RESUME=none\n"
INIT_TOP = "usr/share/initramfs-tools/scripts/init-top"
UNIT = "usr/lib/dracut/modules.d/50vfio-early/vfio-early.service"
LATE = "After=systemd-udev-trigger.service\nBefore=initrd-root-device.target\n"

# The host drivers are in the image, and are loaded as in any image: by udev.
CONTENDER_HOOK = """#!/bin/sh
case $1 in prereqs) exit 0 ;; esac
. /usr/share/initramfs-tools/hook-functions
manual_add_modules {modules}
"""

# dracut: hostonly images are made only where these tell what is mounted and loaded.
PROC = {
    "mounts": "/dev/vda / ext4 rw 0 0\n",
    "self/mountinfo": "1 1 254:0 / / rw - ext4 /dev/vda rw\n",
    "cmdline": "",
    "cpuinfo": "",
    "modules": "",
}
DRACUT_CONF = """\
compress="zstd -1"
add_drivers+=" {modules} "
force_drivers+=" {forced} "
"""
FORCED = ("sky2", "e1000e")


def generate(root, release, name, modules, result):
    """Makes the image `result` in a root; returns what was said, and what is in it.

    `modules` are those that the cases' devices have on a host.
    """
    kind = KINDS[name]
    make = {"mkinitramfs": _mkinitramfs, "dracut": _dracut}[kind.program]
    modules = (*ROOT_MODULES, *modules, *CONTENDERS, *kind.more)
    return make(root, release, kind, " ".join(modules), result)


def _mkinitramfs(root, release, kind, modules, result):
    if kind.stock:
        replace(root / "etc/initramfs-tools/conf.d/vm", STOCK)
    else:
        hook = CONTENDER_HOOK.format(modules=modules)
        replace(root / "etc/initramfs-tools/hooks/contenders", hook, 0o755)
        replace(root / "etc/initramfs-tools/conf.d/vm", TRIMMED)
    if kind.late:
        (root / INIT_TOP / "00-vfio-early").rename(root / INIT_TOP / "vfio-early")
    said = once.run("chroot", root, "mkinitramfs", "-o", result, release)
    return said, once.run("chroot", root, "lsinitramfs", result)


def _dracut(root, release, kind, modules, result):
    for name, text in PROC.items():
        replace(root / "proc" / name, text)
    conf = DRACUT_CONF.format(modules=modules, forced=" ".join(FORCED))
    replace(root / "etc/dracut.conf.d/vm.conf", conf)
    if kind.late:
        unit = re.sub(r"^Before=.*\n", "", (root / UNIT).read_text("utf-8"), flags=re.M)
        replace(root / UNIT, unit.replace("[Service]", f"{LATE}\n[Service]"))
    said = once.run("chroot", root, "dracut", *kind.options, result, release)
    return said, once.run("chroot", root, "lsinitrd", result)


def replace(path, text, mode=0o644):
    """Writes a new file, not into one that shares its data with the pristine root."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(mode)
