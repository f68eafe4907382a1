# SPDX-License-Identifier: GPL-2.0-or-later
"""One fault in one system call of the boot program: what may come of it, and what must not.

strace injects the fault and writes down what the program did; that trace is the witness. A
scenario is a fake machine with a config. The faults of a scenario are made from the calls of an
undisturbed run: each call, each of its errors, each time that it happens.

    python3 test/sweep.py [SCENARIO...]     all of them, with a count at the end
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import machine as machines

GPU, SOUND, NIC, TWIN = "0000:01:00.0", "0000:01:00.1", "0000:02:00.0", "0000:03:00.0"
IGPU, AHCI = "0000:00:02.0", "0000:00:17.0"
TARGET = "vfio-pci"
PATIENCE = 12  # seconds: the deadline of 10, and some for strace

OPEN = "ENOENT EIO EACCES EMFILE ENFILE ENOMEM ELOOP EINTR ENODEV EROFS EPERM EBUSY ENOSPC"
ERRORS = {
    "open": OPEN, "openat": OPEN, "clock_gettime": "EINVAL EFAULT",
    "read": "EIO EINTR EAGAIN ENODEV EISDIR EINVAL ENOMEM", "pread64": "EIO EINVAL EPERM",
    "write": "EIO ENOSPC EAGAIN EINTR EINVAL EBUSY ENODEV EPERM EPIPE EFAULT",
    "close": "EIO EINTR EBADF", "fstat": "EIO ENOMEM EOVERFLOW", "newfstatat": "EIO ENOMEM",
    "statx": "EIO ENOMEM ENOSYS",
    "fstatfs": "EIO ENOSYS", "getdents64": "EIO ENOENT ENOMEM EINVAL",
    "readlinkat": "EIO EINVAL ENOENT EACCES ENOMEM ENAMETOOLONG", "faccessat": "EIO ENOENT",
    "mmap": "ENOMEM EAGAIN EPERM", "munmap": "EINVAL", "brk": "ENOMEM",
    "pipe": "EMFILE ENFILE", "fork": "EAGAIN ENOMEM ENOSYS", "poll": "EINTR EINVAL ENOMEM",
    "wait4": "EINTR ECHILD", "kill": "EPERM ESRCH", "uname": "EFAULT", "time": "EFAULT",
    "mkdirat": "ENOSPC EROFS EACCES ENOENT EMLINK", "renameat": "ENOSPC EROFS EBUSY EXDEV",
    "unlinkat": "EROFS EIO",
    "finit_module": "ENOENT ENOEXEC EPERM EINVAL EKEYREJECTED ENOKEY EOPNOTSUPP EEXIST ENOMEM "
                    "EBUSY EINTR",
}
SHORT = {"read": (0, 1), "write": (0, 1), "getdents64": (0,), "readlinkat": (0, 1),
         "pread64": (0, 1)}
NOT_SWEPT = {"execve", "exit", "exit_group", "arch_prctl", "rt_sigaction", "alarm", "umask"}


@dataclass(frozen=True)
class Fault:
    call: str
    what: str    # as strace's inject= has it: error=EIO, retval=0, signal=KILL, delay_enter=...
    when: str    # 3: the third time of a process; 1+: always
    paths: tuple = ()  # only there

    def __str__(self):
        return f"{self.call}:{self.what}:when={self.when}"

    def arguments(self):
        paths = [word for path in self.paths for word in ("-P", path)]
        return ["-e", f"inject={self}", *paths]


@dataclass
class Scenario:
    """`listed`: what has to be fenced, each with the functions whose damage may cost the fence.
    `guarded`: what a bind line selects and a guard protects, with the files that the guard reads.
    Nothing else may be written to.
    """
    name: str
    listed: dict
    guarded: dict = field(default_factory=dict)
    scans: bool = False  # it reads the list of all functions
    live: bool = False   # in a chroot: as on a running system, modules and all

    def make(self, root):
        machine = machines.desktop(root)
        for name in (TARGET, "pcieport"):
            machine.driver(name)
        CONFIGS[self.name](machine)
        if self.live:
            machine.write("dev/kmsg", "")
            for name in ("vfio", "vfio-pci"):
                machine.write(f"lib/modules/{name}.ko", "no module")
            shutil.copy(machines.BOOT, machine.path("boot"))
        return machine


def by_address(machine):
    machine.config("bind 02:00.0 8086:10d3\nbind 00:17.0 # disks\nbind 01:00.0 with=functions\n"
                   "keep 01:00.1\nbind 00:02.0\n")


def by_identity(machine):
    machine.config("bind 10de:1c03 with=group\nbind class=0106\nbind 8086:3e92\n"
                   "bind serial=00-1b-21-ff-ff-00-00-01 driver=auto\n")
    machine.config("keep path=00:1c.1/00.0\nbind path=00:1c.1/00.0 # kept\nbind 9\n",
                   "etc/vfio-early.conf.d/more.conf")
    machine.write("usr/lib/vfio-early/keep.conf", "keep 00:17.0\n")
    machine.write("usr/lib/vfio-early/report", "")
    machine.path("usr/lib/vfio-early/report").unlink()
    machine.write("proc/iomem", "a0000000-a07e8fff : BOOTFB\n")
    machine.cmdline("vfio_early=gaming quiet")


def live(machine):
    machine.config("bind 02:00.0\nbind 00:17.0\noption vfio-pci disable_vga=1\n")


CONFIGS = {"addresses": by_address, "identities": by_identity, "live": live}
CARD = {GPU: {GPU}, SOUND: {GPU, SOUND}}
SCENARIOS = [
    Scenario("addresses", {NIC: {NIC}, AHCI: {AHCI}, GPU: {GPU}},
             {SOUND: r"etc/vfio-early", IGPU: r"etc/vfio-early|boot_vga|iomem|resource"}),
    Scenario("identities", CARD | {NIC: {NIC}},
             {AHCI: r"keep\.conf", TWIN: r"etc/vfio-early|devices/0000:03:00.0|0000:03:00.0$",
              IGPU: r"boot_vga|iomem|resource"},
             scans=True),
    Scenario("live", {NIC: {NIC}, AHCI: {AHCI}}, live=True),
]


class Trace:
    """What strace saw, one list of lines a process."""

    def __init__(self, directory):
        self.processes = [path.read_text("utf-8", "replace").splitlines()
                          for path in sorted(directory.iterdir())]
        self.lines = [line for lines in self.processes for line in lines]

    def hits(self):
        """What the fault hit: the calls, with paths."""
        return [line for line in self.lines if line.endswith("(INJECTED)")]

    def times(self):
        """{call: when each process calls it, the first time being 1}, without the times that
        come before the program itself is executed.
        """
        found, before = {}, Counter()
        for lines in self.processes:
            calls = [match[1] for match in (re.match(r"(\w+)\(", line) for line in lines)
                     if match]
            start = max((i for i, call in enumerate(calls) if call == "execve"), default=0)
            count = Counter(calls[:start])
            before |= count
            for call in calls[start:]:
                count[call] += 1
                found.setdefault(call, set()).add(count[call])
        return {call: {time for time in times if time > before[call]}
                for call, times in found.items()}

    def written(self):
        """[(path in the root, string)]: what was opened for writing in sysfs, and written."""
        for line in self.lines:
            match = re.match(r'openat\(\d+<[^>]*>, "(sys/[^"]*)", O_(?:WRONLY|RDWR)', line)
            if match:
                yield match[1], None
            match = re.match(r'write\(\d+<([^>]*)>, "([^"]*)"', line)
            if match and "/sys/" in match[1]:
                yield match[1][match[1].index("/sys/") + 1:], match[2]


class Sweep:
    """Runs of one scenario, one after the other, on a machine of its own."""

    def __init__(self, scenario, directory):
        self.scenario = scenario
        self.directory = Path(directory)
        self.machine = scenario.make(self.directory / "root")
        self.clean = {path: self.machine.path(path).read_bytes() for path in self._changing()}

    def _changing(self):
        for address, directory in self.machine.directories.items():
            yield f"{directory}/driver_override"
        yield "sys/bus/pci/drivers/vfio-pci/bind"
        if self.scenario.live:
            yield "dev/kmsg"

    def _reset(self):
        for path, content in self.clean.items():
            self.machine.path(path).write_bytes(content)
        shutil.rmtree(self.machine.path("run/vfio-early"), ignore_errors=True)
        shutil.rmtree(self.directory / "trace", ignore_errors=True)
        (self.directory / "trace").mkdir()

    def command(self):
        if self.scenario.live:
            return ["chroot", self.machine.root, "/boot"]
        return [machines.BOOT, "--root", self.machine.root]

    def run(self, fault=None, prefix=()):
        """(status, seconds, standard error, trace)"""
        self._reset()
        inject = fault.arguments() if fault else []
        if self.scenario.live and (not fault or fault.call != "finit_module"):
            inject += ["-e", "inject=finit_module:retval=0"]
        started = time.monotonic()
        done = subprocess.run(
            ["strace", "-ff", "-y", "-qq", "-s", "64", "-o", self.directory / "trace/of",
             *inject, *prefix, *self.command()],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
        return (done.returncode, time.monotonic() - started,
                done.stderr.decode("utf-8", "replace"), Trace(self.directory / "trace"))

    def faults(self, thorough=True):
        """All faults, or a part of them: each call each time, but not with each error."""
        _, _, _, trace = self.run()
        for call, times in sorted(trace.times().items()):
            if call in NOT_SWEPT:
                continue
            kinds = [f"error={error}" for error in ERRORS[call].split()]
            kinds += [f"retval={value}" for value in SHORT.get(call, ())]
            kinds += ["signal=KILL", "delay_enter=20000"]
            for number in sorted(times):
                chosen = kinds if thorough else [kinds[number % len(kinds)]]
                for kind in chosen:
                    yield Fault(call, kind, str(number))
            always = [] if self.scenario.live else kinds  # chroot would not survive it
            if not thorough:
                always = always[:1] + [kind for kind in always if kind == "retval=0"]
            for kind in always:
                if not kind.startswith(("delay", "signal")) and (call, kind) not in ENDLESS:
                    yield Fault(call, kind, "1+")
        yield from self.faults_of_children()

    def faults_of_children(self):
        """A child that is killed in front of a fence, and one that a step keeps waiting."""
        listed = [self.machine.path(self.machine.directories[address]).resolve()
                  for address in self.scenario.listed]
        fences = tuple(path / "driver_override" for path in listed)
        yield Fault("write", "signal=KILL", "2", fences)
        yield Fault("write", "delay_enter=300000", "1", fences)

    def check(self, fault=None, prefix=()):
        """Runs with this fault: a list of what is wrong with what came of it."""
        status, seconds, said, trace = self.run(fault, prefix)
        return list(self.judge(status, seconds, said, trace))

    def judge(self, status, seconds, said, trace):
        killed = status == -9
        if status not in (0, 1, 4) and not killed:
            yield f"status {status}"
        if seconds > PATIENCE:
            yield f"{seconds:.1f} seconds"
        for line in said.splitlines():
            if not re.fullmatch(r"vfio-early: [^\x00-\x1f\x7f]+", line):
                yield f"said {line!r}"
        hits = trace.hits()
        yield from self._judge_writes(trace, hits)
        if not killed:
            yield from self._judge_fences(hits)
        # A write that only says that it wrote leaves any report damaged.
        if not any("report.new" in hit and " = -1" not in hit for hit in hits):
            yield from self._judge_report(killed, said, hits)

    def _judge_writes(self, trace, hits):
        for path, string in trace.written():
            name = machines.short(path) if "driver_override" in path or "/driver/" in path \
                else string or ""
            match = re.search(r"\w{4,}:\w\w:\w\w\.\w", path if "devices/" in path else name)
            address = match[0] if match and "devices/" not in path else \
                re.findall(r"\w{4,}:\w\w:\w\w\.\w", path)[-1:] and \
                re.findall(r"\w{4,}:\w\w:\w\w\.\w", path)[-1]
            if not address and string is None:
                continue  # a driver's bind or unbind was opened: what is written to it counts
            if address not in self.scenario.listed and not self._unguarded(address, hits):
                yield f"wrote {string!r} to {path}"
            if path.endswith("driver_override") and string not in (None, TARGET):
                yield f"set {path} to {string!r}"

    def _unguarded(self, address, hits):
        pattern = self.scenario.guarded.get(address)
        return pattern and any(re.search(pattern, hit) for hit in hits)

    def fenced(self, address):
        directory = self.machine.directories[address]
        return self.machine.read(f"{directory}/driver_override") == TARGET

    def _judge_fences(self, hits):
        for address, needs in self.scenario.listed.items():
            if not self.fenced(address) and not any(self._excuses(hit, needs) for hit in hits):
                yield f"{address} is not fenced"

    def _excuses(self, hit, needs):
        """Did the fault hit what the fence of a function with these `needs` depends on?"""
        if re.search(r"etc/vfio-early\.conf|keep\.conf|^open\(|^chroot|^chdir", hit) and \
                "run/vfio-early" not in hit:
            return True
        if self.scenario.scans and re.search(r'bus/pci/devices"|bus/pci/devices>', hit):
            return True
        if re.search(r"iommu_group", hit) and needs == CARD[SOUND]:
            return True
        found = re.findall(r"\w{4,}:\w\w:\w\w\.\w", hit.split(" = ")[0])
        return bool(found) and found[-1] in needs

    def _judge_report(self, killed, said, hits):
        path = self.machine.path("run/vfio-early/report")
        log = said
        if self.scenario.live:
            log += self.machine.read("dev/kmsg")
        if not path.exists():
            told = "/run/vfio-early/report" in log or any("write(" in hit for hit in hits)
            if not killed and not told and not any(hit.startswith("open(") for hit in hits):
                yield "no report, and nothing said of it"
            return
        try:
            report = machines.Report(path.read_text())
        except (AssertionError, AttributeError, UnicodeDecodeError) as error:
            yield f"report: {error!r}"
            return
        if not report.records or report.records[0][0] != "report":
            yield "a report without a head"
        for fields in report.all("function"):
            good = fields["result"] in ("refused", "invalid", "failed")
            if fields["result"] not in ("bound", "fenced") and not good:
                yield f"result {fields['result']}"
            if not good and not self.fenced(fields["address"]):
                yield f"{fields['address']} is not {fields['result']}, as the report has it"


# With the first every time, no program can tell that a child has ended. A read that gives one
# byte for ever ends at the limits of the files, but not soon.
ENDLESS = {("poll", "error=EINTR"), ("read", "retval=1")}


def can_chroot():
    return os.getuid() == 0


def sweep(scenario):
    with tempfile.TemporaryDirectory() as directory:
        runs = Sweep(scenario, directory)
        count, bad = 0, []
        for fault in runs.faults():
            wrong = runs.check(fault)
            count += 1
            if wrong:
                bad.append(f"{scenario.name}: {fault}: {'; '.join(wrong)}")
                print(bad[-1], flush=True)
        return count, bad


def main(names):
    chosen = [scenario for scenario in SCENARIOS
              if (not names or scenario.name in names) and (can_chroot() or not scenario.live)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(sweep, chosen))
    bad = [line for _, lines in results for line in lines]
    print(f"{sum(count for count, _ in results)} faults, {len(bad)} with a wrong outcome")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
