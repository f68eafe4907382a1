# SPDX-License-Identifier: GPL-2.0-or-later
"""Fake hosts: machines with disks, file systems, networks and keyboards, and the host program run
on them. Each function at the end makes one; HOSTS names them all.
"""

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import termios

import kmods
from machine import BUILD, TOP, Machine

PROGRAM = BUILD / "vfio-early"
PCI_IDS = TOP / "test/machines/pci.ids"
GOLDEN = TOP / "test/golden"

ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "linux"}

KEYS = "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe"
INTEL = "vendor_id\t: GenuineIntel\n"
AMD = "vendor_id\t: AuthenticAMD\n"
ARM = "CPU implementer\t: 0x41\n"


class Host(Machine):
    """A machine with what the host program reads of one, beyond the boot program's."""

    def __init__(self, root, cpu=INTEL, remapped=True):
        super().__init__(root)
        self.mounts = 20
        self.majors = {}
        self.path("usr/share/misc").mkdir(parents=True)
        shutil.copy(PCI_IDS, self.path("usr/share/misc/pci.ids"))
        self.write("proc/cpuinfo", f"processor\t: 0\n{cpu}")
        self.write("proc/interrupts", "           CPU0\n   1:   9   "
                   f"{'IR-' if remapped else ''}IO-APIC   1-edge   i8042\n")
        self.write("proc/self/mountinfo", "")
        self.write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
        self.write("proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\t"
                   "Mask\tMTU\tWindow\tIRTT\n")
        self.write("proc/net/ipv6_route", "")
        self.write("proc/bus/input/devices", "")
        self.path("sys/kernel/iommu_groups").mkdir(parents=True)

    def append(self, path, text):
        self.write(path, self.read(path) + text)

    def attribute(self, address, name, value):
        self.write(f"{self.directories[address]}/{name}", f"{value}\n")

    def device(self, address, ident, pci_class, *, reset="flr bus", numa=None, **more):
        """A function with a driver that is a loaded module, and a way to reset it."""
        self.function(address, ident, pci_class, **more)
        if reset:
            self.attribute(address, "reset_method", reset)
        if numa is not None:
            self.attribute(address, "numa_node", numa)
        driver = more.get("driver")
        link = f"sys/bus/pci/drivers/{driver}/module"
        if driver and not self.path(link).is_symlink():
            self.write(f"sys/module/{driver}/initstate", "live\n")
            self.link(link, f"sys/module/{driver}")

    def built_in(self, driver):
        self.path(f"sys/module/{driver}/initstate").unlink()

    def number(self, name):
        """The MAJ:MIN of a block device."""
        return f"259:{self.majors.setdefault(name, len(self.majors))}"

    def block(self, name, directory, *, slaves=(), dm_name=None, udev=()):
        """A block device in a directory of sysfs; `directory` may be that of a disk."""
        here = f"{directory}/{name}"
        self.write(f"{here}/dev", f"{self.number(name)}\n")
        self.link(f"sys/class/block/{name}", here)
        self.link(f"sys/dev/block/{self.number(name)}", here)
        self.path(f"{here}/slaves").mkdir()
        for slave in slaves:
            self.link(f"{here}/slaves/{slave}", f"sys/class/block/{slave}")
        if dm_name:
            self.write(f"{here}/dm/name", f"{dm_name}\n")
        if udev:
            self.write(f"run/udev/data/b{self.number(name)}",
                       "".join(f"E:{key}={value}\n" for key, value in dict(udev).items()))
        return here

    def disk(self, name, address, way, partitions=0, model=None, size=None):
        """A disk on a function, `way` between the two, with partitions; `size` in bytes."""
        directory = self.block(name, f"{self.directories[address]}/{way}")
        if model:
            self.write(f"{directory}/device/model", f"{model:16}\n")
        if size:
            self.write(f"{directory}/size", f"{size // 512}\n")
        for number in range(1, partitions + 1):
            part = f"{name}p{number}" if name[-1].isdigit() else f"{name}{number}"
            self.write(f"{self.block(part, directory)}/partition", f"{number}\n")

    def virtual(self, name, **more):
        self.block(name, "sys/devices/virtual/block", **more)

    def mount(self, target, source, name=None, fstype="ext4"):
        """`name`: the block device, None where the number is anonymous."""
        self.mounts += 1
        number = self.number(name) if name else f"0:{self.mounts}"
        self.append("proc/self/mountinfo", f"{self.mounts} 1 {number} / {target} rw,relatime - "
                    f"{fstype} {source} rw\n")

    def swap(self, source):
        self.append("proc/swaps", f"{source}\tpartition\t1\t0\t-2\n")

    def interface(self, name, address=None, lower=()):
        parent = self.directories[address] if address else "sys/devices/virtual"
        directory = f"{parent}/net/{name}"
        self.path(directory).mkdir(parents=True)
        self.link(f"sys/class/net/{name}", directory)
        for other in lower:
            self.link(f"{directory}/lower_{other}", f"sys/class/net/{other}")

    def route(self, name, destination="00000000", mask="00000000"):
        self.append("proc/net/route",
                    f"{name}\t{destination}\t010200C0\t0003\t0\t0\t0\t{mask}\t0\t0\t0\n")

    def route6(self, name, flags="00000003"):
        zeros = "0" * 32
        self.append("proc/net/ipv6_route", f"{zeros} 00 {zeros} 00 {'fe80' + zeros[4:]} 00000400 "
                    f"00000001 00000000 {flags} {name:>8}\n")

    def usb(self, name, address, product, usb_class="00"):
        """A device on a USB controller."""
        directory = f"{self.directories[address]}/usb{name.split('-', maxsplit=1)[0]}/{name}"
        self.write(f"{directory}/product", f"{product}\n")
        self.write(f"{directory}/bDeviceClass", f"{usb_class}\n")
        self.link(f"sys/bus/usb/devices/{name}", directory)

    def monitor(self, connector, address, status="connected"):
        directory = f"{self.directories[address]}/drm/card0/card0-{connector}"
        self.write(f"{directory}/status", f"{status}\n")
        self.link(f"sys/class/drm/card0-{connector}", directory)

    def keyboard(self, name, place):
        """`place`: the directory in sysfs of what it hangs on."""
        self.append("proc/bus/input/devices",
                    f'I: Bus=0003 Vendor=046d\nN: Name="{name}"\nP: Phys=usb\n'
                    f"S: Sysfs=/{place.removeprefix('sys/')}/input/input5\n"
                    f"H: Handlers=sysrq kbd event3 leds \nB: EV=120013\nB: KEY={KEYS}\n\n")

    def kernel(self):
        """Adds the small kernel of kmods.py: --kernel and its version."""
        if not self.path("lib/modules").exists():
            kmods.make(self.root)
        return ["--kernel", kmods.VERSION]

    def host(self, *arguments, **more):
        """Runs the host program here, its output in pipes."""
        return subprocess.run([PROGRAM, arguments[0], "--root", self.root, *arguments[1:]],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False, env=ENVIRONMENT | more)

    def terminal(self, width, *arguments, **more):
        """What the host program prints on a terminal of so many columns."""
        pid, terminal = pty.fork()
        if not pid:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
            os.execve(PROGRAM, ["vfio-early", arguments[0], "--root", str(self.root),
                                *arguments[1:]], ENVIRONMENT | more)
        output = b""
        try:
            while chunk := os.read(terminal, 65536):
                output += chunk
        except OSError:  # the end of a terminal
            pass
        os.close(terminal)
        os.waitpid(pid, 0)
        return output.decode().replace("\r\n", "\n")


