# SPDX-License-Identifier: GPL-2.0-or-later
"""Every danger: found where it is, told with its remedy, and not found where it isn't."""

import json

import hosts
import pytest
from cli import UNWANTED, Refusal, vfio_early


def dangers(host, config, *arguments):
    """{(address or number of the line or 0, kind): danger} of a config."""
    host.config(config)
    done = host.host("check", "--json", *arguments)
    assert done.returncode in (0, 1, 3), done.stderr
    return {(danger["address"] or int((danger["line"] or ":0").rpartition(":")[2]),
             danger["kind"]): danger
            for danger in json.loads(done.stdout)["dangers"]}


@pytest.fixture
def desktop(tmp_path):
    return hosts.desktop(tmp_path / "root")


@pytest.fixture
def server(tmp_path):
    return hosts.server(tmp_path / "root")


# host, config, address or line, kind, words of the text, words of the remedy
CASES = {
    "the display with boot_vga": (
        hosts.desktop, "bind 01:00.0\n", "0000:01:00.0", "boot-display", "display",
        "allow=boot-display on /etc/vfio-early.conf:1"),
    "the root disk": (
        hosts.desktop, "bind 03:00.0\n", "0000:03:00.0", "in-use", "/ (nvme0n1p2)",
        "allow=in-use on /etc/vfio-early.conf:1"),
    "swap": (
        hosts.desktop, "bind 03:00.0\n", "0000:03:00.0", "in-use", "swap (nvme0n1p3)", ""),
    "the network card of the default route": (
        hosts.desktop, "bind 00:1f.6\n", "0000:00:1f.6", "in-use", "default route (enp0s31f6)",
        ""),
    "below a bridge, a VLAN and a bond: the first card": (
        hosts.server, "bind 3b:00.0\n", "0000:3b:00.0", "in-use", "default route (br0)", ""),
    "below a bridge, a VLAN and a bond: the second card": (
        hosts.server, "bind 3b:00.1\n", "0000:3b:00.1", "in-use", "default route (br0)", ""),
    "the default route of IPv6": (
        hosts.laptop, "bind 00:14.3\n", "0000:00:14.3", "in-use", "default route (wlp0s20f3)",
        ""),
    "a disk below MD and LVM": (
        hosts.server, "bind 5e:00.1\n", "0000:5e:00.1", "in-use", "/ (dm-0), swap (dm-1)", ""),
    "a disk below LUKS and LVM": (
        hosts.laptop, "bind 10000:e1:00.0\n", "10000:e1:00.0", "in-use", "/ (dm-1)", ""),
    "the hibernation image, by its UUID": (
        hosts.laptop, "bind 10000:e1:00.0\n", "10000:e1:00.0", "in-use",
        "the hibernation image (dm-2)", ""),
    "the controller in front of a disk's domain": (
        hosts.laptop, "bind 00:0e.0\n", "0000:00:0e.0", "in-use", "/ (dm-1)", ""),
    "the disk that a btrfs was mounted by": (
        hosts.storage, "bind 01:00.0\n", "0000:01:00.0", "in-use", "/data (sda1)", ""),
    "another disk of the btrfs": (
        hosts.storage, "bind 02:00.0\n", "0000:02:00.0", "in-use", "a mounted btrfs (sdb1)",
        ""),
    "a disk of an imported ZFS pool": (
        hosts.storage, "bind 03:00.0\n", "0000:03:00.0", "in-use", "ZFS pool tank (sdc1)", ""),
    "a disk of a ZFS pool that is not imported": (
        hosts.storage, "bind 04:00.0\n", "0000:04:00.0", "maybe-in-use",
        "ZFS pool other (sdd1)", "move"),
    "a ZFS partition that says no more": (
        hosts.storage, "bind 05:00.0\n", "0000:05:00.0", "maybe-in-use", "unknown name (sde1)",
        "move"),
    "the last keyboard": (
        hosts.desktop, "bind 00:14.0\n", "0000:00:14.0", "keyboard", "Logitech K120",
        "another controller"),
    "a group mate that the host needs": (
        hosts.switch, "bind 03:00.0\n", "0000:03:00.0", "group",
        "0000:04:00.0 (xhci_hcd), 0000:05:00.0 (nvme)", "another slot"),
    "a group mate that the host does not need": (
        hosts.desktop, "bind 02:00.0\n", "0000:02:00.0", "group",
        "0000:02:00.1 (snd_hda_intel)", "with=group on /etc/vfio-early.conf:1"),
    "a physical function with virtual ones": (
        hosts.server, "bind 18:00.0\n", "0000:18:00.0", "virtual-functions",
        "2 virtual functions", "echo 0 > /sys/bus/pci/devices/0000:18:00.0/sriov_numvfs"),
    "a virtual function": (
        hosts.server, "bind 18:10.2\n", "0000:18:10.2", "virtual-function", "0000:18:00.0",
        "vfio-early bind 0000:18:10.2"),
    "no IOMMU": (
        hosts.no_iommu, "bind 01:00.0\n", 0, "iommu-off", "off", "intel_iommu=on"),
    "nothing that can reset it, with more of its bus to take": (
        hosts.desktop, "bind 02:00.0\n", "0000:02:00.0", "no-reset", "only once",
        "with=functions"),
    "nothing that can reset it, with another slot of its bus to take": (
        hosts.guest, "bind 08:02.0\n", "0000:08:02.0", "no-reset", "only once",
        "with=group"),
    "an ID of two": (
        hosts.guest, "bind 8086:10d3 count=2\n", 1, "id-alone", "one more of its kind",
        "a line for each device; the first: bind 0000:02:00.0 8086:10d3"),
    "an ID alone": (
        hosts.desktop, "bind 8086:15b7 allow=in-use\n", 1, "id-alone", "one more of its kind",
        "bind 0000:00:1f.6 8086:15b7"),
    "an address and an ID": (
        hosts.desktop, "bind 02:00.0 10de:1c03 with=functions\n", 1, "no-path",
        "would take another device of this kind at this address",
        "write path=0000:00:1c.0/00.0 on /etc/vfio-early.conf:1"),
    "an address alone": (
        hosts.desktop, "bind 02:00.0\n", 1, "no-path",
        "would take another device at this address",
        "write 10de:1c03 path=0000:00:1c.0/00.0 on /etc/vfio-early.conf:1"),
    "the module's name for the driver's": (
        hosts.desktop, "bind 00:1f.6 driver=vfio_pci allow=in-use\n", "0000:00:1f.6",
        "driver", "the driver is vfio-pci", "driver=vfio-pci"),
}


