# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early show on fake hosts. GOLDEN=write makes test/golden/ anew: look at the difference."""

import struct

import hosts
import pytest
import realmachines
from cli import UNWANTED, USAGE, WELL, set_driver, vfio_early

# Of each host the device to look at, and the config.
SHOWN = {
    "desktop": ("02:00", "bind 02:00.0 10de:1c03 with=functions\n"),
    "server": ("18:10.0", ""),
    "switch": ("03:00", ""),
    "laptop": ("10000:e1:00.0", ""),
    "no-iommu": ("01:00", ""),
    "storage": ("04:00", ""),
    "guest": ("08:01.0", ""),
}


def show(host, *arguments):
    done = host.host("show", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def show_json(machine, *arguments):
    said = vfio_early(machine, "show", "--json", *arguments)
    assert said.status == WELL, said.err
    return said.json


@pytest.mark.parametrize("name", SHOWN)
def test_describes(tmp_path, name):
    device, config = SHOWN[name]
    host = hosts.HOSTS[name](tmp_path / "root")
    host.config(config)
    hosts.golden(f"show-{name}", show(host, device))


def shown(machine, device):
    return [function["address"] for function in show_json(machine, device)["functions"]]


@pytest.mark.parametrize("device", ["02:00", "0000:02:00", "02:00.0", "02:00.1",
                                    "path=00:1c.0/00.0", "group=7"])
def test_one_card_is_shown_as_a_whole(tmp_path, device):
    host = hosts.desktop(tmp_path / "root")
    assert shown(host, device) == ["0000:02:00.0", "0000:02:00.1"]


def test_functions_in_groups_of_their_own_are_devices_of_their_own(tmp_path):
    """As the chipset's are; the address of the card means all of them anyway."""
    host = hosts.server(tmp_path / "root")
    assert shown(host, "3b:00.1") == ["0000:3b:00.1"]
    assert shown(host, "3b:00") == ["0000:3b:00.0", "0000:3b:00.1"]
    assert shown(host, "18:10.2") == ["0000:18:10.2"]


def test_findings_name_the_function_that_they_are_about(tmp_path):
    """Those of two groups, too."""
    text = show(hosts.server(tmp_path / "root"), "3b:00")
    for address in ("0000:3b:00.0", "0000:3b:00.1"):
        assert f"danger: {address}: the host uses it: the default route (br0)" in text
    assert text.count("IOMMU group") == 2


def test_a_bridge_of_the_chipset_is_for_no_guest(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    text = show(host, "00:00.0")
    assert text.startswith("This bridge is a part of the chipset")
    assert "vfio-early add" not in text and "qm set" not in text
    assert lines_of(text, "Config") == ["not configured"]


@pytest.mark.parametrize("device, status, words", [
    ("nvidia", USAGE, "  vfio-early show 0000:02:00.0  # NVIDIA GP106"),
    ("77:00.0", UNWANTED, '77:00.0: no device matches, bridges aside; "vfio-early list --all"'),
    ("00:1c", UNWANTED, "00:1c: no device matches, bridges aside"),
    ("10de:1c04", UNWANTED, "did you mean 10de:1c03 at 0000:01:00.0?"),
    ("colour=red", USAGE, "show: "), ("group=x", USAGE, "show: ")])
def test_not_one_device(tmp_path, device, status, words):
    done = hosts.desktop(tmp_path / "root").host("show", device)
    assert (done.returncode, done.stdout) == (status, "") and words in done.stderr


def lines_of(text, label):
    return [line.strip().removeprefix(f"{label}: ") for line in text.splitlines()
            if line.strip().startswith(f"{label}: ")]


def test_says_what_became_of_the_lines(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0\nbind 02:00.0 10de:1c03\nbind 01:00.0\n")
    host.run()
    set_driver(host, "0000:02:00.0", "vfio-pci")
    text = show(host, "02:00")
    assert lines_of(text, "Config") == ["/etc/vfio-early.conf:1: bind 02:00.0",
                                        "/etc/vfio-early.conf:2: bind 02:00.0 10de:1c03",
                                        "not configured"]
    assert lines_of(text, "VFIO") == ["/dev/vfio/7"]
    assert lines_of(text, "Result")[0].startswith("not-viable")
    assert lines_of(show(host, "01:00"), "Result")[0].startswith("refused: the firmware's display")


def test_the_file_of_iommufd(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    set_driver(host, "0000:03:00.0", "vfio-pci")
    host.path(f"{host.directories['0000:03:00.0']}/vfio-dev/vfio3").mkdir(parents=True)
    assert lines_of(show(host, "03:00"), "VFIO") == ["/dev/vfio/8 /dev/vfio/devices/vfio3"]


def test_what_is_wrong_with_the_boot_is_explained(tmp_path):
    """A listed device is "pending": see the findings. Another device has nothing to do with it."""
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0 with=functions\n")
    assert "the boot program has left no report" in show(host, "02:00")
    assert "report" not in show(host, "01:00")


def test_modules_are_those_of_the_kernel(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    assert lines_of(show(host, "02:00", *host.kernel()), "Modules")[0] == "nouveau"


def test_only_the_bus_can_be_reset(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    assert lines_of(show(host, "02:00"), "Reset") == ["none of its own; its bus can be reset"] * 2
    host.config("bind 02:00.0\n")
    assert lines_of(show(host, "02:00"), "Reset")[0] == "none"


def test_a_driver_that_is_built_in(tmp_path):
    """list does not look for it: nearly every controller of some kernels has one."""
    host = hosts.desktop(tmp_path / "root")
    host.built_in("nvme")
    kinds = [note["kind"] for note in show_json(host, "03:00")["functions"][0]["notes"]]
    assert kinds == ["in-use", "built-in"]


def test_what_the_host_may_use(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    hosts.add_thin_pool(host)
    text = show(host, "06:00")
    assert lines_of(text, "Host use") == ["perhaps active volume vmdata-tpool (dm-0)"]
    assert text.startswith("A guest can have this device: read the notes below first.")
    assert "sdf" in lines_of(text, "Attached")[0]


def test_a_drive_behind_vmd_is_for_no_guest(tmp_path):
    text = show(hosts.laptop(tmp_path / "root"), "10000:e1:00.0")
    assert "list the VMD controller instead" in text and "qm set" not in text


COMMANDS = {
    "a card": (hosts.desktop, "", "02:00", "vfio-early add 0000:02:00"),
    "a device of one function": (hosts.guest, "", "02:00", "vfio-early add 0000:02:00.0"),
    "one that is refused": (hosts.desktop, "", "01:00", None),
    "one whose group needs another command": (hosts.switch, "", "04:00", None),
    "one that is listed": (hosts.desktop, "bind 02:00.0 with=functions\n", "02:00", None),
    "one of which a part is listed": (hosts.desktop, "bind 02:00.1\n", "02:00", None),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_the_command_that_lists_it(tmp_path, case):
    make, config, device, command = COMMANDS[case]
    host = make(tmp_path / "root")
    host.config(config)
    assert show_json(host, device)["add"] == command
    if command:
        said = vfio_early(host, *command.split()[1:])
        assert said.status == WELL, said
        assert show_json(host, device)["add"] is None
        assert not [note for function in show_json(host, device)["functions"]
                    for note in function["notes"] if note["grave"]]


@pytest.mark.parametrize("make, device, remedy", [
    (hosts.desktop, "01:00", "vfio-early add 0000:01:00.0 --allow boot-display --with functions"),
    (hosts.desktop, "03:00", "vfio-early add 0000:03:00.0 --allow in-use"),
    (hosts.guest, "08:01.0", "vfio-early add 0000:08:01.0 --with group")])
def test_remedies_are_commands_that_work(tmp_path, make, device, remedy):
    """There is no line yet that a word could be written on."""
    host = make(tmp_path / "root")
    host.config("")
    assert remedy in show(host, device)
    said = vfio_early(host, *remedy.split()[1:])
    assert said.status == WELL, said
    assert vfio_early(host, "check").out.count("will be bound to vfio-pci") >= 1


def test_what_to_enter_for_a_guest(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    assert show_json(host, "02:00")["guest"] == {
        "proxmox": "qm set VMID -hostpci0 0000:02:00,pcie=1",
        "libvirt": "\n".join(
            "<hostdev mode='subsystem' type='pci' managed='no'>\n"
            "  <source><address domain='0x0000' bus='0x02' slot='0x00' "
            f"function='0x{number}'/></source>\n</hostdev>" for number in (0, 1)),
        "qemu": "-device vfio-pci,host=0000:02:00.0 -device vfio-pci,host=0000:02:00.1"}
    assert show_json(host, "03:00")["guest"]["proxmox"] == \
        "qm set VMID -hostpci0 0000:03:00.0,pcie=1"


def test_a_part_of_a_card_for_a_guest(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    for number, group in enumerate((30, 31, 31)):
        host.device(f"0000:09:00.{number}", "8086:1533", "020000", group=group, driver="igb")
    found = show_json(host, "09:00.1")
    assert found["device"] == "0000:09:00.1"
    assert found["add"] == "vfio-early add 0000:09:00.1 --with group"
    assert found["guest"]["proxmox"] == \
        "qm set VMID -hostpci0 '0000:09:00.1;0000:09:00.2,pcie=1'"


def bridge(port, acs=None):
    """The configuration space of a bridge: its port type, and ACS as (capability, control)."""
    space = bytearray(4096)
    space[14] = 1
    if port is not None:
        space[0x34] = 0x40
        space[0x40:0x44] = struct.pack("<BBH", 0x10, 0, port << 4 | 2)
    space[0x100:0x104] = struct.pack("<I", 0x140 << 20 | 1 << 16 | 1)
    if acs:
        space[0x140:0x148] = struct.pack("<IHH", 1 << 16 | 0xd, *acs)
    return bytes(space)


ROOT, UPSTREAM, DOWNSTREAM = 4, 5, 6


@pytest.mark.parametrize("space, state", [
    (bridge(ROOT), "missing"), (bridge(DOWNSTREAM), "missing"), (bridge(UPSTREAM), None),
    (bridge(DOWNSTREAM, (0x1d, 0)), "off"), (bridge(DOWNSTREAM, (0x1f, 0x1d)), None),
    (bridge(DOWNSTREAM, (0x01, 0x01)), None), (bridge(None), "conventional"),
    (bridge(7), "conventional"), (bridge(DOWNSTREAM)[:64], "unknown"), (b"", "unknown"),
    (b"\xff" * 4096, "conventional")],
    ids=["root port", "downstream port", "upstream port", "off", "on", "not capable",
         "conventional bridge", "bridge to conventional PCI", "an ordinary user", "no space",
         "a bridge that is gone"])
def test_which_bridge_makes_the_group_large(tmp_path, space, state):
    host = hosts.switch(tmp_path / "root")
    for address, directory in host.directories.items():
        host.write(f"{directory}/config", bridge(UPSTREAM))
        if address == "0000:02:01.0":
            host.write(f"{directory}/config", space)
    (group,) = show_json(host, "04:00")["groups"]
    assert group["bridges"] == ([{"address": "0000:02:01.0", "acs": state}] if state else [])
    assert ("0000:02:01.0 " in show(host, "04:00").partition("  bridge")[2]) == \
        (state in ("missing", "off", "conventional"))


def test_the_bridges_of_a_small_group_are_of_no_interest(tmp_path):
    host = hosts.switch(tmp_path / "root")
    for address in ("0000:03:00.0", "0000:05:00.0"):
        host.path(f"{host.directories[address]}/iommu_group").unlink()
    assert not show_json(host, "04:00")["groups"][0]["bridges"]
    assert "bridge" not in show(host, "04:00").lower()


# What only check looks at, for what is listed; and what is of interest before there is a line.
OF_CHECK = {"driver", "built-in"}


@pytest.mark.parametrize("name", hosts.HOSTS)
def test_notes_are_what_check_finds_of_a_line(tmp_path, name):
    """The same rules, for each device of each host."""
    host = hosts.HOSTS[name](tmp_path / "root")
    host.config("")
    devices = vfio_early(host, "list", "--json").json["functions"]
    for device in devices:
        if device["class"] in ("ISA bridge", "Host bridge"):
            continue
        host.config("")
        found = show_json(host, device["address"])["functions"]
        host.config("".join(f"bind {function['address']} allow=boot-display allow=in-use\n"
                            for function in found))
        said = vfio_early(host, "check", "--json").json
        expected = {danger["kind"] for danger in said["dangers"]
                    if danger["address"] == device["address"]} - OF_CHECK
        assert {note["kind"] for note in device["notes"]
                if note["kind"] != "group" or note["grave"]} == expected, device


@pytest.mark.parametrize("name", realmachines.NAMES[::5])
def test_list_and_show_agree_on_real_machines(tmp_path, name):
    machine = realmachines.read(name).build(tmp_path / "root")
    machine.config("")
    listed = vfio_early(machine, "list", "--json").json["functions"]
    for device in listed[:: len(listed) // 4 + 1]:
        if device["class"] in ("ISA bridge", "Host bridge"):
            continue
        found = {function["address"]: function
                 for function in show_json(machine, device["address"])["functions"]}
        notes = found[device["address"]]["notes"]
        assert [note for note in notes if note["kind"] not in OF_CHECK] == device["notes"]
        verdict = vfio_early(machine, "show", device["address"]).out.partition("\n")[0]
        grave = sum(note["grave"] for function in found.values() for note in function["notes"])
        assert verdict.startswith(f"{grave} danger" if grave else "A guest can have") or \
            "virtual-function" in [note["kind"] for note in notes], verdict


def test_what_the_host_needs_is_refused_as_status_refuses_it(tmp_path):
    """A line for the disk with / is not to be bound at once, and list agrees."""
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 03:00.0\n")
    (line,) = vfio_early(host, "show", "03:00.0", "--json").json["lines"]
    assert line["result"] == "refused" and "bind 0000:03" not in line["next"]
    (row,) = [row for row in vfio_early(host, "list", "--json").json["functions"]
              if row["address"] == "0000:03:00.0"]
    assert (row["target"], row["result"]) == (None, "refused")