class Captured(Host):
    """What `vfio-early capture` takes of a real machine, with the names of the fake ones."""

    def __init__(self, root, archive):
        self.root = root
        root.mkdir()
        subprocess.run(["tar", "-xf", archive, "-C", root], check=True)
        self.path("usr/share/misc").mkdir(parents=True)
        shutil.copy(PCI_IDS, self.path("usr/share/misc/pci.ids"))

    def kernel(self):
        """Its own, which needs no naming."""
        return []


def golden(name, text):
    """Compares with test/golden/NAME, or writes it if GOLDEN=write is in the environment."""
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def chipset(host):
    """What most machines have: a host bridge and two ports."""
    host.device("0000:00:00.0", "8086:3e92", "060000", group=0)
    for number, port in enumerate(("0000:00:01.0", "0000:00:1c.0", "0000:00:1d.0")):
        host.device(port, "8086:3e92", "060400", group=number + 1, driver="pcieport")


def add_hba(host):
    """An HBA with a disk that nothing uses."""
    host.device("0000:06:00.0", "1000:0072", "010700", group=40, driver="mpt3sas")
    host.disk("sdf", "0000:06:00.0", "host1/target/block", partitions=1)


def add_thin_pool(host):
    """The default storage of Proxmox VE, on a disk of its own: active, and not mounted."""
    add_hba(host)
    host.virtual("dm-0", slaves=["sdf1"], dm_name="vmdata-tpool")


