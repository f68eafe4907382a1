# SPDX-License-Identifier: GPL-2.0-or-later
"""If the IOMMU is off: the remedy names this machine's firmware, boot loader and file."""

import hosts
import pytest

LOADER = "sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
GRUB = "edit GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub and run "
KERNEL = "edit /etc/kernel/cmdline and run "


def name(text):
    return b"\6\0\0\0" + text.encode("utf-16-le")


# files, what is printed after "the kernel command line"
LOADERS = {
    "none": ((), ", then reboot"),
    "GRUB": (("etc/default/grub", "usr/sbin/update-grub"), f": {GRUB}update-grub, then reboot"),
    "GRUB of Fedora": (("etc/default/grub", "usr/sbin/grubby"),
                       ": use grubby --update-kernel=ALL, then reboot"),
    "GRUB of another distribution": (("etc/default/grub",),
                                     f": {GRUB}grub-mkconfig -o /boot/grub/grub.cfg, then"),
    "systemd-boot": (("etc/kernel/cmdline", "usr/bin/kernel-install"),
                     f": {KERNEL}kernel-install add-all "),
    "entries alone": (("boot/loader/entries/a.conf",), ": edit the options in /boot/loader/ent"),
    "Proxmox VE with systemd-boot": (
        ("etc/kernel/cmdline", "etc/default/grub", "usr/sbin/update-grub",
         "usr/sbin/proxmox-boot-tool", (LOADER, name("systemd-boot 252.31-1\0"))),
        f": {KERNEL}proxmox-boot-tool refresh, then reboot"),
    "Proxmox VE with GRUB": (
        ("etc/kernel/cmdline", "etc/default/grub", "usr/sbin/update-grub",
         "usr/sbin/proxmox-boot-tool"), f": {GRUB}update-grub, then reboot"),
    "GRUB by its own name": (("etc/kernel/cmdline", "usr/sbin/update-grub",
                              (LOADER, name("GRUB 2.12\0"))), f": {GRUB}update-grub, then"),
    "Raspberry Pi": (("boot/firmware/cmdline.txt",), ": edit /boot/firmware/cmdline.txt, then"),
    "U-Boot": (("usr/sbin/u-boot-update",), ": edit U_BOOT_PARAMETERS in /etc/default/u-boot and"),
}


def write(host, files):
    for file in files:
        host.write(*file if isinstance(file, tuple) else (file, ""))


@pytest.mark.parametrize("command", ["list", "check"])
@pytest.mark.parametrize("loader", LOADERS)
def test_the_boot_loader(tmp_path, loader, command):
    files, steps = LOADERS[loader]
    host = hosts.no_iommu(tmp_path / "root")
    host.config("bind 01:00.0\n")
    write(host, files)
    done = host.host(command)
    assert f"add intel_iommu=on to the kernel command line{steps}" in done.stdout + done.stderr


VIRTUAL = hosts.INTEL + "flags\t\t: fpu hypervisor\n"

# /proc/cpuinfo, ACPI table, the remedy's start
PROCESSORS = {
    "Intel": (hosts.INTEL, None, "turn on Intel VT-d"),
    "Intel, on in the firmware": (hosts.INTEL, "DMAR", "add intel_iommu=on to"),
    "AMD": (hosts.AMD, None, "turn on IOMMU (\"AMD-Vi\""),
    "AMD, on in the firmware": (hosts.AMD, "IVRS", "remove amd_iommu=off and iommu=off from"),
    "ARM": (hosts.ARM, None, "turn on the SMMU"),
    "ARM, on in the firmware": (hosts.ARM, "IORT", "remove iommu.passthrough and "),
    "a virtual machine": (VIRTUAL, None, "give this virtual machine an IOMMU (QEMU: -device"),
    "a virtual machine with an IOMMU": (VIRTUAL, "DMAR", "add intel_iommu=on to"),
    "a virtual Intel IOMMU on AMD": (hosts.AMD, "DMAR", "add intel_iommu=on to"),
    "another": ("vendor_id\t: CentaurHauls\n", None, "turn it on in the firmware's setup"),
}


@pytest.mark.parametrize("case", PROCESSORS)
def test_the_processor(tmp_path, case):
    cpu, table, remedy = PROCESSORS[case]
    host = hosts.no_iommu(tmp_path / "root", cpu)
    if table:
        host.write(f"sys/firmware/acpi/tables/{table}", "")
    assert f"\n    remedy: {remedy}" in host.host("list").stderr


def test_a_virtio_iommu_without_its_driver(tmp_path):
    host = hosts.no_iommu(tmp_path / "root", VIRTUAL)
    host.device("0000:00:03.0", "1af4:1057", "088000")
    assert "    remedy: load the module virtio_iommu at boot\n" in host.host("list").stderr


def test_other_words_of_the_command_line(tmp_path):
    """Interrupt remapping, and a word of vfio_early= that nothing has."""
    host = hosts.Host(tmp_path / "root", remapped=False)
    host.device("0000:01:00.0", "10ec:8168", "020000", group=1, driver="r8169")
    host.config("bind 01:00.0\n")
    host.cmdline("vfio_early=of")
    write(host, LOADERS["GRUB"][0])
    text = host.host("check").stdout
    assert f"and remove intremap=off from the kernel command line: {GRUB}update-grub; or" in text
    assert f"or correct it on the kernel command line: {GRUB}update-grub\n" in text