@pytest.mark.parametrize("case", CASES)
def test_is_told(tmp_path, case):
    make, config, subject, kind, text, remedy = CASES[case]
    found = dangers(make(tmp_path / "root"), config)
    assert (subject, kind) in found, found
    assert text in found[subject, kind]["text"]
    assert remedy in found[subject, kind]["remedy"] != ""


def find(machine, config, address, kind):
    return dangers(machine, config).get((address, kind), {})


@pytest.mark.parametrize("line", [
    "bind 02:00.0 10de:1c03 path=00:1c.0/00.0", "bind 03:00.0 serial=00-25-38-b1-91-b0-1c-aa",
    "bind path=00:1c.0/00.0", "bind 00:14.0 8086:a36d"])
def test_a_line_that_says_where_the_device_is(tmp_path, line):
    """By its slot or its serial number; and bus 0 is never numbered again."""
    assert find(hosts.desktop(tmp_path / "root"), f"{line} allow=in-use\n", 1, "no-path") == {}


def test_binding_now_needs_no_slot(tmp_path):
    """The line that `add` writes has one; `bind` writes none."""
    for command in (("bind", "--dry-run"), ("add",)):
        host = hosts.desktop(tmp_path / command[0])
        host.config("")
        host.driver("vfio-pci")
        done = host.host(*command, "02:00")
        assert done.returncode == 0 and "no slot" not in done.stdout + done.stderr