def add_network_that_is_up(host):
    host.device("0000:07:00.0", "8086:1533", "020000", group=41, driver="igb")
    host.interface("eno2", "0000:07:00.0")
    host.write("sys/class/net/eno2/flags", "0x1003\n")


def desktop(root):
    """Two identical graphics cards, of which the first is the firmware's display; NVMe root."""
    host = Host(root)
    chipset(host)
    host.device("0000:00:14.0", "8086:a36d", "0c0330", group=4, driver="xhci_hcd")
    host.device("0000:00:1f.6", "8086:15b7", "020000", group=5, driver="e1000e")
    for bus, port, group in ((1, "0000:00:01.0", 6), (2, "0000:00:1c.0", 7)):
        host.device(f"0000:0{bus}:00.0", "10de:1c03", "030000", group=group, behind=port,
                    driver="nouveau", boot_vga=int(bus == 1), reset="", subsystem="1458:3702")
        host.device(f"0000:0{bus}:00.1", "10de:10f1", "040300", group=group, behind=port,
                    driver="snd_hda_intel", reset="", subsystem="1458:3702")
    host.device("0000:03:00.0", "144d:a808", "010802", group=8, behind="0000:00:1d.0",
                driver="nvme", serial="00-25-38-b1-91-b0-1c-aa")
    host.disk("nvme0n1", "0000:03:00.0", "nvme/nvme0", partitions=3,
              model="Samsung SSD 970 EVO Plus", size=500107862016)
    host.usb("1-1", "0000:00:14.0", "4-Port USB 2.0 Hub", "09")
    host.usb("1-2", "0000:00:14.0", "Logitech K120")
    host.usb("1-3", "0000:00:14.0", "USB Optical Mouse")
    host.monitor("HDMI-A-1", "0000:01:00.0")
    host.monitor("DP-1", "0000:01:00.0", "disconnected")
    host.mount("/", "/dev/nvme0n1p2", "nvme0n1p2")
    host.mount("/boot/efi", "/dev/nvme0n1p1", "nvme0n1p1", "vfat")
    host.swap("/dev/nvme0n1p3")
    host.interface("enp0s31f6", "0000:00:1f.6")
    host.route("enp0s31f6")
    host.route("enp0s31f6", "0002A8C0", "00FFFFFF")
    host.keyboard("Logitech K120", f"{host.directories['0000:00:14.0']}/usb1/1-2/1-2:1.0")
    return host


