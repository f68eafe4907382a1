# SPDX-License-Identifier: GPL-2.0-or-later
"""Knows QEMU: the only file with its arguments, from 7.2 on.

A machine is a q35 with an Intel IOMMU under software emulation; VM_ACCEL=kvm changes that
where KVM works. Devices are placed by the address that the guest will see, as a case
writes it:

    00:05.0   on the root bus; two functions of one slot make a multifunction card
    01:00.0   behind the first PCI Express root port, 02:00.0 behind the second, ...

unless the machine has bridges of its own: each of these is placed like a device, and leads to
the bus that the firmware gives it, which numbers them depth first. (A pxb-pcie leads to a
root bus, which has the number that it asks for.)

The guest is watched by progress: one whose console says nothing new for a while is hung.
"""

import dataclasses
import functools
import os
import pathlib
import re
import select
import subprocess
import time

PATIENCE = int(os.environ.get("VM_PATIENCE", "150"))  # seconds without a new line
CONSOLE_MAX = 8 << 20  # a guest that says more than this goes round in circles
MEMORY = 1024
INNER_MEMORY = 256
ROOT_PORTS = (
    0x10  # devices of the root bus from here on are root ports: 00:10.0 leads to bus 1
)
ROOT_DISK = "00:1e"
ROOTS = {  # what the disk with the root file system can be
    "root-ahci": ["ich9-ahci,id=ahci", "ide-hd,bus=ahci.0,drive=root"],
    "root-disk": ["virtio-blk-pci,drive=root,disable-legacy=off"],
    "root-nvme": ["nvme,drive=root,serial=root"],
}
IOMMUS = {
    "intel": ["-device", "intel-iommu,intremap=on,caching-mode=on"],
    "intel without interrupt remapping": ["-device", "intel-iommu,intremap=off,caching-mode=on"],
    "amd": ["-device", "amd-iommu,intremap=on"],
    "virtio": ["-device", "virtio-iommu-pci,bus=pcie.0,addr=1.0"],
    "none": [],
}
ONBOARD = ("onboard-lpc",)  # what the machine has without being asked, at its own place
DISK = "-drive if=none,id={id},format=raw,snapshot=on,file={disk}"  # a backend that is a file
ENTER = re.compile(rb"^Press Enter for", re.M)  # sulogin's, before the shell
PROMPT = re.compile(rb"^\S*(?:\(initramfs\)|#) ", re.M)  # of the generators' emergency shells
# sulogin discards what was typed before its prompt was complete (TCSAFLUSH in its getpasswd()),
# so Enter is typed again after this many silent seconds without a shell's prompt.
AGAIN = 3
CHASSIS = ("pcie-root-port", "xio3130-downstream")  # slots of a chassis, which has a number
FIRMWARE = pathlib.Path("/usr/share/OVMF")  # where the package ovmf has it

# Armed before the first driver is initialised. %di and %si are a function's first two
# arguments; the names are the first members of struct kobject and struct device_driver.
# driver_override is written through driver_set_override() (drivers/base/driver.c, from
# Linux 5.19 on) or, where that moved into the driver core (6.12.107 has it), through
# __device_set_driver_override(); a kernel refuses the one that it lacks, and goes on.
# Linux before 5.19 has nothing of the kind: there it is a write to an attribute of a device,
# dev_attr_store() (drivers/base/core.c), whose kobject is its first member.
# `unbind` calls device_driver_detach() (drivers/base/bus.c).
TRACE = (
    "trace_clock=global trace_buf_size=4M trace_event=module:module_load kprobe_event="
    "p:probe,really_probe,dev=+0(+0(%di)):string,drv=+0(+0(%si)):string;"
    "p:bound,driver_bound,dev=+0(+0(%di)):string;"
    "p:fence,driver_set_override,dev=+0(+0(%di)):string,drv=+0(%dx):string;"
    "p:fence,__device_set_driver_override,dev=+0(+0(%di)):string,drv=+0(%si):string;"
    "p:store,dev_attr_store,dev=+0(+0(%di)):string,attr=+0(+0(%si)):string,drv=+0(%dx):string;"
    "p:release,device_driver_detach,dev=+0(+0(%di)):string"
)

# no_timer_check: on a busy machine the guest's timer can be too late for the kernel's own test
# of it, which then panics.
PLAIN_COMMAND_LINE = (
    "console=ttyS0 panic=-1 no_timer_check edd=off "
    "root=/dev/vda ro rootfstype=ext4 fsck.mode=skip rd.skipfsck"
)
INNER_COMMAND_LINE = (
    "console=ttyS0 panic=-1 no_timer_check edd=off mitigations=off cryptomgr.notests"
)
COMMAND_LINE = f"{PLAIN_COMMAND_LINE} {TRACE}"


@dataclasses.dataclass(frozen=True)
class Device:
    """One PCI function: where the guest shall see it, and QEMU's name and properties for
    it. `backend` is what else QEMU needs for it: whole arguments. "{id}" in both is a name
    that no other device has.
    """

    address: str
    model: str
    properties: str = ""
    backend: str = ""
    disk: pathlib.Path = dataclasses.field(default=None, kw_only=True)  # "{disk}" in `backend`

    @property
    def bus(self):
        return int(self.address[:2], 16)

    @property
    def slot(self):
        return self.address[:5]


