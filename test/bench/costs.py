# SPDX-License-Identifier: GPL-2.0-or-later
"""Figure "calls": the boot program beside shell loops, on generated machines. No VM.
Figure "host": list, check and status beside lspci and driverctl.
Figure "size": the boot program linked with three C libraries.
"""

import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import measure
import trees

BUILD = trees.TOP / "build"
SHELLS = trees.TOP / "test/bench/shell"
# Its symbols tell callgrind where it forks; else it is the program that is installed.
BOOT = BUILD / "vfio-early-boot.full"
HOST = BUILD / "vfio-early"

SIZES = (10, 100, 1000, 10000)
FORKING_MAX = 100  # callgrind starts anew for every process: half a second each
CLAIMED = 4

CONFIGS = {
    "addresses": lambda count: lines(count, "bind {address}"),
    "ids": lambda count: lines(count, "bind {id}"),
    "classes": lambda count: f"bind class=0c03 count={count}\n",
    "paths": lambda count: lines(count, "bind path={path}"),
}


def lines(count, form):
    return "".join(form.format(address=trees.card(n), id=trees.card_id(n), path=trees.card_path(n))
                   + "\n" for n in range(count))


class Tree:
    """A generated machine, prepared for every contestant."""

    def __init__(self, directory, count):
        self.count = count
        self.machine = trees.tree(Path(directory, str(count)), count)
        self.root = self.machine.root
        self.machine.path("usr/share/misc").mkdir(parents=True)
        shutil.copy(trees.PCI_IDS, self.machine.path("usr/share/misc/pci.ids"))

    def claim(self, kind, count):
        """A config that claims so many functions, and the same for the shell loops."""
        self.machine.config(CONFIGS[kind](count))
        self.machine.write("addresses", lines(count, "{address}"))
        self.machine.write("ids", " ".join(lines(count, "{id}").split()) + "\n")

    def clean(self):
        shutil.rmtree(self.machine.path("run"))
        self.machine.path("run").mkdir()

    def cost(self, command, **variables):
        """{system calls, instructions} of a command, each counted in a run of its own."""
        self.clean()
        calls = measure.system_calls(command, **variables)
        self.clean()
        return {"calls": calls, "instructions": measure.instructions(command, **variables)}


def boot_cost(tree, kind, claimed):
    tree.claim(kind, claimed)
    return {"contestant": f"vfio-early, {kind}", "functions": tree.count, "claimed": claimed,
            **tree.cost([BOOT, "--root", tree.root])}


def shell_cost(tree, shell, script, claimed):
    tree.claim("addresses", claimed)
    command = [*shell.split(), SHELLS / script]
    return {"contestant": f"{shell}, {script}", "functions": tree.count, "claimed": claimed,
            **tree.cost(command, ROOT=tree.root, LIST=tree.root)}


def machine_rows(tree):
    """What it costs on this machine to claim a few of its functions."""
    for kind in CONFIGS:
        yield boot_cost(tree, kind, CLAIMED)
    for shell in ("busybox sh", "dash"):
        for script in ("addresses", "ids"):
            yield shell_cost(tree, shell, script, CLAIMED)
    if tree.count <= FORKING_MAX:
        yield shell_cost(tree, "busybox sh", "forks-ids", CLAIMED)


def claim_rows(tree):
    """What it costs to claim many."""
    for claimed in (1, 64, 1000):
        for kind in ("addresses", "ids"):
            yield boot_cost(tree, kind, claimed)
        yield shell_cost(tree, "busybox sh", "addresses", claimed)
        yield shell_cost(tree, "dash", "addresses", claimed)
    yield shell_cost(tree, "busybox sh", "forks", 64)


def on_each_machine(rows):
    """All rows of all machines, two machines at a time."""
    with tempfile.TemporaryDirectory() as directory:
        def work(count):
            return list(rows(Tree(directory, count)))
        with ThreadPoolExecutor(2) as pool:
            parts = list(pool.map(work, reversed(SIZES)))
        return [row for part in reversed(parts) for row in part]


def calls():
    rows = on_each_machine(lambda tree: [*machine_rows(tree),
                                         *(claim_rows(tree) if tree.count == 10000 else ())])
    return {"rows": rows, "versions": {
        "busybox": measure.package("busybox"), "dash": measure.package("dash"),
        "valgrind": measure.package("valgrind"), "klibc": measure.package("libklibc-dev")}}


def host_rows(tree):
    tree.claim("ids", CLAIMED)
    subprocess.run([BOOT, "--root", tree.root], capture_output=True, check=False)
    commands = {f"vfio-early {name}": [HOST, name, "--root", tree.root]
                for name in ("list", "check", "status")}
    commands["lspci -nnk"] = ["lspci", "-nnk", "-A", "linux-sysfs", "-O",
                              f"sysfs.path={tree.root}/sys/bus/pci"]
    if tree.count <= FORKING_MAX:
        commands["driverctl list-devices"] = ["driverctl", "-b", f"../..{tree.root}/sys/bus/pci",
                                              "list-devices"]
    for name, command in commands.items():
        yield {"contestant": name, "functions": tree.count,
               "calls": measure.system_calls(command),
               "instructions": measure.instructions(command)}


def host():
    return {"rows": on_each_machine(host_rows), "versions": {
        "pciutils": measure.package("pciutils"), "libpci": measure.package("libpci3"),
        "driverctl": measure.package("driverctl"), "bash": measure.package("bash"),
        "valgrind": measure.package("valgrind")}}


LIBRARIES = {"klibc": ("klcc", "libklibc-dev"), "musl": ("musl-gcc", "musl-dev"),
             "glibc": ("cc", "libc6-dev")}


def size():
    """The same flags for each; what the linker leaves is stripped as the Makefile does it."""
    rows = []
    for library, (compiler, _) in LIBRARIES.items():
        place = f"build/bench/{library}"
        subprocess.run(["make", "-s", "-C", trees.TOP, f"B={place}", f"BOOT_CC={compiler}",
                        f"{place}/vfio-early-boot"], check=True)
        rows.append({"library": library,
                     "bytes": (trees.TOP / place / "vfio-early-boot").stat().st_size})
    return {"rows": rows, "versions": {
        "gcc": measure.package("gcc"),
        **{name: measure.package(package) for name, (_, package) in LIBRARIES.items()}}}