def test_what_is_allowed_is_still_told(tmp_path):
    """allow= takes the refusal away, not the warning."""
    host = hosts.desktop(tmp_path / "root")
    display = find(host, "bind 01:00.0 allow=boot-display\n", "0000:01:00.0", "boot-display")
    assert (display["allowed"], display["grave"], display["refuses"]) == (True, False, False)
    route = find(host, "bind 00:1f.6 allow=in-use\n", "0000:00:1f.6", "in-use")
    assert (route["allowed"], route["grave"]) == (True, False)


@pytest.mark.parametrize("command", ["add", "bind"])
def test_commands_refuse_what_the_host_uses(desktop, command):
    Refusal("03:00.0", UNWANTED, "0000:03:00.0: refused: the host uses it: /").check(
        desktop, command)


def test_what_the_host_cannot_start_without_stays_a_danger(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    disk = find(host, "bind 03:00.0 allow=in-use\n", "0000:03:00.0", "in-use")
    assert (disk["allowed"], disk["grave"], disk["refuses"]) == (False, True, False)
    displays = "".join(f"bind {address} allow=boot-display\n"
                       for address in ("00:02.0", "01:00.0", "02:00.0"))
    last = find(host, displays, "0000:01:00.0", "boot-display")
    assert (last["allowed"], last["grave"]) == (False, True)
    assert "the host has no other" in last["text"]


def test_every_disk_of_a_root_on_zfs_stays_a_danger(tmp_path):
    """Sysfs and the mount table do not name the disks of a pool: the pool's label does."""
    host = hosts.storage(tmp_path / "root")
    host.mount("/", "tank/ROOT/pve-1", fstype="zfs")
    host.mount("/tank", "tank", fstype="zfs")
    disk = find(host, "bind 03:00.0 allow=in-use\n", "0000:03:00.0", "in-use")
    assert (disk["allowed"], disk["grave"]) == (False, True)
    assert "/ (sdc1)" in disk["text"]


def test_every_disk_of_a_root_on_btrfs_stays_a_danger(tmp_path):
    host = hosts.storage(tmp_path / "root")
    second = find(host, "bind 02:00.0 allow=in-use\n", "0000:02:00.0", "in-use")
    assert (second["allowed"], second["grave"]) == (True, False)
    host.mount("/", "/dev/sda1", fstype="btrfs")
    second = find(host, "bind 02:00.0 allow=in-use\n", "0000:02:00.0", "in-use")
    assert (second["allowed"], second["grave"]) == (False, True)
    assert "/ (sdb1)" in second["text"]


@pytest.mark.parametrize("line, said", [("keep 09:00.0", True), ("keep 8086:ffff", True),
                                        ("keep 02:00.0", False), ("[gone]\nkeep 09:00.0", True),
                                        ("[gone]\nkeep 02:00.0", False)])
def test_keep_line_that_protects_nothing(tmp_path, line, said):
    host = hosts.desktop(tmp_path / "root")
    host.config(f"bind 01:00.0\n{line}\n")
    found = vfio_early(host, "check", "--json").json["dangers"]
    profile = "gone" if "gone" in line else None
    assert (("keeps-nothing", profile) in [(danger["kind"], danger["profile"])
                                           for danger in found]) == said


@pytest.mark.parametrize("bus, disk", [("01", "sda1"), ("02", "sdb1")])
def test_every_disk_of_a_bcachefs(tmp_path, bus, disk):
    host = hosts.storage(tmp_path / "root")
    host.mount("/srv", "/dev/sda1:/dev/sdb1", fstype="bcachefs")
    found = find(host, f"bind {bus}:00.0\n", f"0000:{bus}:00.0", "in-use")
    assert f"/srv ({disk})" in found["text"]


def test_a_group_mate_that_a_line_gives_to_a_host_driver(tmp_path):
    """Such a line does not free the group."""
    host = hosts.switch(tmp_path / "root")
    found = find(host, "bind 03:00.0\nbind 04:00.0 driver=xhci_hcd\n", "0000:03:00.0", "group")
    assert "0000:04:00.0 (xhci_hcd)" in found["text"]


@pytest.mark.parametrize("target, vital", [
    ("/", True), ("/boot", True), ("/boot/efi", True), ("/efi", True), ("/boot/firmware", True),
    ("/usr", True), ("/home", False), ("/boots", False), ("/srv/boot", False)])
def test_which_mounts_the_host_does_not_start_without(tmp_path, target, vital):
    host = hosts.storage(tmp_path / "root")
    host.mount(target, "/dev/sdf1", "sdf1")
    disk = find(host, "bind 06:00.0 allow=in-use\n", "0000:06:00.0", "in-use")
    assert disk["grave"] == vital


def test_allow_is_not_for_what_with_adds(tmp_path):
    """The drive of the root file system is in the group of the listed USB controller."""
    host = hosts.switch(tmp_path / "root")
    drive = find(host, "bind 04:00.0 with=group allow=in-use\n", "0000:05:00.0", "in-use")
    assert drive["refuses"] and "a line of its own" in drive["remedy"]


LPC, SATA = "0000:00:1f.0", "0000:00:1f.2"


def chipset(directory, kernel):
    host = hosts.Host(directory)
    host.device(LPC, "8086:a143", "060100", group=11, driver="lpc_ich")
    host.device(SATA, "8086:a102", "010601", group=11, driver="ahci")
    host.device("0000:00:1c.0", "8086:a110", "060400", group=11, driver="shpchp", header_type=1)
    host.device("0000:00:1c.4", "8086:a114", "060400", group=11, driver="pcieport", header_type=1)
    host.path(f"lib/modules/{kernel}").mkdir(parents=True)
    return host


@pytest.mark.parametrize("kernel, blockers", [
    ("5.10.0-30-amd64", [LPC]), ("6.1.0-42-amd64", [LPC, "0000:00:1c.0"])])
def test_the_kernels_rule_for_groups(tmp_path, kernel, blockers):
    """Before 5.19 a bridge is exempt by its header, since then a driver that leaves DMA alone."""
    host = chipset(tmp_path / "root", kernel)
    group = find(host, "bind 00:1f.2 with=group\n", SATA, "group")
    assert all((address in group["text"]) == (address in blockers)
               for address in (LPC, "0000:00:1c.0", "0000:00:1c.4")), group
    assert "vfio-early add 0000:00:1f.0" in group["remedy"]
    assert "with=group" not in group["remedy"]


def test_the_remedy_for_an_isa_bridge_works(tmp_path):
    host = chipset(tmp_path / "root", "5.10.0-30-amd64")
    host.config("bind 00:1f.2 with=group\n")
    done = host.host("add", "00:1f.0")
    assert done.returncode == 0, done
    assert "bind 0000:00:1f.0 8086:a143" in host.read("etc/vfio-early.conf")
    assert (SATA, "group") not in dangers(host, host.read("etc/vfio-early.conf"))


def test_a_function_without_a_group(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.device("0000:00:0f.0", "14e4:9026", "0c0330", driver="xhci_hcd")
    found = find(host, "bind 00:0f.0\n", "0000:00:0f.0", "no-group")
    assert found["grave"] and "vfio-pci refuses it" in found["text"]


def test_a_drive_behind_vmd(tmp_path):
    """The drive is there only once the driver of the controller is: list the controller."""
    host = hosts.Host(tmp_path / "root")
    host.device("0000:00:0e.0", "8086:9a0b", "010400", group=1, driver="vmd")
    host.directories["vmd"] = f"{host.directories['0000:00:0e.0']}/pci10000:e0"
    host.device("10000:e1:00.0", "c0a9:5403", "010802", group=1, driver="nvme", behind="vmd")
    drive = find(host, "bind 10000:e1:00.0\n", "10000:e1:00.0", "controller")
    assert drive["refuses"]
    assert "list the VMD controller instead" in drive["remedy"]
    assert "vfio-early add 0000:00:0e.0" in drive["remedy"]
    assert ("0000:00:0e.0", "group") not in dangers(host, "bind 00:0e.0\n")


def test_what_is_behind_a_listed_vmd_controller_blocks_no_group(tmp_path):
    """The drives vanish when vmd does, for the other members of the group as well."""
    host = hosts.laptop(tmp_path / "root")
    host.device("0000:00:1e.0", "8086:a0a8", "078000", group=1, driver="intel-lpss")
    lines = "bind 00:0e.0 allow=in-use\nbind 00:1e.0\n"
    assert ("0000:00:1e.0", "group") not in dangers(host, lines)
    alone = find(host, "bind 00:1e.0\n", "0000:00:1e.0", "group")
    assert "10000:e1:00.0 (nvme)" in alone["text"]


def test_a_mate_that_the_host_may_use_can_be_taken(tmp_path):
    """An interface that is up is no reason for another slot: with=group takes it."""
    host = hosts.desktop(tmp_path / "root")
    host.device("0000:07:00.0", "8086:1533", "020000", group=4, driver="igb")
    eno2 = f"{host.directories['0000:07:00.0']}/net/eno2"
    host.write(f"{eno2}/flags", "0x1003\n")
    host.link("sys/class/net/eno2", eno2)
    group = find(host, "bind 00:14.0\n", "0000:00:14.0", "group")
    assert "0000:07:00.0 (igb)" in group["text"]
    assert group["remedy"] == "write with=group on /etc/vfio-early.conf:1"


def test_storage_that_is_active_but_not_mounted(tmp_path):
    """The default storage of Proxmox VE: a thin pool on a disk of its own."""
    host = hosts.desktop(tmp_path / "root")
    hosts.add_thin_pool(host)
    found = find(host, "bind 06:00.0\n", "0000:06:00.0", "maybe-in-use")
    assert "active volume vmdata-tpool (dm-0)" in found["text"]


def test_a_disk_that_a_running_guest_has_open(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    hosts.add_hba(host)
    host.write("proc/4242/comm", "kvm\n")
    host.path("proc/4242/fd").mkdir()
    host.path("proc/4242/fd/11").symlink_to("/dev/sdf")
    found = find(host, "bind 06:00.0\n", "0000:06:00.0", "maybe-in-use")
    assert "open in kvm (sdf)" in found["text"]


@pytest.mark.parametrize("attributes, words", [
    ({"flags": "0x1003"}, "network interface eno2, up"),
    ({"flags": "0x1002", "master": "vmbr1"}, "network interface eno2, part of vmbr1"),
    ({"flags": "0x1002"}, None),
])
def test_a_network_that_is_not_the_default_route(tmp_path, attributes, words):
    host = hosts.desktop(tmp_path / "root")
    host.device("0000:07:00.0", "8086:1533", "020000", group=41, driver="igb")
    eno2 = f"{host.directories['0000:07:00.0']}/net/eno2"
    host.write(f"{eno2}/flags", attributes["flags"] + "\n")
    if "master" in attributes:
        host.link(f"{eno2}/master", f"sys/devices/virtual/net/{attributes['master']}")
    host.link("sys/class/net/eno2", eno2)
    found = find(host, "bind 07:00.0\n", "0000:07:00.0", "maybe-in-use")
    assert words in found["text"] if words else not found


@pytest.mark.parametrize("command", [["check"], ["add", "60:00.0"], ["bind", "60:00.0"]])
def test_the_only_display_without_a_framebuffer(server, command):
    """On a host without a monitor the firmware may draw on no display."""
    server.path(f"{server.directories['0000:60:00.0']}/boot_vga").unlink()
    server.driver("vfio-pci")
    server.config("bind 60:00.0\n" if command == ["check"] else "")
    done = server.host(*command, *([] if command == ["check"] else ["--dry-run"]))
    assert "note: 0000:60:00.0: this machine has no other display" in done.stdout + done.stderr


def udev(host, name, **properties):
    host.write(f"run/udev/data/b{host.number(name)}",
               "".join(f"E:{key}={value}\n" for key, value in properties.items()))


@pytest.mark.parametrize("path, text, words", [
    ("etc/fstab", "UUID=12AB-34CD /boot/efi vfat noauto 0 1\n", "/boot/efi (sdf1)"),
    ("etc/fstab", "PARTUUID=0f-01 /efi vfat noauto,x-systemd.automount 0 1\n", "/efi (sdf1)"),
    ("etc/fstab", "UUID=12AB-34CD /srv/backup vfat noauto 0 1\n", ""),
    ("etc/kernel/proxmox-boot-uuids", "AAAA-AAAA\n12AB-34CD\n", "EFI system partition (sdf1)"),
])
def test_a_boot_partition_that_is_not_mounted(desktop, path, text, words):
    """The partition type alone says nothing: a guest's disk has an EFI system partition, too."""
    hosts.add_hba(desktop)
    udev(desktop, "sdf1", ID_FS_UUID="12AB-34CD", ID_PART_ENTRY_UUID="0f-01",
         ID_PART_ENTRY_TYPE="c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
    assert not find(desktop, "bind 06:00.0\n", "0000:06:00.0", "in-use")
    desktop.write(path, text)
    assert words in find(desktop, "bind 06:00.0\n", "0000:06:00.0", "in-use").get("text", "")
    if words:
        assert find(desktop, "bind 06:00.0 allow=in-use\n", "0000:06:00.0", "in-use")["grave"]


def test_the_default_route_over_open_vswitch(tmp_path):
    """The bridge's own interface has no link to the ports of the datapath."""
    host = hosts.server(tmp_path / "root")
    host.write("proc/net/route", "")
    host.device("0000:41:00.0", "8086:1533", "020000", group=50, driver="igb")
    host.interface("eno7", "0000:41:00.0")
    host.interface("veth0")
    host.interface("ovs-system", lower=["eno7", "veth0"])
    for port in ("eno7", "veth0"):
        host.link(f"sys/class/net/{port}/master", "sys/class/net/ovs-system")
    host.interface("vmbr0")
    host.route("vmbr0")
    found = find(host, "bind 41:00.0\n", "0000:41:00.0", "in-use")
    assert "the default route (vmbr0)" in found["text"]
    assert not find(host, "bind 3b:00.0\n", "0000:3b:00.0", "in-use")


def test_rescue_with_a_root_on_zfs(tmp_path):
    """OpenZFS imports the pool by itself: nothing waits for a root device."""
    host = hosts.desktop(tmp_path / "root")
    line = "bind 03:00.0 allow=in-use rescue=release\n"
    assert not find(host, line, "0000:03:00.0", "rescue")
    host.write("proc/self/mountinfo", "29 1 0:27 / / rw - zfs rpool/ROOT/pve-1 rw\n")
    assert "cannot work" in find(host, line, "0000:03:00.0", "rescue")["text"]
    assert not find(host, "bind 02:00.0 rescue=release\n", "0000:02:00.0", "rescue")["grave"]


def test_a_group_member_that_is_no_pci_device(desktop):
    """Only a driver blocks the group."""
    devices = "sys/kernel/iommu_groups/5/devices"
    desktop.link(f"{devices}/e1000e.0", "sys/devices/platform/e1000e.0")
    desktop.path("sys/devices/platform/e1000e.0").mkdir(parents=True)
    line = "bind 00:1f.6 allow=in-use with=group\n"
    assert not find(desktop, line, "0000:00:1f.6", "group")
    desktop.link("sys/devices/platform/e1000e.0/driver", "sys/bus/platform/drivers/dsa")
    found = find(desktop, line, "0000:00:1f.6", "group")
    assert "e1000e.0 (dsa) would stay with the host" in found["text"]
    assert found["remedy"] == "unload the driver of e1000e.0 (dsa)"


# host, config, address or line, kind
ABSENT = {
    "another display than the firmware's": (
        hosts.desktop, "bind 02:00.0\n", "0000:02:00.0", "boot-display"),
    "a disk that a keep line keeps": (
        hosts.desktop, "keep 03:00.0\nbind 03:00.0\n", "0000:03:00.0", "in-use"),
    "a disk that nobody uses": (
        hosts.storage, "bind 06:00.0\n", "0000:06:00.0", "in-use"),
    "a route to one network": (
        hosts.server, "bind 18:00.0\n", "0000:18:00.0", "in-use"),
    "a keyboard while there is a PS/2 one": (
        hosts.laptop, "bind 00:14.0\n", "0000:00:14.0", "keyboard"),
    "a group of which all is taken": (
        hosts.desktop, "bind 02:00.0 with=group\n", "0000:02:00.0", "group"),
    "a group mate without a driver": (
        hosts.laptop, "bind 00:14.0\n", "0000:00:14.0", "group"),
    "a bus of which all is taken": (
        hosts.desktop, "bind 02:00.0 with=functions\n", "0000:02:00.0", "no-reset"),
    "a conventional bus of which all is taken": (
        hosts.guest, "bind 08:02.0 with=group\n", "0000:08:02.0", "no-reset"),
    "a card with a reset": (
        hosts.switch, "bind 03:00.0\n", "0000:03:00.0", "no-reset"),
    "an ID with an address": (
        hosts.desktop, "bind 02:00.0 10de:1c03\n", 1, "id-alone"),
    "an ID with count=all": (
        hosts.desktop, "bind 10de:10f1 count=all\n", 1, "id-alone"),
    "a machine with an IOMMU": (
        hosts.desktop, "bind 02:00.0\n", 0, "iommu-off"),
    "a machine without another recipe": (
        hosts.desktop, "bind 02:00.0\n", 0, "other-recipe"),
    "a machine that remaps interrupts": (
        hosts.desktop, "bind 02:00.0\n", 0, "no-interrupt-remapping"),
    "a driver that is a module": (
        hosts.desktop, "bind 02:00.0\n", "0000:02:00.0", "built-in"),
}


@pytest.mark.parametrize("case", ABSENT)
def test_is_not_told(tmp_path, case):
    make, config, subject, kind = ABSENT[case]
    assert (subject, kind) not in dangers(make(tmp_path / "root"), config)


def test_a_display_is_found_by_its_framebuffer(desktop):
    desktop.write("proc/iomem", "c0000000-c0ffffff : PCI Bus 0000:02\n"
                  "  c0000000-c07fffff : BOOTFB\n")
    desktop.attribute("0000:02:00.0", "resource", "0x00000000c0000000 0x00000000c0ffffff 0x0")
    assert ("0000:02:00.0", "boot-display") in dangers(desktop, "bind 02:00.0\n")


def test_interrupts_that_are_not_remapped(desktop):
    desktop.write("proc/interrupts", "   1:   9   IO-APIC   1-edge   i8042\n")
    found = dangers(desktop, "bind 02:00.0\n")[0, "no-interrupt-remapping"]
    assert "allow_unsafe_interrupts=1" in found["remedy"]
    assert not [kind for _, kind in
                dangers(desktop, "bind 02:00.0\n"
                        "option vfio_iommu_type1 allow_unsafe_interrupts=1\n")
                if kind == "no-interrupt-remapping"]


def test_steps_of_another_recipe(desktop):
    desktop.write("etc/modprobe.d/vfio.conf",
                  "# old\noptions vfio-pci ids=10de:1c03\nsoftdep nouveau pre: vfio-pci\n")
    found = dangers(desktop, "bind 02:00.0\n")[0, "other-recipe"]
    assert found["text"] == ("another recipe is still there: in /etc/modprobe.d/vfio.conf:2, "
                             "delete: options vfio-pci ids=10de:1c03 (ids= takes "
                             "every device of that model), and 1 more")
    assert not found["grave"] and "vfio-early import" in found["remedy"]
    assert (0, "other-recipe") not in dangers(desktop, "# nothing is listed\n")


def test_a_driver_that_is_built_in_by_sysfs(desktop):
    desktop.built_in("e1000e")
    found = dangers(desktop, "bind 00:1f.6 allow=in-use\n")["0000:00:1f.6", "built-in"]
    assert not found["grave"] and "e1000e" in found["text"]


def test_a_driver_that_is_built_into_the_kernel_asked_for(desktop):
    assert ("0000:00:14.0", "built-in") not in dangers(desktop, "bind 00:14.0\n")
    assert ("0000:00:14.0", "built-in") in dangers(desktop, "bind 00:14.0\n",
                                                   *desktop.kernel())


def test_a_driver_that_the_kernel_lacks(desktop):
    found = dangers(desktop, "bind 00:1f.6 driver=xe-vfio-pci allow=in-use\n",
                    *desktop.kernel())
    assert "no driver xe-vfio-pci" in found["0000:00:1f.6", "driver"]["text"]
    assert ("0000:00:1f.6", "driver") not in \
        dangers(desktop, "bind 00:1f.6 driver=mlx5-vfio-pci allow=in-use\n", *desktop.kernel())


def test_a_keyboard_that_a_program_made_up_is_none(desktop):
    desktop.keyboard("ydotoold virtual device", "sys/devices/virtual")
    assert ("0000:00:14.0", "keyboard") in dangers(desktop, "bind 00:14.0\n")


def test_an_nvme_namespace_with_several_controllers(desktop):
    subsystem = "sys/devices/virtual/nvme-subsystem/nvme-subsys7"
    desktop.device("0000:04:00.0", "144d:a80a", "010802", group=9, driver="nvme")
    controller = f"{desktop.directories['0000:04:00.0']}/nvme/nvme7"
    desktop.path(controller).mkdir(parents=True)
    desktop.block("nvme7n1", subsystem)
    desktop.link(f"{subsystem}/nvme7", controller)
    desktop.link("sys/class/nvme-subsystem/nvme-subsys7", subsystem)
    desktop.mount("/srv", "/dev/nvme7n1", "nvme7n1")
    found = dangers(desktop, "bind 04:00.0\n")
    assert found["0000:04:00.0", "in-use"]["text"].endswith("/srv (nvme7n1)")


def test_a_mount_point_cannot_write_to_the_terminal(desktop):
    desktop.mount("/x\\033[31m\\012y", "/dev/nvme0n1p3", "nvme0n1p3")
    done = desktop.host("list", "-o", "use")
    assert "/x?[31m?y" in done.stdout and "\033" not in done.stdout


def test_many_mounts_are_cut_short(desktop):
    for number in range(100):
        desktop.mount(f"/mnt/{number}", "/dev/nvme0n1p3", "nvme0n1p3")
    found = dangers(desktop, "bind 03:00.0\n")["0000:03:00.0", "in-use"]
    assert found["text"].endswith(", ...") and len(found["text"]) < 400


def test_layers_that_lead_to_themselves_end(desktop):
    desktop.virtual("dm-0")
    desktop.link("sys/devices/virtual/block/dm-0/slaves/dm-0", "sys/class/block/dm-0")
    desktop.mount("/loop", "/dev/dm-0", "dm-0")
    assert dangers(desktop, "bind 02:00.0\n")


@pytest.mark.parametrize("lines, taken", [
    (["bind 03:00.0", "bind 03:00.0 allow=in-use"], 2),
    (["bind 03:00.0 allow=in-use", "bind 03:00.0"], 1),
    (["bind class=01", "bind 03:00.0 allow=in-use"], 2),
    (["bind 03:00.0", "keep 03:00.0", "bind 03:00.0 allow=in-use"], None),
    (["bind 01:00.0", "bind 01:00.0 allow=boot-display"], 2),
])
def test_a_permission_on_another_line(desktop, lines, taken):
    """`check` knows what the host uses; the boot program has a generated keep line that says so."""
    desktop.config("\n".join(lines) + "\n")
    done = desktop.host("check", "--json")
    results = [[device["result"] for device in line["devices"]]
               for line in json.loads(done.stdout)["lines"]]
    desktop.write("usr/lib/vfio-early/keep.conf", "keep path=00:1d.0/00.0 id=144d:a808\n")
    (function,) = desktop.run().report.all("function")
    place = f"/etc/vfio-early.conf:{taken or 1}"
    assert function["line"] == place
    assert (function["result"] == "refused") == (taken is None)
    expected = [["planned" if number == taken else "refused"]
                for number, line in enumerate(lines, 1) if line.startswith("bind")]
    assert [result for result in results if result] == expected
