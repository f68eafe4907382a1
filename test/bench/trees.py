# SPDX-License-Identifier: GPL-2.0-or-later
"""Generated machines: any number of functions, half of them ports and half of them cards behind
those, with all that the boot program, the host program, lspci, driverctl and a shell loop read.
"""

import functools
import os
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "test"))
import machine  # noqa: E402

PCI_IDS = Path("/usr/share/misc/pci.ids")  # libpci depends on it
USB = 4  # so many cards are USB controllers, for lines with class=; the others are network cards


def port(number):
    domain, rest = divmod(number, 128)
    return f"{domain:04x}:00:{rest // 8:02x}.{rest % 8}"


def card(number):
    domain, rest = divmod(number, 128)
    return f"{domain:04x}:{0x10 + rest:02x}:00.0"


@functools.cache
def known_ids():
    """IDs that have a name: each other one would be asked of udev's hwdb, which takes longer than
    all the rest.
    """
    found, vendor = [], ""
    for line in PCI_IDS.read_text("utf-8").splitlines():
        if re.match(r"C \d", line):  # the classes come last
            break
        if start := re.match(r"[0-9a-f]{4}", line):
            vendor = start[0]
        elif device := re.match(r"\t([0-9a-f]{4})", line):
            found.append(f"{vendor}:{device[1]}")
    return found


def card_id(number):
    return known_ids()[number]


def card_path(number):
    """As lspci -P prints it: the port, and the card behind it."""
    return f"{port(number).removeprefix('0000:')}/00.0"


def tree(root, count):
    """A machine of `count` functions, none of which has a driver, as in an initramfs."""
    made = machine.Machine(root)
    made.driver("vfio-pci")
    for number in range(count // 2):
        _function(made, port(number), "8086:a33c", "060400", number)
        kind = "0c0330" if number < USB else "020000"
        _function(made, card(number), card_id(number), kind, number, behind=port(number))
    return made


def _function(made, address, ident, pci_class, group, behind=None):
    made.function(address, ident, pci_class, behind=behind, group=group)
    vendor, device = ident.split(":")
    here = made.path(made.directories[address])
    attributes = {"vendor": f"0x{vendor}", "device": f"0x{device}", "class": f"0x{pci_class}",
                  "subsystem_vendor": "0x0000", "subsystem_device": "0x0000", "irq": "0"}
    for name, value in attributes.items():
        (here / name).write_text(f"{value}\n", "ascii")
    (here / "config").write_bytes(_config(vendor, device, pci_class))


def _config(vendor, device, pci_class):
    """The first 64 bytes of the configuration space: what lspci reads."""
    space = bytearray(64)
    space[0:2] = int(vendor, 16).to_bytes(2, "little")
    space[2:4] = int(device, 16).to_bytes(2, "little")
    space[9:12] = int(pci_class, 16).to_bytes(3, "little")
    space[14] = pci_class.startswith("0604")
    return bytes(space)


if __name__ == "__main__":
    os.makedirs(sys.argv[1])
    tree(sys.argv[1], int(sys.argv[2]))
