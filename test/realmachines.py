# SPDX-License-Identifier: GPL-2.0-or-later
"""The real machines of test/machines/real/ as fake roots. README.md there explains the format."""

import base64
import zlib
from dataclasses import dataclass, field

from machine import TOP, Machine

REAL = TOP / "test/machines/real"
NAMES = sorted(path.stem for path in REAL.glob("*.spec"))

# The kernel accepts the first two classes only with the header of a bridge.
BRIDGES = {"0604": 1, "0607": 2, "0609": 1}
CHIPSET = ("0600", "0601")
VMD = ("201d", "28c0", "467f", "4c3d", "7d0b", "9a0b", "a77f", "ad0b", "b06f", "b60b")


@dataclass
class Function:
    """A line of a .spec file, with the facts that the record does not have filled in by rule."""
    address: str
    ident: str
    subsystem: str
    code: str
    group: int
    driver: str
    parent: str
    keys: dict = field(repr=False)

    @property
    def card(self):
        return self.address.rsplit(".", 1)[0]

    @property
    def bus(self):
        return self.address.rsplit(":", 1)[0]

    @property
    def header_type(self):
        return int(self.keys.get("hdr", "0"), 16) & 0x7F or BRIDGES.get(self.code[:4], 0)

    @property
    def virtual(self):
        return "physfn" in self.keys

    @property
    def boot_display(self):
        return self.keys.get("boot_vga") == "1"

    @property
    def guest_can_have(self):
        """Whether with= may add the function to a line."""
        return not self.header_type and not self.virtual and self.code[:4] not in CHIPSET


class Real:
    """A real machine: functions by address, and what the program is expected to do with them."""

    def __init__(self, functions):
        self.functions = {function.address: function for function in functions}

    def path(self, address):
        """The path through the bridges, as `lspci -P` prints it, with the domain."""
        function = self.functions[address]
        if not function.parent:
            return address
        return f"{self.path(function.parent)}/{address.rsplit(':', 1)[1]}"

    def root(self, address):
        """The function on the root bus that the function is behind, or the function itself."""
        function = self.functions[address]
        return self.root(function.parent) if function.parent else function

    def behind_vmd(self, address):
        return int(address.split(":")[0], 16) >= 0x10000 and "pci0000" in \
            self.root(address).keys.get("base", "")

    def fenced(self, address, companions=None):
        """The addresses that a line for the function selects; `companions`: the value of with=."""
        function = self.functions[address]
        if companions == "functions":
            rest = {a for a, other in self.functions.items() if other.card == function.card}
        elif companions == "group" and function.group is not None:
            rest = {a for a, other in self.functions.items() if other.group == function.group}
        else:
            rest = set()
        return {address} | {a for a in rest if self.functions[a].guest_can_have}

    def build(self, root):
        """Makes the fake root: a Machine."""
        machine = Machine(root)
        machine.path("etc").mkdir()
        for address in sorted(self.functions, key=lambda a: (self.path(a).count("/"), a)):
            self.add(machine, self.functions[address])
        for function in self.functions.values():
            if function.virtual:
                parent = machine.directories[function.keys["physfn"]]
                here = machine.directories[function.address]
                machine.link(f"{here}/physfn", parent)
                number = len(list(machine.path(parent).glob("virtfn*")))
                machine.link(f"{parent}/virtfn{number}", here)
        return machine

    def add(self, machine, function):
        keys = function.keys
        if "base" in keys and not function.parent:
            # A directory that is not called after the root bus: behind VMD or a platform device.
            machine.directories["base"] = f"sys/{keys['base']}"
        boot_vga = int(function.boot_display) if function.code[:4] == "0300" \
            or function.boot_display else None
        machine.function(
            function.address, function.ident, function.code, driver=function.driver,
            behind="base" if "base" in keys and not function.parent else function.parent,
            group=function.group, subsystem=function.subsystem, boot_vga=boot_vga,
            serial=keys.get("serial"), header_type=function.header_type)
        directory = machine.directories[function.address]
        if "cfg" in keys:
            text = zlib.decompress(base64.b64decode(keys["cfg"]))
            machine.write(f"{directory}/config", text)
        if "numa" in keys:
            machine.write(f"{directory}/numa_node", f"{keys['numa']}\n")

    def renumbered(self):
        """The machine after a card was added: the buses behind bridges move up by one place each.
        Returns the machine and {old address: new address}.
        """
        fixed = {f.bus for f in self.functions.values() if not f.parent}
        moved = sorted({f.bus for f in self.functions.values()} - fixed)
        bus_to = {bus: bus for bus in fixed}
        for domain in {bus.split(":")[0] for bus in moved}:
            buses = [bus for bus in moved if bus.startswith(f"{domain}:")]
            free = [bus for bus in (f"{domain}:{n:02x}" for n in range(256))
                    if bus not in bus_to and bus not in buses]
            bus_to |= dict(zip(buses, buses[1:] + free[-1:] if free else buses[1:] + buses[:1]))
        new = {a: f"{bus_to[f.bus]}:{a.rsplit(':', 1)[1]}" for a, f in self.functions.items()}
        functions = []
        for old in self.functions.values():
            keys = dict(old.keys)
            if old.virtual:
                keys["physfn"] = new[keys["physfn"]]
            functions.append(Function(new[old.address], old.ident, old.subsystem, old.code,
                                      old.group, old.driver, new.get(old.parent, ""), keys))
        return Real(functions), new


def read(name):
    """Reads a .spec file: a Real."""
    lines = (REAL / f"{name}.spec").read_text().splitlines()
    functions = []
    for line in lines[1:]:
        address, ident, subsystem, code, group, driver, parent, *keys = line.split()
        functions.append(Function(
            address, ident, subsystem, code, None if group == "-" else int(group),
            "" if driver == "-" else driver.replace("%20", " "), "" if parent == "-" else parent,
            dict(key.split("=", 1) for key in keys)))
    real = Real(functions)
    if "groups=none" in lines[0]:
        fill_in_groups(functions)
    fill_in_vmd(functions)
    return real


def fill_in_groups(functions):
    """Gives each bridge, each virtual function and the rest of each device a group."""
    numbers = {}
    for function in functions:
        alone = function.header_type or function.virtual
        key = function.address if alone else function.card
        function.group = numbers.setdefault(key, len(numbers))


def fill_in_vmd(functions):
    """Puts root buses of high domains below the VMD controller if there is only one."""
    controllers = [f for f in functions if f.ident.split(":")[0] == "8086"
                   and f.ident.split(":")[1] in VMD and not f.parent]
    for function in functions:
        if len(controllers) == 1 and int(function.address.split(":")[0], 16) >= 0x10000 \
                and not function.parent and "base" not in function.keys:
            (vmd,) = controllers
            function.keys["base"] = f"devices/pci{vmd.bus}/{vmd.address}/pci{function.bus}"
