# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early import: test/import/ has what each recipe leaves on a machine, and broken ones."""

import random
import re
import shutil
import subprocess
from pathlib import Path

import hosts
import pytest
from cli import ENVIRONMENT, PROGRAM, UNWANTED, WELL
from machine import TOP

SOURCES = TOP / "test/import"
DROPIN = "etc/vfio-early.conf.d/imported.conf"
CARD, SOUND, NVME, NIC = "0000:02:00.0", "0000:02:00.1", "0000:03:00.0", "0000:00:1f.6"


@pytest.fixture
def host(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.attribute("0000:00:1c.0", "secondary_bus_number", 2)
    host.attribute("0000:00:00.0", "secondary_bus_number", "nonsense")
    return host


def use(host, source):
    shutil.copytree(SOURCES / source, host.root, dirs_exist_ok=True)


def addresses(text):
    return re.findall(r"^bind (\S+)", text, re.M)


def removals(done):
    """What is to be deleted, as PLACE: WORDS."""
    return [line[3:].replace(", delete: ", ": ").rpartition(" (")[0]
            for line in done.stderr.splitlines() if line.startswith("in /")]


def understood(host, text):
    """The parser refuses no line of it."""
    host.config(text, DROPIN)
    done = host.host("check")
    assert done.returncode != 3, done.stderr
    host.path(DROPIN).unlink()


# what is listed; how it ends; what is to be deleted afterwards
RECIPES = {
    "modprobe": ([CARD, SOUND], 0, [
        "/etc/modprobe.d/blacklist.conf:1: blacklist nouveau",
        "/etc/modprobe.d/blacklist.conf:2: blacklist nvidiafb",
        "/etc/modprobe.d/vfio.conf:2: ids=10de:1c03,10de:10f1",
        "/etc/modprobe.d/vfio.conf:3: softdep nouveau pre: vfio-pci",
        "/etc/modprobe.d/vfio.conf:4: softdep snd_hda_intel pre: vfio-pci",
        "/etc/modules:2: vfio", "/etc/modules:3: vfio_iommu_type1", "/etc/modules:4: vfio_pci",
        "/etc/modules:5: vfio_virqfd", "/etc/initramfs-tools/modules:1: vfio_pci ids=10de:1c03",
        "/etc/default/grub:2: vfio-pci.ids=10de:1c03"]),
    "driverctl": ([CARD, SOUND], 1, ["/etc/driverctl.d/pci-0000:02:00.0: vfio-pci",
                                     "/etc/driverctl.d/pci-0000:02:00.1: vfio-pci"]),
    "unraid": ([CARD, SOUND], 0, [
        '/boot/config/vfio-pci.cfg:1: BIND="0000:02:00.0|10de:1c03 10de:10f1|0000:02:00.1 '
        '0000:09:00.0|8086:1533"']),
    "proxmox": ([CARD, NVME], 0, []),
    "guests": ([NIC, CARD], 1, []),
    "libvirt": ([CARD, SOUND, NIC], 0, []),
    "qubes": ([CARD, SOUND], 0, [
        "/proc/cmdline: rd.qubes.hide_pci=02:00.0,00_1c.0-00_00.1"]),
    "truenas": ([CARD, SOUND], 0, [
        "/etc/modprobe.d/nvidia.conf:1: softdep nouveau pre: vfio-pci",
        "/etc/modprobe.d/nvidia.conf:2: softdep nvidia pre: vfio-pci",
        "/etc/modprobe.d/nvidia.conf:3: softdep nvidia* pre: vfio-pci",
        "/etc/initramfs-tools/scripts/init-top/truenas_bind_vfio.sh:3: "
        'DEVS="0000:02:00.0 0000:02:00.1"',
        "/etc/initramfs-tools/scripts/init-top/truenas_bind_vfio.sh:5: "
        'do echo "vfio-pci" > /sys/bus/pci/devices/$DEV/driver_override']),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes(host, recipe):
    listed, status, relics = RECIPES[recipe]
    use(host, recipe)
    before = host.snapshot()
    done = host.host("import")
    # ids= takes both cards of that model; the twin is listed as well.
    found = [address for address in addresses(done.stdout) if not address.startswith("0000:01:")]
    assert (found, done.returncode) == (listed, status), done
    assert removals(done) == relics
    assert host.snapshot() == before
    understood(host, done.stdout)


def test_the_lines_are_those_of_add(host):
    use(host, "list")
    done = host.host("import", str(SOURCES / "list/devices.txt"))
    line = next(line for line in done.stdout.splitlines() if line.startswith(f"bind {CARD}"))
    host.path("etc").mkdir(exist_ok=True)
    host.host("add", CARD)
    assert host.read("etc/vfio-early.conf") == f"{line}\n"


def test_an_id_of_two_devices_is_a_line_each(host):
    use(host, "modprobe")
    done = host.host("import")
    assert addresses(done.stdout)[:2] == ["0000:01:00.0", CARD]
    assert "# /etc/modprobe.d/vfio.conf:2: 10de:1c03\n" in done.stdout
    assert "danger: 0000:01:00.0: the firmware's display is on it" in done.stderr


def test_what_is_not_there_is_a_comment(host):
    use(host, "unraid")
    done = host.host("import")
    assert "# /boot/config/vfio-pci.cfg:1: 0000:09:00.0|8086:1533: no such device on this " \
        "machine\n" in done.stdout


def test_another_device_in_its_place(host):
    host.write("boot/config/vfio-pci.cfg", "BIND=0000:02:00.0|8086:1533\n")
    done = host.host("import")
    assert done.returncode == UNWANTED and not addresses(done.stdout)


@pytest.mark.parametrize("ids, listed", [
    ("10de:1c03:1458:3702", 2), ("10de:1c03:1458", 2), ("10de:1c03:ffffffff:3702", 2),
    ("10de:1c03:1458:3703", 0), ("10de:1c03:ffffffff:ffffffff:030000:ffff00", 2),
    ("10de:1c03:ffffffff:ffffffff:040000:ffff00", 0), ("10DE:1C03", 2), ('"10de:1c03"', 2),
])
def test_ids_as_the_kernel_reads_them(host, ids, listed):
    host.write("etc/modprobe.d/x.conf", f"options vfio_pci ids={ids}\n")
    assert len(addresses(host.host("import").stdout)) == listed


def test_a_name_as_systemd_escapes_it(host):
    host.write("etc/driverctl.d/pci-0000\\x3a02\\x3a00.1", "vfio-pci\n")
    host.write("etc/driverctl.d/pci-\\xzz\\x", "vfio-pci\n")
    done = host.host("import")
    assert addresses(done.stdout) == [SOUND] and "\\xzz\\x: not a PCI address" in done.stdout


def test_a_line_that_goes_on(host):
    host.write("etc/modprobe.d/x.conf", "# here\noptions vfio-pci \\\n  ids=10de:10f1\n")
    done = host.host("import")
    assert addresses(done.stdout) == ["0000:01:00.1", SOUND]
    assert "# /etc/modprobe.d/x.conf:2: 10de:10f1" in done.stdout


def test_modules_of_debian_are_told_once(host):
    """It has a link to /etc/modules in modules-load.d; any other file there is one of its own."""
    host.write("etc/driverctl.d/pci-0000:01:00.0", "vfio-pci\n")
    host.write("etc/modules", "vfio_pci\n")
    host.path("etc/modules-load.d").mkdir()
    host.path("etc/modules-load.d/modules.conf").symlink_to("../modules")
    host.write("etc/modules-load.d/vfio.conf", "vfio_pci\n")
    assert [line.split(": ")[0] for line in removals(host.host("import"))] == [
        "/etc/modules:1", "/etc/modules-load.d/vfio.conf:1",
        "/etc/driverctl.d/pci-0000:01:00.0"]


@pytest.mark.parametrize("write", [(), ("--write",)])
def test_a_mapping_of_another_node(host, write):
    use(host, "proxmox")
    done = host.host("import", *write)
    assert "left out: /etc/pve/mapping/pci.cfg:" in done.stderr
    assert ": of another node\n" in done.stderr and done.returncode == WELL


def test_mappings_of_other_nodes_alone(host):
    use(host, "proxmox")
    host.write("etc/hostname", "pve3.example.org\n")
    done = host.host("import")
    assert (addresses(done.stdout), done.returncode) == ([], UNWANTED)


# {a line of a file: the words of it that are to be deleted}
EXACT_WORDS = {
    "etc/default/grub": ('A="quiet intel_iommu=on vfio-pci.ids=10de:1c03"',
                         "vfio-pci.ids=10de:1c03"),
    "etc/modprobe.d/a.conf": ("options vfio-pci ids=10de:1c03", "options vfio-pci ids=10de:1c03"),
    "etc/modprobe.d/b.conf": ("options vfio-pci disable_vga=1 ids=10de:10f1", "ids=10de:10f1"),
    "etc/modprobe.d/c.conf": ("options vfio-pci disable_vga=1 bad_ids=1", None),
    "etc/modprobe.d/d.conf": ("softdep nvidia pre: vfio-pci i2c_core vfio", "vfio-pci vfio"),
    "etc/modprobe.d/e.conf": ("softdep nvidia pre: vfio-pci", "softdep nvidia pre: vfio-pci"),
    "etc/dracut.conf.d/a.conf": ('add_drivers+=" vfio_pci e1000e vfio "', "vfio_pci vfio"),
    "etc/dracut.conf.d/b.conf": ('force_drivers+=" vfio_pci "', 'force_drivers+=" vfio_pci "'),
    "etc/systemd/system/a.service": (
        "ExecStart=/bin/sh -c 'echo vfio-pci >/sys/bus/pci/devices/0000:02:00.0/driver_override'",
        "ExecStart=/bin/sh -c 'echo vfio-pci >/sys/bus/pci/devices/0000:02:00.0/driver_override'"),
    "etc/systemd/system/b.service": ("Description=driver_override", None),
    "etc/rc.local": ("echo 10de 1c03 >/sys/bus/pci/drivers/vfio-pci/new_id",
                     "echo 10de 1c03 >/sys/bus/pci/drivers/vfio-pci/new_id"),
}


def test_what_is_deleted_from_a_line(host):
    """The exact words; what else the line has stays."""
    for path, (line, _) in EXACT_WORDS.items():
        host.write(path, f"{line}\n")
    done = host.host("import")
    assert sorted(removals(done)) == sorted(
        f"/{path}:1: {words}" for path, (_, words) in EXACT_WORDS.items() if words)
    assert done.stderr.count('after "vfio-early apply" and a successful reboot, delete') == 1


def test_words_that_only_the_running_kernel_has(host):
    """A longer word in a boot loader's file is another word."""
    host.write("etc/default/grub", 'A="vfio-pci.ids=10de:1c03,10de:10f1 vfio-pci.ids=1:2"\n')
    host.cmdline("quiet vfio-pci.ids=10de:1c03 vfio-pci.ids=1:2 rd.driver.pre=vfio-pci")
    assert [words for words in removals(host.host("import")) if words.startswith("/proc")] == [
        "/proc/cmdline: vfio-pci.ids=10de:1c03", "/proc/cmdline: rd.driver.pre=vfio-pci"]


def lines(done):
    """What import prints, without paths and names."""
    return [re.sub(" path=\\S+|  #.*", "", line) for line in done.stdout.splitlines()[1:]]


def test_guests_of_proxmox(host):
    """Snapshots, changes that are pending, and guests of other nodes do not count."""
    use(host, "guests")
    done = host.host("import")
    one, two = (f"# guest {guest}, /etc/pve/nodes/pve1/qemu-server/{guest}.conf"
                for guest in (100, 101))
    assert lines(done) == [
        "# /etc/pve/mapping/pci.cfg:2: 0000:00:1f.6",
        f"bind {NIC} 8086:15b7",
        "# /etc/pve/mapping/pci.cfg:5: id=8086:15b7,iommugroup=5,node=pve2,path=0000:09:00.0: "
        "of another node",
        f"{one}:4: 0000:02:00",
        f"bind {CARD} 10de:1c03 with=functions",
        f"{one}:5: 0000:00:1f.6",
        f"# {NIC}: listed above",
        f"{one}:6: 0000:01:00.0,mdev=nvidia-63: a mediated device, which needs its host driver",
        f"{two}:1: 0000:02:00.0",
        f"# {CARD}: listed above",
        f"{two}:1: 02:00.1",
        f"# {SOUND}: listed above",
        f"{two}:2: mapping=nothing: no such mapping for this node",
        f"{two}:3: mapping=other: no such mapping for this node",
        f"{two}:4: pcie=1: no device is named",
        f"{two}:5: zz:00.0: not a PCI address",
    ]
    assert done.stderr.endswith("the guests' configuration stays as it is: delete nothing there\n")


def test_guests_where_the_cluster_links_them(host):
    host.write("etc/pve/qemu-server/7.conf", "hostpci0: 02:00\n")
    done = host.host("import")
    assert (addresses(done.stdout), done.returncode) == ([CARD], WELL)
    assert "# guest 7, /etc/pve/qemu-server/7.conf:1: 02:00\n" in done.stdout


def test_guests_of_libvirt(host):
    use(host, "libvirt")
    place = "# guest win10, /etc/libvirt/qemu/win10.xml"
    assert lines(host.host("import")) == [
        f"{place}:14: {CARD}, managed=yes", f"bind {CARD} 10de:1c03",
        f"{place}:20: {SOUND}, managed=no", f"bind {SOUND} 10de:10f1",
        f"{place}:32: {NIC}, managed=no", f"bind {NIC} 8086:15b7",
    ]


HOSTDEV = """<domain><name>a</name><devices>\n<hostdev type='pci'><source>
<address {}/></source></hostdev></devices></domain>"""


@pytest.mark.parametrize("xml, problem", [
    ("", "not a definition that libvirt wrote"),
    ("<domain><devices>", "not a definition that libvirt wrote"),
    ("<network/>", None),
    ("<domain/>", None),
    (HOSTDEV.format(""), "hostdev, managed=no: not a PCI address"),
    (HOSTDEV.format("bus='2' slot='32' function='0'"), "hostdev, managed=no: not a PCI address"),
    (HOSTDEV.format("bus='0x2z' slot='0' function='0'"), "hostdev, managed=no: not a PCI address"),
    (HOSTDEV.format("domain='-1' bus='2' slot='0' function='0'"), "not a PCI address"),
    (HOSTDEV.format("bus='2' slot='0' function='0'").replace("<source>", "<target>")
     .replace("</source>", "</target>"), "hostdev, managed=no: not a PCI address"),
])
def test_broken_guests_of_libvirt(host, xml, problem):
    host.write("etc/libvirt/qemu/a.xml", xml)
    done = host.host("import")
    assert addresses(done.stdout) == []
    assert (done.returncode, problem is None) in ((UNWANTED, False), (WELL, True))
    assert not problem or problem in done.stdout


@pytest.mark.parametrize("entity", ["SYSTEM 'file://{secret}'", "SYSTEM 'http://127.0.0.1:9/'",
                                    "'bus=\"2\"'"])
def test_a_guest_of_libvirt_reads_no_other_file(host, entity):
    """An entity or a DTD is never loaded: a document with one is refused."""
    secret = host.write("secret", "secret") or host.path("secret")
    entity = entity.format(secret=secret)
    guest = HOSTDEV.format("bus='2' slot='0' function='0'").replace("<name>a", "<name>&x;")
    host.write("etc/libvirt/qemu/a.xml", f"<!DOCTYPE domain [<!ENTITY x {entity}>]>{guest}")
    host.write("etc/libvirt/qemu/b.xml", f"<!DOCTYPE domain SYSTEM 'file://{secret}'>{guest}")
    done = subprocess.run(["strace", "-f", "-e", "trace=open,openat,socket,connect", PROGRAM,
                           "import", "--root", host.root], capture_output=True, text=True,
                          check=False)
    assert done.stdout.count(": not a definition that libvirt wrote\n") == 2
    assert "a.xml" in done.stderr and "secret" not in done.stderr + done.stdout
    assert "socket(" not in done.stderr


def test_a_card_of_which_a_function_is_listed(host):
    """The others get a line each: with=functions would list that one twice."""
    host.config(f"bind {SOUND}\n")
    host.write("etc/pve/qemu-server/7.conf", "hostpci0: 02:00\n")
    assert lines(host.host("import"))[1:] == [
        f"bind {CARD} 10de:1c03", f"# {SOUND}: another line of the config lists it"]


def test_a_card_of_another_model_gives_none_of_its_functions(host):
    host.write("etc/pve/mapping/pci.cfg", "x\n\tmap id=8086:1533,path=0000:02:00\n")
    assert addresses(host.host("import").stdout) == []


def test_bridges_stay(host):
    host.cmdline("rd.qubes.hide_pci=00:1c.0")
    done = host.host("import")
    assert "a bridge stays with the host" in done.stdout and not addresses(done.stdout)


def test_what_is_listed_already(host):
    host.config(f"bind {CARD}\n")
    use(host, "truenas")
    done = host.host("import")
    assert addresses(done.stdout) == [SOUND]
    assert f"# {CARD}: another line of the config lists it\n" in done.stdout


@pytest.mark.parametrize("file, listed", [
    ("list/devices.txt", [CARD, SOUND, "0000:01:00.0"]),
    ("unraid/boot/config/vfio-pci.cfg", [CARD, SOUND]),
    ("proxmox/etc/pve/mapping/pci.cfg", [CARD, NVME]),
    ("guests/etc/pve/nodes/pve1/qemu-server/100.conf", [CARD]),
    ("libvirt/etc/libvirt/qemu/win10.xml", [CARD, SOUND, NIC]),
    ("modprobe/etc/modprobe.d/vfio.conf", ["0000:01:00.0", CARD, "0000:01:00.1", SOUND]),
])
def test_a_file_that_is_named(host, file, listed):
    assert addresses(host.host("import", str(SOURCES / file)).stdout) == listed


def test_a_file_that_is_not_there(host):
    done = host.host("import", "/no/such/file")
    assert done.returncode == ENVIRONMENT and "No such file" in done.stderr


def test_nothing_to_import(host):
    done = host.host("import")
    assert (done.returncode, done.stdout) == (WELL, "")
    assert "no other tool lists a device" in done.stderr


def test_leftovers_without_a_device(host):
    """check counts them, so import prints them; Proxmox VE's own file is none."""
    host.write("etc/modprobe.d/a.conf", "blacklist nouveau\n")
    host.write("etc/modprobe.d/pve-blacklist.conf", "blacklist nvidiafb\n")
    done = host.host("import")
    assert (done.returncode, done.stdout) == (WELL, "")
    assert removals(done) == ["/etc/modprobe.d/a.conf:1: blacklist nouveau"]


def test_write(host):
    use(host, "truenas")
    printed = host.host("import").stdout
    done = host.host("import", "--write")
    assert done.returncode == WELL, done
    assert done.stdout == f"/{DROPIN}: 2 devices; next: vfio-early check\n"
    assert host.read(DROPIN) == printed
    assert host.host("import", "--write").returncode == WELL


def test_write_replaces_nothing(host):
    use(host, "truenas")
    host.config("# mine\n", DROPIN)
    done = host.host("import", "--write")
    assert done.returncode == ENVIRONMENT and "another content" in done.stderr
    assert host.read(DROPIN) == "# mine\n"
    assert [path.name for path in host.path(DROPIN).parent.iterdir()] == ["imported.conf"]


def test_broken_recipes(host):
    use(host, "broken")
    done = host.host("import")
    assert done.returncode == UNWANTED, done
    assert "\033" not in done.stdout + done.stderr
    assert addresses(done.stdout) == ["0000:01:00.0", CARD]
    for words in ("10de:: not a vendor:device ID", "10de:zzzz: not a", "fffff:1: not a",
                  "10de:1c03:1:2:3:4:5: not a", "pci-nonsense: nonsense: not a PCI address",
                  "zz:00: not a PCI address", "00_: neither", "10de:9999: no such device",
                  "a bridge on this path does not exist"):
        assert words in done.stdout, words
    understood(host, done.stdout)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_recipes(host, seed):
    """Whatever is in them: no crash, and no line that the parser refuses."""
    dice = random.Random(seed)
    for recipe in RECIPES:
        use(host, recipe)
    for path in [path for source in RECIPES for path in (SOURCES / source).rglob("*")
                 if path.is_file()]:
        copy = host.root.joinpath(*path.relative_to(SOURCES).parts[1:])
        data = bytearray(path.read_bytes())
        for _ in range(dice.randrange(1, 6)):
            place = dice.randrange(len(data))
            data[place:place + dice.randrange(4)] = dice.randbytes(dice.randrange(4))
        Path(copy).write_bytes(data)
    done = host.host("import")
    assert done.returncode in (WELL, UNWANTED), done
    understood(host, done.stdout)


def test_a_description_that_ends_with_a_backslash(tmp_path):
    """Only modprobe.d and scripts join lines so: the device below it would be lost."""
    host = hosts.desktop(tmp_path / "root")
    host.write("etc/pve/qemu-server/100.conf", "#note C:\\backup\\\nhostpci0: 0000:02:00\n")
    said = host.host("import")
    assert "bind 0000:02:00.0" in said.stdout, said
