# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot program's system calls, processes and memory, counted."""

import os
import re
import shutil
import subprocess

import machine as machines
import pytest
from machine import BOOT

PER_FUNCTION, PER_CLAIM, FIXED = 4, 14, 60
CONFIG_SPACE = 14  # a child that reads it, with all that it takes to wait for the child
MEMORY = 1024 * 1024
MEMORY_FOR_LINES = 8 * MEMORY  # for as many lines as a config can have


# What a kernel needs that has everything as modules (Linux 6.1): opened, loaded, closed each.
LOADPLAN = "[vfio-pci]\n" + "".join(f"/lib/modules/{name}.ko\n" for name in (
    "irqbypass", "vfio", "vfio_iommu_type1", "vfio_virqfd", "vfio-pci-core", "vfio-pci"))
LOADING = 6 * 3


def big_machine(root, count):
    """At least `count` functions: ports of the root bus, and behind each a card in its port's
    group. Card 0 has two functions, cards 2 and 3 are displays; a host driver has the cards
    from 4 on.
    """
    machine = machines.Machine(root)
    machine.write("usr/lib/vfio-early/modules", LOADPLAN)
    machine.write("usr/lib/vfio-early/keep.conf", "keep 0000:ff:00.0\n")
    for number in range(count // 2):
        domain, rest = divmod(number, 128)
        port = f"{domain:04x}:00:{rest // 8:02x}.{rest % 8}"
        machine.function(port, "8086:a33c", "060400", group=number, driver="pcieport")
        display = number in (2, 3)
        machine.function(card(number), "10de:1c03" if display else f"8086:{0x1000 + number:04x}",
                         "030000" if display else "020000", behind=port, group=number,
                         driver="e1000e" if number > 3 else "", boot_vga=0 if display else None,
                         serial=f"00-00-00-00-00-01-{number >> 8:02x}-{number & 255:02x}",
                         bars=[(0xA0000000 + (number << 16), 0xA000FFFF + (number << 16))])
        if number == 0:
            machine.function(card(number, 1), "8086:2000", "020000", behind=port, group=number)
    return machine


def card(number, function=0):
    domain, rest = divmod(number, 128)
    return f"{domain:04x}:{0x10 + rest:02x}:00.{function}"


class Count:
    """System calls of a run, by strace, with what they were about."""

    def __init__(self, machine, *arguments):
        trace = machine.root.parent / "trace"
        self.run = machine.run(*arguments, prefix=["strace", "-f", "-qq", "-o", trace],
                               watch=False)
        self.calls = re.findall(r"^\d+ +(\w+)\((.*)$", trace.read_text(), re.M)
        self.timeouts = len(re.findall(r"^\d+ +(?:poll\(|<\.\.\. poll resumed>).*= 0 \(Timeout\)$",
                                       trace.read_text(), re.M))
        self.functions = {match[1] for match in
                          (re.search(r'bus/pci/devices/([^/"]+)', rest)
                           for _, rest in self.calls) if match}

    @property
    def total(self):
        """A parent that looks again, since its child has not had its turn yet, counts once."""
        return len(self.calls) - self.timeouts

    @property
    def forks(self):
        return sum(name in ("fork", "vfork", "clone", "clone3") for name, _ in self.calls)

    @property
    def claims(self):
        return len(self.run.report.results())

    @property
    def memory(self):
        """Bytes asked for with mmap and brk; nothing is subtracted that was given back."""
        maps = [int(re.match(r"(?:NULL|0x\w+), (\d+)", rest)[1])
                for name, rest in self.calls if name == "mmap"]
        brks = [int(value, 16) for name, rest in self.calls if name == "brk"
                for value in re.findall(r"= (0x\w+)", rest)]
        return sum(maps) + (max(brks) - min(brks) if brks else 0)


# The config, how many functions it claims, and how many it may look at on any machine (None: all).
CONFIGS = [
    ("one address", f"bind {card(1)}\n", 1, 1),
    ("addresses", f"bind {card(1)}\nbind {card(2)}\nbind {card(4)}\n", 3, 3),
    ("address and ID", f"bind {card(1)} 8086:1001\n", 1, 1),
    ("address, path and serial number",
     f"bind {card(1)} path=00:00.1/00.0 serial=00-00-00-00-00-01-00-01\n", 1, 1),
    ("ID", "bind 8086:1001\n", 1, None),
    ("path", "bind path=00:00.1/00.0\n", 1, None),
    ("ID and serial number", "bind 8086:1001 serial=00-00-00-00-00-01-00-01\n", 1, None),
    ("displays", "bind 10de:1c03 count=all\n", 2, None),
    ("with=functions", f"bind {card(0)} with=functions\n", 2, 8),
    ("with=group", f"bind {card(0)} with=group\n", 2, 3),
    ("with=group by ID", "bind 8086:1001 with=group\n", 1, None),
    ("keep", "bind 8086:1001\nkeep class=01\nkeep 10de:1c03\n", 1, None),
    ("a host driver has it", f"bind {card(4)}\n", 1, 1),
    ("all network cards", "bind class=02 count=all\n", "cards", None),
]
SIZES = [10, 64, 1000]


@pytest.fixture(scope="session")
def trees(tmp_path_factory):
    """A machine of each size, built once; the boot program changes nothing that it reads again."""
    made = {}

    def tree(size):
        if size not in made:
            made[size] = big_machine(tmp_path_factory.mktemp("machine") / "root", size)
        machine = made[size]
        shutil.rmtree(machine.path("run"))
        machine.path("run").mkdir()
        return machine
    return tree


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("config, claims, looked", [row[1:] for row in CONFIGS],
                         ids=[row[0] for row in CONFIGS])
def test_system_calls(trees, record_property, config, claims, looked, size):
    machine = trees(size)
    machine.config(config)
    found = Count(machine)
    all_functions = len(machine.directories)
    if claims == "cards":
        claims = all_functions - size // 2 - 2
    reads = int("serial=" in config)
    limit = PER_FUNCTION * len(found.functions) + PER_CLAIM * claims + FIXED + reads * CONFIG_SPACE
    record_property("figure", (f"system calls with {size} functions", found.total, limit))
    assert found.claims == claims
    assert found.claims == sum(found.run.report.results()[a] in ("fenced", "failed")
                               for a in found.run.report.results())
    assert len(found.functions) == (looked or all_functions)
    assert found.total <= limit
    assert found.forks <= 1 + reads


def test_system_calls_with_the_modules(trees, record_property):
    """What --root leaves out: six modules, and the kernel's log, opened once for the two lines.
    Loading the modules binds, so that neither the bind attribute nor the module's driver is looked
    up; and only --root looks at what /sys is.
    """
    machine = trees(64)
    machine.config(f"bind {card(1)}\n")
    total = Count(machine).total + LOADING + 1 - 2 - 3
    limit = PER_FUNCTION + PER_CLAIM + FIXED
    record_property("figure", ("system calls for one function, modules included", total, limit))
    assert total <= limit


def test_addresses_cost_the_same_on_any_machine(trees):
    totals = set()
    for size in SIZES:
        machine = trees(size)
        machine.config(f"bind {card(1)} 8086:1001\nbind {card(2)}\n")
        totals.add(Count(machine).total)
    assert len(totals) == 1


@pytest.mark.parametrize("mode", ["off", "dry-run"])
def test_no_fork_where_nothing_is_done(trees, mode):
    machine = trees(10)
    machine.config(f"bind {card(1)}\n")
    machine.cmdline(f"vfio_early={mode}")
    try:
        assert Count(machine).forks == 0
    finally:
        machine.cmdline("")


@pytest.mark.parametrize("config", [row[1] for row in CONFIGS[:-1]],
                         ids=[row[0] for row in CONFIGS[:-1]])
def test_memory_on_a_desktop(trees, record_property, config):
    machine = trees(64)
    machine.config(config)
    # The program itself and its stack are not asked for.
    memory = Count(machine).memory + BOOT.stat().st_size + 128 * 1024
    record_property("figure", ("bytes of memory", memory, MEMORY))
    assert memory <= MEMORY


@pytest.mark.parametrize("config", ["bind class=02 count=all with=group\n" * 4096,
                                    "keep class=01\n" * 2048 + "bind class=02 count=all\n" * 2048],
                         ids=["bind", "keep and bind"])
def test_memory_for_as_many_lines_as_there_can_be(trees, config):
    """Of the lines that select one function, 32 count: the time and the memory have a limit."""
    machine = trees(64)
    machine.config(config)
    found = Count(machine)
    assert found.memory <= MEMORY_FOR_LINES
    records = found.run.report.all("line")
    assert [line["result"] for line in records].count("failed") == 32
    assert records[-1]["reason"].startswith("32 other lines select 0000:")


def test_memory_with_driver_auto(trees):
    """modules.alias has 1.3 MB on Debian: no more of it is kept than is of use."""
    machine = trees(64)
    alias = "alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n"
    path = machine.write(f"lib/modules/{os.uname().release}/modules.alias", alias * 26_000)
    machine.config(f"bind {card(1)} driver=auto\n")
    try:
        assert Count(machine).memory <= MEMORY
    finally:
        path.unlink()


def test_is_static_and_stripped():
    header = subprocess.run(["readelf", "-lS", BOOT], capture_output=True, text=True,
                            check=True).stdout
    assert "INTERP" not in header  # static
    assert ".symtab" not in header  # stripped