@dataclasses.dataclass(frozen=True)
class Bridge(Device):
    """A bridge is a device with a bus behind it."""

    secondary: int = 0


@dataclasses.dataclass(frozen=True)
class Machine:
    """What is booted: a kernel and an image; or `unified`, a directory that is the disk that
    UEFI firmware boots from. Only a bzImage (`vmlinux` may be one) asks the firmware for a display.
    """

    vmlinux: pathlib.Path
    initrd: pathlib.Path
    disk: pathlib.Path
    unified: pathlib.Path = None
    uefi: bool = False  # for a kernel and an image, too
    devices: tuple = ()
    bridges: tuple = ()  # none: root ports for all the buses that the devices are on
    iommu: str = "intel"
    command_line: str = ""
    counted: bool = False  # the clock counts instructions, and nothing is traced
    writable: bool = False  # the disk keeps what the guest writes
    patience: int = 1  # how many times the usual PATIENCE the guest may say nothing
    typed: str = ""  # at the first prompt of a shell on the console


@dataclasses.dataclass(frozen=True)
class Boot:
    """What a boot left: how it ended, what the console said, the frames of the guest's
    init.
    """

    ending: str  # "powered off", or why not
    console: str
    frames: dict
    seconds: float


def command(machine, frames):
    """The argument list of one machine, which writes the guest's frames to a file."""
    return [
        "qemu-system-x86_64",
        *_accelerator(machine),
        "-cpu", "max", "-m", str(MEMORY),
        "-machine", "q35,kernel-irqchip=split,sata=off",
        *IOMMUS[machine.iommu],
        "-nodefaults", "-display", "none", "-no-reboot",
        "-serial", "stdio", "-serial", f"file:{frames}",
        *(_flash() if machine.unified or machine.uefi else []),
        *(_esp(machine) if machine.unified else _kernel(machine)),
        "-drive", f"if=none,id=root,format=raw,{_access(machine)},file={machine.disk}",
        *_arguments(_with_root(machine.devices), machine.bridges),
    ]  # fmt: skip


def _access(machine):
    """What the guest may do to its disk. Nobody waits until what it writes is on ours."""
    return "cache=unsafe" if machine.writable else "snapshot=on"


def inner_arguments(kernel, initrd):
    """The arguments of a machine inside the guest, which is given functions by `-device`."""
    return [
        "-accel", "kvm", "-accel", "tcg", "-cpu", "qemu64", "-m", str(INNER_MEMORY),
        "-machine", "q35,sata=off,smbus=off",
        "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
        "-kernel", kernel, "-initrd", initrd, "-append", INNER_COMMAND_LINE,
    ]  # fmt: skip


def _accelerator(machine):
    """Counted, an instruction of the guest takes a nanosecond of its clock, and where it idles
    the clock goes on to the next timer at once.
    """
    if machine.counted:
        return ["-accel", "tcg", "-icount", "shift=0,sleep=off"]
    return ["-accel", os.environ.get("VM_ACCEL", "tcg")]


def _kernel(machine):
    words = PLAIN_COMMAND_LINE if machine.counted else COMMAND_LINE
    return [
        "-kernel", str(machine.vmlinux),
        "-initrd", str(machine.initrd),
        "-append", f"{words} {machine.command_line}".strip(),
    ]  # fmt: skip


def _flash():
    """UEFI; its variables are forgotten at the end."""
    flash = "if=pflash,format=raw,file="
    return [
        "-drive", f"{flash}{FIRMWARE}/OVMF_CODE_4M.fd,unit=0,readonly=on",
        "-drive", f"{flash}{FIRMWARE}/OVMF_VARS_4M.fd,unit=1,snapshot=on",
    ]  # fmt: skip


def _esp(machine):
    """The disk that UEFI boots from."""
    return [
        "-drive", f"if=none,id=esp,format=raw,readonly=on,file=fat:{machine.unified}",
        "-device", f"virtio-blk-pci,drive=esp,addr={ROOT_DISK[3:]}.1,bootindex=0",
    ]  # fmt: skip


def _arguments(devices, bridges=()):
    """The arguments for a case's devices, and for the bridges that they are behind."""
    arguments = []
    bridges = bridges or _root_ports(devices)
    for bridge in sorted(bridges, key=lambda bridge: bridge.secondary):
        arguments += _bridge(bridge, bridges)
    for number, device in enumerate(devices):
        if device.model in ONBOARD:
            continue
        make = _root if device.model in ROOTS else _device
        arguments += make(device, number, devices)
    return arguments


def _with_root(devices):
    """The devices and the disk that every machine has, if it isn't one of them."""
    if any(device.model in ROOTS for device in devices):
        return devices
    return (Device(f"{ROOT_DISK}.0", "root-disk"), *devices)