def server(root):
    """SR-IOV, two NUMA nodes, a bond with a bridge and a VLAN on it, and MD and LVM below /."""
    host = Host(root)
    host.device("0000:00:00.0", "8086:3e92", "060000", group=0)
    host.device("0000:17:00.0", "8086:3e92", "060400", group=1, driver="pcieport")
    host.device("0000:18:00.0", "8086:10fb", "020000", group=2, behind="0000:17:00.0",
                driver="ixgbe", numa=0)
    host.attribute("0000:18:00.0", "sriov_numvfs", 2)
    for number in range(2):
        vf = f"0000:18:10.{2 * number}"
        host.device(vf, "8086:10ed", "020000", group=10 + number, behind="0000:17:00.0",
                    driver="ixgbevf", numa=0)
        host.link(f"{host.directories[vf]}/physfn", host.directories["0000:18:00.0"])
    for number in range(2):
        nic = f"0000:3b:00.{number}"
        host.device(nic, "8086:1533", "020000", group=20 + number, driver="igb", numa=1)
        host.interface(f"eno{number + 1}", nic)
    for number, disk in enumerate(("sda", "sdb")):
        hba = f"0000:5e:00.{number}"
        host.device(hba, "8086:2922", "010601", group=30 + number, driver="ahci", numa=1)
        host.disk(disk, hba, f"ata{number + 1}/host{number}/target{number}:0:0/block",
                  partitions=1)
    host.device("0000:60:00.0", "102b:0538", "030000", group=40, driver="mgag200", boot_vga=1)
    host.virtual("md0", slaves=["sda1", "sdb1"])
    host.virtual("dm-0", slaves=["md0"], dm_name="vg-root")
    host.virtual("dm-1", slaves=["md0"], dm_name="vg-swap")
    host.mount("/", "/dev/mapper/vg-root", "dm-0", "xfs")
    host.swap("/dev/dm-1")
    host.interface("bond0", lower=["eno1", "eno2"])
    host.interface("bond0.20", lower=["bond0"])
    host.interface("br0", lower=["bond0.20"])
    host.route("br0")
    return host


def switch(root):
    """A PCIe switch without ACS: everything behind it is one group."""
    host = Host(root, AMD)
    host.device("0000:00:01.1", "1022:149c", "060400", group=14, driver="pcieport")
    host.device("0000:01:00.0", "1022:149c", "060400", group=14, behind="0000:00:01.1",
                driver="pcieport")
    for number in range(3):
        port = f"0000:02:0{number}.0"
        host.device(port, "1022:149c", "060400", group=14, behind="0000:01:00.0",
                    driver="pcieport")
    host.device("0000:03:00.0", "10ec:8168", "020000", group=14, behind="0000:02:00.0",
                driver="r8169", reset="pm bus")
    host.device("0000:04:00.0", "1022:149c", "0c0330", group=14, behind="0000:02:01.0",
                driver="xhci_hcd", reset="pm")
    host.device("0000:05:00.0", "144d:a80a", "010802", group=14, behind="0000:02:02.0",
                driver="nvme")
    host.disk("nvme0n1", "0000:05:00.0", "nvme/nvme0", partitions=1)
    host.mount("/", "/dev/nvme0n1p1", "nvme0n1p1")
    return host


