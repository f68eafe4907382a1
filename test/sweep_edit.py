# SPDX-License-Identifier: GPL-2.0-or-later
"""One fault in one system call of add, remove or import --write: the config is the old or the new
one, whole, and the new one if the command says that all is well. test_add.py has a part of it.

    python3 test/sweep_edit.py [NAME...]     all of them, with a count at the end
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import machine as machines
import sweep
from cli import PROGRAM

CONF, IMPORTED = "etc/vfio-early.conf", "etc/vfio-early.conf.d/imported.conf"
OLD = b"# mine\r\nbind 03:00.0\r\nkeep 00:17.0"
ERRORS = sweep.ERRORS | {
    "access": "EACCES EIO", "newfstatat": "EIO EACCES ENOENT", "fsync": "EIO ENOSPC",
    "ftruncate": "EIO EFBIG", "flock": "EINTR ENOLCK EAGAIN",
    "fchown": "EPERM", "fchmod": "EPERM",
    "lseek": "EIO", "renameat": "ENOSPC EROFS EBUSY EXDEV EIO", "flistxattr": "EIO EOPNOTSUPP",
    "ioctl": "ENOTTY", "getrandom": "ENOSYS", "readlink": "EIO", "umask": "EIO",
}
SHORT = sweep.SHORT
# Nothing of ours: the loader and the C library before main(), what cannot fail, and memory: glibc's
# malloc() crashes after one brk() that failed, and libpci ends the program.
NOT_SWEPT = sweep.NOT_SWEPT | {
    "brk", "mmap", "munmap", "mprotect", "set_tid_address", "set_robust_list", "rseq", "prlimit64",
    "getuid", "geteuid", "getgid", "getegid", "getpid",
}


def plain(text):
    """Without what a line is the poorer for, and no worse, where it can't be read: the way to the
    device, and the comment with its name, from pci.ids.
    """
    return re.sub(rb"(bind \S+ \S+)(?: path=\S+)?(?:  # [^\r\n]*)?", rb"\1", text)


@dataclass(frozen=True)
class Scenario:
    """A command, and the file that it must not lose; None where there was none."""
    name: str
    arguments: tuple
    path: str = CONF
    old: bytes = OLD


SCENARIOS = [
    Scenario("add", ("add", "02:00.0")), Scenario("remove", ("remove", "03:00.0")),
    Scenario("import", ("import", "--write"), IMPORTED, None),
]


class Sweep:
    """Runs of one scenario, one after the other, on a machine of its own."""

    def __init__(self, scenario, directory):
        self.scenario, self.directory = scenario, Path(directory)
        self.machine = machines.desktop(self.directory / "root")
        self.machine.config(OLD)
        if scenario.path == IMPORTED:
            self.machine.write("etc/modprobe.d/vfio.conf", "options vfio-pci ids=10de:1c03\n")
            self.machine.path("etc/vfio-early.conf.d").mkdir()
        self.file = self.machine.path(scenario.path)
        self.lock = self.file.parent / f".{self.file.name}.vfio-early"
        status, self.new, self.times = self._count()
        assert status == 0 and self.new not in (None, scenario.old), (status, self.new)

    def _reset(self):
        for left in (self.lock, self.file):
            Path(left).unlink(missing_ok=True)
        if self.scenario.old is not None:
            self.file.write_bytes(self.scenario.old)
        shutil.rmtree(self.directory / "trace", ignore_errors=True)
        (self.directory / "trace").mkdir()

    def run(self, inject=()):
        """(status, the config afterwards)"""
        self._reset()
        command, *rest = self.scenario.arguments
        done = subprocess.run(
            ["strace", "-ff", "-y", "-qq", "-o", self.directory / "trace/of", *inject,
             PROGRAM, command, "--root", self.machine.root, *rest],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        return done.returncode, plain(self.file.read_bytes()) if self.file.exists() else None

    def _count(self):
        status, text = self.run()
        return status, text, sweep.Trace(self.directory / "trace").times()

    def faults(self):
        for call, times in sorted(self.times.items()):
            if call in NOT_SWEPT:
                continue
            kinds = [f"error={error}" for error in ERRORS.get(call, "EIO").split()]
            kinds += [f"retval={value}" for value in SHORT.get(call, ())]
            for number in sorted(times):
                for kind in [*kinds, "signal=KILL"]:
                    yield sweep.Fault(call, kind, str(number))

    def check(self, fault):
        """What is wrong with what came of this fault, or ""."""
        status, text = self.run(fault.arguments())
        if text not in (self.scenario.old, self.new) and not self._lied(fault) and \
                not self._unseen():
            return f"the config is {text!r}"
        if status == 0 and text != self.new and not self._lied(fault) and not self._unseen():
            return "it says that all is well"
        if status < 0 and status != -9:
            return f"it died of signal {-status}"
        return ""

    def _unseen(self):
        """libkmod passes over a modprobe.d that it can't read, as modprobe does; and a device that
        sysfs does not list, or whose modalias can't be read, is none, which the imported file says.
        """
        hits = sweep.Trace(self.directory / "trace").hits()
        return self.scenario.path == IMPORTED and \
            any(re.search("modprobe[.]d|/modalias|/bus/pci/devices[>\"]", hit) for hit in hits)

    def _lied(self, fault):
        """A write that only says that it wrote leaves any file damaged, and a link that is said to
        lead to nothing that was written down leads anywhere: no kernel says so.
        """
        return fault.call in ("write", "readlinkat") and fault.what.startswith("retval")


def run(scenario):
    count, bad = Counter(), []
    with tempfile.TemporaryDirectory() as directory:
        runs = Sweep(scenario, directory)
        for fault in runs.faults():
            count[scenario.name] += 1
            wrong = runs.check(fault)
            if wrong:
                bad.append(f"{scenario.name}: {fault}: {wrong}")
                print(bad[-1], flush=True)
    return count, bad


def main(names):
    chosen = [one for one in SCENARIOS if not names or one.name in names]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(run, chosen))
    bad = [line for _, lines in results for line in lines]
    total = sum((count for count, _ in results), Counter())
    print(f"{total.total()} faults, {len(bad)} with a wrong outcome")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