def _root(device, number, devices):
    """The disk that has the root file system; UEFI's one is another function of that slot."""
    (model, *behind), (_, *words) = ROOTS[device.model], _placed(device, devices)
    if device.slot == ROOT_DISK and "multifunction=on" not in words:
        words.append("multifunction=on")
    arguments = ["-device", ",".join([model, *words])]
    return [*arguments, *[word for one in behind for word in ("-device", one)]]


def _root_ports(devices):
    buses = max((device.bus for device in devices), default=0)
    return [
        Bridge(f"00:{ROOT_PORTS + bus - 1:x}.0", "pcie-root-port", secondary=bus)
        for bus in range(1, buses + 1)
    ]


def _bridge(bridge, bridges):
    words = [*_placed(bridge, bridges), f"id={_bus_name(bridge.secondary)}"]
    if bridge.model in CHASSIS:
        words.append(f"chassis={bridge.secondary}")
    if bridge.model == "pxb-pcie":
        words.append(f"bus_nr={bridge.secondary}")
    return ["-device", ",".join(words)]


def _bus_name(bus):
    return f"bus{bus:02x}" if bus else "pcie.0"


def _placed(device, others):
    """What a model and its place are called; `others` are those that may share its slot."""
    slot, function = device.address[3:].split(".")
    words = [device.model, f"bus={_bus_name(device.bus)}", f"addr={slot}.{function}"]
    if function == "0" and _is_multifunction(device, others):
        words.append("multifunction=on")
    return words


def _device(device, number, devices):
    """The arguments for one device, with the backend that its model can't do without."""
    words = _placed(device, devices)
    if device.properties:
        words.append(device.properties.format(id=f"backend{number}"))
    names = {"id": f"backend{number}", "disk": device.disk}
    backend = [word.format(**names) for word in device.backend.split()]
    return [*backend, "-device", ",".join(words)]


def _is_multifunction(device, devices):
    return [other.slot for other in devices].count(device.slot) > 1


@functools.cache
def models():
    """The models that this QEMU has: others came later, or are gone."""
    command_line = ["qemu-system-x86_64", "-device", "help"]
    done = subprocess.run(command_line, capture_output=True, text=True, check=True)
    return frozenset(re.findall(r'^name "([^"]+)"', done.stdout, re.M))


def boot(machine, directory):
    """Boots a machine until it powers off, dies or hangs; leaves `console` in the
    directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    frames = directory / "frames"
    frames.unlink(missing_ok=True)
    start = time.monotonic()
    with subprocess.Popen(
        command(machine, frames),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as guest:  # fmt: skip
        console, ending = _watch(guest, machine.patience, machine.typed)
    (directory / "console").write_text(console, "utf-8")
    sent = read_frames(frames.read_bytes() if frames.exists() else b"")
    return Boot(
        ending or _judge_ending(console, sent, guest.returncode),
        console,
        sent,
        time.monotonic() - start,
    )


def _watch(guest, times=1, typed=""):
    """Reads the console until its end; returns it, and why the guest had to be killed, if
    so: for one, because it said nothing for so many times PATIENCE. `typed` at the first prompt.
    """
    patience = times * PATIENCE
    answers = {ENTER: "\n", PROMPT: typed} if typed else {}
    said = bytearray()
    ending, silent = None, 0
    while not ending:
        again = ENTER not in answers and PROMPT in answers
        wait = AGAIN if again else patience - silent
        ready, _, _ = select.select([guest.stdout], [], [], wait)
        block = os.read(guest.stdout.fileno(), 65536) if ready else None
        if block == b"":
            break
        silent = 0 if block else silent + wait
        if silent >= patience:
            ending = f"hung: nothing new on the console for {patience} s"
        elif again and not block:
            answers[ENTER] = "\n"
        elif len(said) > CONSOLE_MAX:
            ending = "hung: the console goes on and on"
        said += block or b""
        for asked in [pattern for pattern in answers if pattern.search(said)]:
            os.write(guest.stdin.fileno(), answers.pop(asked).encode())
    if ending:
        guest.kill()
    guest.wait()
    return said.decode("utf-8", "replace").replace("\r", ""), ending


def _judge_ending(console, frames, status):
    """How a guest ended that QEMU itself ended."""
    panic = re.search(r"Kernel panic - .*", console)
    if panic:
        return panic[0]
    if status:
        return f"QEMU ended with exit status {status}"
    if "end" not in frames:
        return "died: the guest's init did not finish"
    return "powered off"


def read_frames(data):
    """The complete frames of what the guest's init sent: name to text.

    What comes before them UEFI said, which speaks on every serial port.
    """
    frames = {}
    start = re.search(rb"^=== \w+ \d+$", data, re.M)
    data = data[start.start() :] if start else b""
    while data:
        head, _, data = data.partition(b"\n")
        found = re.fullmatch(rb"=== (\w+) (\d+)", head)
        if not found or len(data) < int(found[2]):
            break
        frames[found[1].decode()] = data[: int(found[2])].decode("utf-8", "replace")
        data = data[int(found[2]) :]
    return frames
