# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early capture: a copy of a machine is listed and checked as the machine itself is."""

import glob
import os
import re
import subprocess

import hosts
import pytest
from cli import ENVIRONMENT, PROGRAM, UNWANTED, USAGE, WELL, set_driver, vfio_early

CONFIG = "bind 02:00.0\nbind 03:00.0\nbind 5e:00.0\nbind 10000:e1:00.0\nbind 00:14.0\n" \
    "bind 3b:00.0\nbind 01:00.0\n"
COMMANDS = (["list", "-a", "-o", "all"], ["check"], ["check", "--json"], ["status"],
            ["status", "--json"], ["import"])


def add_names(host):
    """Names are the machine's that looks, not of the one that was taken."""
    host.path("usr/share/misc").mkdir(parents=True)
    host.path("usr/share/misc/pci.ids").write_bytes(hosts.PCI_IDS.read_bytes())


def run_all(host):
    return [(command[0], done.stdout, done.stderr, done.returncode)
            for command, done in ((command, host.host(*command)) for command in COMMANDS)]


@pytest.mark.parametrize("anonymous", [False, True], ids=["as it is", "anonymous"])
@pytest.mark.parametrize("name", hosts.HOSTS)
def test_a_captured_machine_is_like_the_machine(tmp_path, name, anonymous):
    host = hosts.HOSTS[name](tmp_path / "root")
    host.config(CONFIG)
    if name == "desktop":
        hosts.add_thin_pool(host)
        hosts.add_network_that_is_up(host)
    host.write("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="vfio-pci.ids=10de:1c03"\n')
    host.write("usr/sbin/update-grub", "")
    host.run()
    if name == "desktop":
        set_driver(host, "0000:01:00.0", "vfio-pci")
    said = vfio_early(host, "capture", tmp_path / "copy", *["--anonymous"] * anonymous)
    assert said.status == WELL and said.err == "", said
    before = run_all(host)
    host.root = tmp_path / "copy"
    add_names(host)
    for then, now in zip(before, run_all(host)):
        serials = re.compile(r"([0-9a-f]{2}-){7}[0-9a-f]{2}")
        then, now = ([serials.sub("SERIAL", str(part)) for part in parts]
                     for parts in (then, now))
        assert now == then


def test_this_machine(tmp_path):
    """Whatever it has; an ordinary user cannot read all of it."""
    done = subprocess.run([PROGRAM, "capture", tmp_path / "copy"], capture_output=True, text=True,
                          check=False)
    assert done.returncode in (WELL, UNWANTED), done
    if not os.path.isdir("/sys/bus/pci/devices"):
        return
    # A copy in which nothing can be reset may lack the attributes.
    resets = glob.glob("/sys/bus/pci/devices/*/reset*")
    columns = "all" if resets else "address,attached,driver,group,id,class,path,use,vfs,display"
    for command in (["list", "--json", "-a", "-o", columns], ["check", "--json"]):
        now, then = (subprocess.run([PROGRAM, *command, *root], capture_output=True, text=True,
                                    check=False).stdout
                     for root in ((), ("--root", tmp_path / "copy")))
        assert len(now) > 100
        # The kernel of a copy is the one that has modules there.
        assert re.sub('"kernel": .*', "", then) == re.sub('"kernel": .*', "", now)


def files(root):
    """{path: content}, for links their text."""
    return {str(path.relative_to(root)):
            os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            for path in root.rglob("*") if path.is_symlink() or path.is_file()}


SECRETS = {
    "a disk": "S5H9NS0N700123", "its WWN": "eui.0025385791b01caa", "a NIC": "3c:7c:3f:aa:bb:cc",
    "a PCI device": "00-1b-21-ff-ff-a5-6c-0c", "an interface": "enx3c7c3faabbcc",
    "a wireless one": "wlx3c7c3faabbcd",
    "a keyboard": "f4:73:35:11:22:33", "the machine": "0123456789abcdef0123456789abcdef",
}


@pytest.fixture
def secret_host(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.device("0000:09:00.0", "8086:10d3", "020000", group=30, driver="e1000e",
                serial=SECRETS["a PCI device"])
    host.interface(SECRETS["an interface"], "0000:09:00.0")
    host.write(f"sys/class/net/{SECRETS['an interface']}/address", SECRETS["a NIC"] + "\n")
    host.write("sys/class/net/enp0s31f6/address", SECRETS["a NIC"].upper() + "\n")
    host.config(f"bind serial={SECRETS['a PCI device']}\n")
    model = f"Samsung_SSD_970_{SECRETS['a disk']}"
    host.write(f"run/udev/data/b{host.number('nvme0n1')}",
               f"S:disk/by-id/nvme-{model}\nE:ID_SERIAL={model}\nE:ID_FS_TYPE=ext4\n"
               f"E:ID_SERIAL_SHORT={SECRETS['a disk']}\nE:ID_WWN={SECRETS['its WWN']}\n")
    host.cmdline(f"root=/dev/disk/by-id/nvme-{model}-part2 x={SECRETS['its WWN']} y=00000000 "
                 f"z={SECRETS['a disk'].lower()} ifname=lan:{SECRETS['a wireless one']}")
    host.append("proc/bus/input/devices", f"U: Uniq={SECRETS['a keyboard']}\n")
    host.virtual("dm-0", dm_name=SECRETS["its WWN"])
    host.write("etc/machine-id", SECRETS["the machine"] + "\n")
    host.write(f"boot/loader/entries/{SECRETS['the machine']}-6.1.conf", "linux /vmlinuz\n")
    host.link(f"dev/mapper/{SECRETS['its WWN']}", "dev/dm-0")
    return host


def test_anonymous(secret_host, tmp_path):
    """No secret in any content, name or link; and no MAC address but ours."""
    host = secret_host
    copies = []
    for number in range(2):
        assert vfio_early(host, "capture", tmp_path / str(number), "--anonymous").status == WELL
        copies.append(files(tmp_path / str(number)))
    assert copies[0] == copies[1], "the fakes are not stable"
    found = b"\n".join(path.encode() + b"\n" + content for path, content in copies[0].items())
    number = int(SECRETS["a PCI device"].replace("-", ""), 16).to_bytes(8, "little")
    for secret in [*map(str.encode, SECRETS.values()), number]:
        assert secret.lower() not in found.lower(), secret
    assert b"root=/dev/disk/by-id/nvme-serial-" in found and b"y=00000000" in found
    macs = set(re.findall(rb"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", found))
    assert len(macs) == 2 and all(mac.startswith(b"02:00:00:00:00:") for mac in macs)
    fake = copies[0]["sys/class/net/enp0s31f6"]
    assert fake and b"ID_FS_TYPE=ext4" in found


def test_what_belongs_together_stays_together(secret_host, tmp_path):
    """A line with serial= selects its device in the copy, and the route is found on its NIC."""
    host = secret_host
    host.route(SECRETS["an interface"])
    assert vfio_early(host, "capture", tmp_path / "copy", "--anonymous").status == WELL
    plain = vfio_early(host, "check", "--json").json["lines"][0]["devices"]
    host.root = tmp_path / "copy"
    line = vfio_early(host, "check", "--json").json["lines"][0]
    assert line["statement"] == "bind serial=00-00-00-00-00-00-00-" + line["statement"][-2:]
    assert [device["address"] for device in line["devices"]] == \
        [device["address"] for device in plain] == ["0000:09:00.0"]
    assert "the default route (enx0200000000" in line["devices"][0]["reason"]


def test_what_is_attached(tmp_path):
    """list and show print it."""
    host = hosts.desktop(tmp_path / "root")
    paths = {f"sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/{name}": "x" for name in (
        "product", "manufacturer", "idVendor", "idProduct", "bDeviceClass")}
    paths["sys/devices/pci0000:00/0000:00:02.0/drm/card9/card9-DP-9/status"] = "connected"
    paths["sys/devices/pci0000:00/0000:00:17.0/ata1/block/sdx/size"] = "42"
    paths["sys/devices/pci0000:00/0000:00:17.0/ata1/model"] = "ST8000"
    for path, text in paths.items():
        host.write(path, f"{text}\n")
    if not host.path("sys/class/drm/card9-DP-9").is_symlink():
        host.link("sys/class/drm/card9-DP-9",
                  "sys/devices/pci0000:00/0000:00:02.0/drm/card9/card9-DP-9")
    host.link("sys/class/block/sdx", "sys/devices/pci0000:00/0000:00:17.0/ata1/block/sdx")
    host.link("sys/devices/pci0000:00/0000:00:17.0/ata1/block/sdx/device",
              "sys/devices/pci0000:00/0000:00:17.0/ata1")
    assert vfio_early(host, "capture", tmp_path / "copy").status == WELL
    found = files(tmp_path / "copy")
    assert {path: found[path].decode().strip() for path in paths} == paths
    host.root = tmp_path / "copy"
    assert host.read("sys/class/block/sdx/device/model") == "ST8000\n"


def test_a_disk_that_a_guest_has_open(tmp_path):
    """And nothing else that processes have open."""
    host = hosts.desktop(tmp_path / "root")
    hosts.add_hba(host)
    host.config("bind 06:00.0\n")
    for process, name in (("4242", "qemu-system-x86"), ("77", "sh")):
        host.write(f"proc/{process}/comm", f"{name}\n")
        host.path(f"proc/{process}/fd").mkdir()
        host.path(f"proc/{process}/fd/0").symlink_to("/dev/null")
        host.path(f"proc/{process}/fd/1").symlink_to("/home/me/secret")
    host.path("proc/4242/fd/11").symlink_to("/dev/sdf")
    assert vfio_early(host, "capture", tmp_path / "copy").status == WELL
    before = host.host("check", "--json").stdout
    host.root = tmp_path / "copy"
    add_names(host)
    assert "open in qemu-system-x86 (sdf)" in before == host.host("check", "--json").stdout
    assert [path.name for path in host.path("proc/4242/fd").iterdir()] == ["11"]
    assert not host.path("proc/77").exists()


def test_links_stay_in_the_copy(tmp_path):
    """An absolute link, one that leaves the root, a loop, and one that leads nowhere."""
    host = hosts.desktop(tmp_path / "root")
    host.write("usr/share/grub", "x\n")
    for name, target in (("absolute", "/usr/share/grub"),
                         ("relative", "../" * 9 + "usr/share/grub"),
                         ("loop", "loop.conf"), ("nowhere", "/no/such")):
        host.path("etc/modprobe.d").mkdir(parents=True, exist_ok=True)
        host.path(f"etc/modprobe.d/{name}.conf").symlink_to(target)
    said = vfio_early(host, "capture", tmp_path / "copy")
    copy = tmp_path / "copy/etc/modprobe.d"
    assert said.status == WELL and said.err == "", said
    assert (copy / "absolute.conf").read_text() == "x\n"
    assert (tmp_path / "copy/usr/share/grub").read_text() == "x\n"
    assert not any(os.readlink(path).startswith("/") for path in copy.iterdir())


def test_what_cannot_be_taken_is_named(tmp_path):
    """A file that is too large; a FIFO is left alone."""
    host = hosts.desktop(tmp_path / "root")
    with host.path("proc/interrupts").open("wb") as file:
        file.truncate((16 << 20) + 1)
    host.path("etc/modules").parent.mkdir(exist_ok=True)
    os.mkfifo(host.path("etc/modules"))
    said = vfio_early(host, "capture", tmp_path / "copy")
    assert said.status == UNWANTED
    assert said.err == "vfio-early: /proc/interrupts: not taken: larger than 16 MiB\n"
    assert not (tmp_path / "copy/etc/modules").exists()


@pytest.mark.parametrize("directory, status, words", [
    ("", USAGE, "cannot be made: File exists; name a new directory"),
    ("no/such", ENVIRONMENT, "cannot be made: No such file or directory")])
def test_takes_no_directory_that_is_there(tmp_path, directory, status, words):
    host = hosts.desktop(tmp_path / "root")
    before = host.snapshot()
    said = vfio_early(host, "capture", tmp_path / directory)
    assert said.status == status and words in said.err and host.snapshot() == before