def laptop(root):
    """NVMe behind Intel VMD, in a domain of its own; LUKS and LVM on it; the keyboard is PS/2."""
    host = Host(root)
    host.device("0000:00:02.0", "8086:9a49", "030000", group=0, driver="i915", boot_vga=1)
    host.device("0000:00:0e.0", "8086:9a0b", "010400", group=1, driver="vmd")
    host.device("0000:00:14.0", "8086:a0ed", "0c0330", group=2, driver="xhci_hcd")
    host.device("0000:00:14.2", "8086:a0ef", "050000", group=2)
    host.device("0000:00:14.3", "8086:a0f0", "028000", group=3, driver="iwlwifi")
    host.directories["vmd"] = f"{host.directories['0000:00:0e.0']}/pci10000:e0"
    host.device("10000:e0:06.0", "8086:3e92", "060400", group=1, behind="vmd",
                driver="pcieport")
    host.device("10000:e1:00.0", "144d:a80a", "010802", group=1, behind="10000:e0:06.0",
                driver="nvme")
    host.disk("nvme0n1", "10000:e1:00.0", "nvme/nvme0", partitions=3)
    host.virtual("dm-0", slaves=["nvme0n1p3"], dm_name="luks-0000")
    host.virtual("dm-1", slaves=["dm-0"], dm_name="vg-root")
    host.virtual("dm-2", slaves=["dm-0"], dm_name="vg-swap",
                 udev={"ID_FS_UUID": "11111111-2222-3333-4444-555555555555"})
    host.mount("/", "/dev/mapper/vg-root", "dm-1", "ext4")
    host.mount("/boot", "/dev/nvme0n1p2", "nvme0n1p2")
    host.swap("/dev/mapper/vg-swap")
    host.cmdline("root=/dev/mapper/vg-root resume=UUID=11111111-2222-3333-4444-555555555555")
    host.interface("wlp0s20f3", "0000:00:14.3")
    host.route6("lo", "00200200")
    host.route6("wlp0s20f3")
    host.keyboard("AT Translated Set 2 keyboard", "sys/devices/platform/i8042/serio0")
    host.keyboard("Yubico YubiKey OTP+FIDO+CCID",
                  f"{host.directories['0000:00:14.0']}/usb3/3-1/3-1:1.0")
    return host


def no_iommu(root, cpu=INTEL):
    """A machine whose IOMMU is off."""
    host = Host(root, cpu, remapped=False)
    host.device("0000:00:01.0", "8086:3e92", "060400", driver="pcieport")
    host.device("0000:00:1f.2", "8086:2922", "010601", driver="ahci")
    host.device("0000:01:00.0", "10ec:8168", "020000", behind="0000:00:01.0", driver="r8169")
    return host


def storage(root):
    """Every file system that lies on several disks, one disk a controller."""
    host = Host(root)
    names = ("sda", "sdb", "sdc", "sdd", "sde", "sdf")
    for number, name in enumerate(names):
        address = f"0000:0{number + 1}:00.0"
        host.device(address, "8086:2922", "010601", group=number, driver="ahci")
        host.disk(name, address, f"ata{number}/host{number}/block", partitions=1)
    for name in ("sda1", "sdb1"):
        host.link(f"sys/fs/btrfs/6d0f4d4e/devices/{name}", f"sys/class/block/{name}")
    host.path("sys/fs/btrfs/features").mkdir()
    host.mount("/data", "/dev/sda1", fstype="btrfs")
    host.path("proc/spl/kstat/zfs/tank").mkdir(parents=True)
    host.mount("/tank", "tank", fstype="zfs")
    for name, udev in (("sdc1", {"ID_FS_TYPE": "zfs_member", "ID_FS_LABEL": "tank"}),
                       ("sdd1", {"ID_FS_TYPE": "zfs_member", "ID_FS_LABEL": "other"}),
                       ("sde1", {"ID_PART_ENTRY_TYPE":
                                 "6a898cc3-1dd2-11b2-99a6-080020736631"})):
        host.write(f"run/udev/data/b{host.number(name)}",
                   "".join(f"E:{key}={value}\n" for key, value in udev.items()))
    return host


def guest(root):
    """A virtual machine with Linux 6.1 of Debian, as it really was: /srv on LVM on one of two NVMe
    drives, the other one with virtual functions; swap on SATA; the default route through a bridge;
    a keyboard on USB; two devices in one group behind a conventional bridge.
    """
    return Captured(root, TOP / "test/machines/guest.tar.xz")


HOSTS = {"desktop": desktop, "server": server, "switch": switch, "laptop": laptop,
         "no-iommu": no_iommu, "storage": storage, "guest": guest}
