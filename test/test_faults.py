# SPDX-License-Identifier: GPL-2.0-or-later
"""The fault table: what is missing, full, read-only, or changes while the boot program runs, and
what must come of it. A race is no race here: strace stops the program at a system call, the tree
is changed, and the program goes on.
"""

import os
import re
import shutil
import signal
import subprocess

import machine as machines
import pytest
import sweep
from machine import BOOT

CONF = "etc/vfio-early.conf"
GPU, SOUND, NIC, TWIN = "0000:01:00.0", "0000:01:00.1", "0000:02:00.0", "0000:03:00.0"
AHCI = "0000:00:17.0"
SIZE = "fstat,statx"  # asks for the size of an open file: klibc up to 2.0.12, and later ones
QUIET = ["strace", "-f", "-qq", "-o", os.devnull]


def fence(*addresses):
    return {f"{address}/driver_override": "vfio-pci" for address in addresses}


def override(machine, address):
    return machine.path(f"{machine.directories[address]}/driver_override")


def stopped_at(machine, call, change, when=1, path=None):
    """Runs the program, stops it at a system call, calls change(), and lets it go on."""
    read, write = os.pipe()
    only = ["-P", path] if path else []
    command = ["strace", "-f", "-o", f"/proc/self/fd/{write}", "-e", f"trace={call}", *only,
               "-e", f"inject={call}:signal=STOP:when={when}", BOOT, "--root", machine.root]
    before = machine.snapshot()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, pass_fds=[write]) as process:
        os.close(write)
        with os.fdopen(read) as trace:
            stops = 0
            for line in trace:
                stop = re.match(r"(\d+) +--- stopped by SIGSTOP", line)
                if stop:
                    stops += 1
                    change()
                    os.kill(int(stop[1]), signal.SIGCONT)
        out, err = process.communicate(timeout=30)
    assert stops == 1
    done = subprocess.CompletedProcess(command, process.returncode, out, err)
    return machines.Run(machine, done, before, machine.snapshot())


@pytest.mark.parametrize("text, fenced", [
    ("bind 02:00.0\nbind 03:00.0\n", {NIC, TWIN}), ("bind 03:00.0\n", {TWIN}), ("", set()),
    ("# nothing\n" * 1000 + "bind 01:00.0\n", {GPU}),
], ids=["grown", "other", "emptied", "much larger"])
def test_config_that_changes_while_it_is_read(desktop, text, fenced):
    """Between the size and the read. What was read is what counts, and lies beside the report."""
    config = desktop.config("bind 02:00.0\n")
    run = stopped_at(desktop, SIZE, lambda: config.write_text(text))
    assert run.written.pop(CONF) == text
    assert run.written.keys() - {CONF} == fence(*fenced).keys()
    copy = desktop.read(f"run/vfio-early/{CONF}")
    assert text.startswith(copy) and (copy or not text)


def test_config_that_is_replaced_while_it_is_read(desktop):
    """As an editor does it: the old file is read to its end."""
    config = desktop.config("bind 02:00.0\n")

    def replace():
        config.rename(config.with_suffix(".old"))
        desktop.config("bind 03:00.0\n")
    run = stopped_at(desktop, SIZE, replace)
    assert override(desktop, NIC).read_text() == "vfio-pci"
    assert run.report.results() == {NIC: "fenced"}


def remove(machine, address):
    """A function is unplugged."""
    machine.path(f"sys/bus/pci/devices/{address}").unlink()
    shutil.rmtree(machine.path(machine.directories[address]))


def test_a_function_that_goes_between_scan_and_fence(desktop):
    desktop.config("bind 02:00.0\nbind 03:00.0\nbind 01:00.0\n")
    run = stopped_at(desktop, "pipe", lambda: remove(desktop, NIC))
    assert run.report.results() == {NIC: "failed", TWIN: "fenced", GPU: "fenced"}
    assert run.report.reason("address", NIC) == \
        "cannot write driver_override: No such file or directory"
    assert override(desktop, TWIN).read_text() == override(desktop, GPU).read_text() == "vfio-pci"
    assert run.status == 1


def test_a_function_that_goes_between_fence_and_bind(desktop):
    """The last fence is the one that stops. The others are bound, or were asked to be."""
    desktop.driver("vfio-pci")
    desktop.config("bind 02:00.0\nbind 03:00.0\n")
    last = override(desktop, TWIN)
    run = stopped_at(desktop, "write", lambda: remove(desktop, TWIN), path=last)
    assert set(run.report.results()) == {NIC, TWIN}
    assert run.report.results()[NIC] == "fenced"
    assert override(desktop, NIC).read_text() == "vfio-pci"
    assert run.status == 1


def test_another_driver_that_takes_it_in_between(desktop):
    """A built-in driver's probe that comes late: what has the function is told, not taken."""
    desktop.driver("vfio-pci")
    desktop.config("bind 02:00.0\n")
    directory = desktop.directories[NIC]
    desktop.driver("e1000e")
    run = stopped_at(desktop, "write",
                     lambda: desktop.link(f"{directory}/driver", "sys/bus/pci/drivers/e1000e"),
                     path=override(desktop, NIC))
    assert run.report.results() == {NIC: "failed"}
    assert run.told(f"{NIC}: failed, e1000e has it")


@pytest.mark.parametrize("call, file, words", [
    ("openat:error=EROFS", "driver_override", "Read-only file system"),
    ("openat:error=EACCES", "driver_override", "Permission denied"),
    ("write:error=EINVAL", "driver_override", "Invalid argument"),
])
def test_sysfs_that_cannot_be_written(desktop, call, file, words):
    """One that is read-only for a single function costs that one only."""
    desktop.config("bind 02:00.0\nbind 03:00.0\n")
    here = desktop.path(desktop.directories[NIC]) / file
    paths = [here, f"sys/bus/pci/devices/{NIC}/{file}"]
    run = desktop.run(prefix=[*QUIET, *[word for path in paths for word in ("-P", path)],
                              "-e", f"inject={call}"])
    assert run.report.results() == {NIC: "failed", TWIN: "fenced"}
    assert run.report.reason("address", NIC) == f"cannot write driver_override: {words}"
    assert run.told(f"{NIC}: failed, not even fenced: ")
    assert override(desktop, TWIN).read_text() == "vfio-pci"


@pytest.mark.parametrize("error, words", [
    ("EINVAL", "Invalid argument"), ("EBUSY", "Device or resource busy"), ("EIO", "Input/output")])
def test_unbind_that_fails(desktop, error, words):
    """Fenced all the same: once it is let go, no host driver comes back."""
    desktop.driver("vfio-pci")
    desktop.config("bind 00:17.0\nbind 02:00.0\n")
    unbind = desktop.path("sys/bus/pci/drivers/ahci/unbind")
    run = desktop.run(prefix=[*QUIET, "-P", unbind, "-e", f"inject=write:error={error}"])
    assert run.report.results() == {AHCI: "failed", NIC: "fenced"}
    assert run.report.reason("address", AHCI).startswith(f"ahci does not release it: {words}")
    assert override(desktop, AHCI).read_text() == "vfio-pci"
    assert desktop.read("sys/bus/pci/drivers/vfio-pci/bind") == NIC


def test_unbind_that_hangs(desktop):
    """The others get their turn, and the report names the step. strace delays what the kernel
    would: the program may spend half of its 10 seconds on one step.
    """
    desktop.driver("vfio-pci")
    desktop.config("bind 00:17.0\nbind 02:00.0\n")
    unbind = desktop.path("sys/bus/pci/drivers/ahci/unbind")
    run = desktop.run(prefix=[*QUIET, "-P", unbind, "-e", "inject=write:delay_enter=7000000"])
    assert run.report.reason("address", AHCI) == \
        "ahci does not release it: it hangs inside the kernel"
    assert override(desktop, AHCI).read_text() == override(desktop, NIC).read_text() == "vfio-pci"
    assert desktop.read("sys/bus/pci/drivers/vfio-pci/bind") == NIC


def test_when_the_time_is_up_the_rest_is_fenced(machine):
    """Ten fences that hang, stopped by strace, use up all of the 10 seconds. The others are still
    set, and nothing else is tried.
    """
    addresses = [f"0000:00:{device:02x}.0" for device in range(12)]
    for address in addresses:
        machine.function(address, "8086:10d3", "020000")
    machine.driver("vfio-pci")
    machine.config("".join(f"bind {address}\n" for address in addresses))
    hanging = [word for address in addresses[:10] for word in ("-P", override(machine, address))]
    run = machine.run(prefix=[*QUIET, *hanging, "-e", "inject=write:signal=STOP"])
    for address in addresses[10:]:
        assert override(machine, address).read_text() == "vfio-pci"
        assert run.report.results()[address] == "fenced"
        assert run.report.reason("address", address).endswith("not tried: the time was up")
    assert machine.read("sys/bus/pci/drivers/vfio-pci/bind") == ""


def test_no_sys_at_all(desktop):
    shutil.rmtree(desktop.path("sys"))
    desktop.config("bind 02:00.0\n")
    run = desktop.run()
    assert run.status == 4
    assert run.told("no PCI bus in /sys")
    assert run.written == {}


def test_no_run_is_made(desktop):
    desktop.path("run").rmdir()
    desktop.config("bind 02:00.0\n")
    assert desktop.run().report.results() == {NIC: "fenced"}


@pytest.mark.parametrize("call, words", [
    ("write:error=ENOSPC", "No space left on device"),
    ("renameat:error=EROFS", "Read-only file system"),
    ("openat:error=EROFS", "Read-only file system"),
])
def test_run_that_cannot_be_written(desktop, call, words):
    """The log says why there is no report, and half of one is not left."""
    new = desktop.write("run/vfio-early/report.new", "")
    desktop.config("bind 02:00.0\n")
    run = desktop.run(prefix=[*QUIET, "-P", new, "-P", "run/vfio-early/report.new", "-e",
                              f"inject={call}"])
    assert run.report is None
    assert override(desktop, NIC).read_text() == "vfio-pci"
    assert run.told(f"cannot write /run/vfio-early/report: {words}")
    if not call.startswith("openat"):
        assert not new.exists()


def test_a_report_that_the_strict_start_left(desktop):
    """With "start init" all was done before /run was mounted: the report is moved, no more."""
    desktop.write("usr/lib/vfio-early/report", "report version=1 mode=normal\n")
    desktop.config("start init\nbind 02:00.0\n")
    run = desktop.run()
    assert desktop.read("run/vfio-early/report") == "report version=1 mode=normal\n"
    assert run.written == {} and run.status == 0


def test_a_group_that_the_kernel_cannot_tell_costs_no_other_fence(desktop):
    """For want of memory, its own and not ours."""
    desktop.config("bind 01:00.0 with=group\nbind 02:00.0\n")
    run = desktop.run(prefix=[*QUIET, "-P", desktop.path("sys/kernel/iommu_groups/1/devices"),
                              "-e", "inject=getdents64:error=ENOMEM"])
    assert run.written == fence(GPU, NIC)


HOSTILE = ["\x1b[2J\x1b]0;x\x07", "../../../../etc", "a b\tc", "%s%n", "$(reboot)", "\x7f\x9b1m"]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_names_of_sysfs_do_no_harm(desktop, name):
    """A driver's name, from the link: neither a path, nor a terminal's."""
    directory = desktop.directories[NIC]
    desktop.path(f"{directory}/driver").symlink_to("../" + name.replace("/", "\x1b"))
    desktop.config("bind 02:00.0\n")
    run = desktop.run()
    assert run.report.results() == {NIC: "failed"}
    assert all(re.fullmatch(r"[^\x00-\x1f\x7f]+", line) for line in run.log)
    assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f\x7f]+", run.report.text)
    assert {path for path in run.written} == set(fence(NIC))


@pytest.mark.parametrize("name", ["0000:02:00.0 ", "0000:02:00", "..:..", "\x1b[2J",
                                  "zzzz:zz:zz.z"])
def test_names_of_functions_that_are_none(desktop, name):
    desktop.link(f"sys/bus/pci/devices/{name}", desktop.directories[TWIN])
    desktop.config("bind 8086:10d3 count=2\n")
    run = desktop.run()
    assert run.written == fence(NIC, TWIN)


@pytest.mark.parametrize("name", ["12/../../3", "-1", "99999999999", "x", "\x1b"], ids=ascii)
def test_groups_that_are_none(desktop, name):
    directory = desktop.directories[NIC]
    desktop.path(f"{directory}/iommu_group").unlink()
    desktop.path(f"{directory}/iommu_group").symlink_to("../" + name)
    desktop.config("bind 02:00.0 with=group\n")
    assert desktop.run().written == fence(NIC)


class Live:
    """The program in a root of its own, as on a running system: it logs to /dev/kmsg and loads
    modules, as far as strace lets it. No module comes near this kernel.
    """

    def __init__(self, root):
        self.machine = sweep.SCENARIOS[-1].make(root)
        for name in ("vfio", "vfio-pci"):
            self.machine.write(f"lib/modules/{name}.ko", "no module")

    def run(self, outcome="retval=0", *more):
        trace = self.machine.root.parent / "trace"
        done = subprocess.run(
            ["strace", "-f", "-qq", "-o", trace, "-e", f"inject=finit_module:{outcome}", *more,
             "chroot", self.machine.root, "/boot"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
        run = machines.Run(self.machine, done, {}, {})
        run.loads = re.findall(r'finit_module\(\d+, "([^"]*)", ([^)]*)\)', trace.read_text())
        return run


@pytest.fixture
def live(tmp_path):
    if not sweep.can_chroot():
        pytest.skip("only root can change its root")
    return Live(tmp_path / "root")


def test_modules_are_loaded_with_their_options(live):
    run = live.run()
    assert [options.strip() for options, _ in run.loads] == ["", "disable_vga=1"]
    assert [fields["result"] for fields in run.report.all("module")] == ["loaded", "loaded"]


@pytest.mark.parametrize("error, words", [
    ("EKEYREJECTED", "badly signed"), ("ENOKEY", "not signed by a key of this kernel"),
    ("EPERM", "module_blacklist= or lockdown forbids it"), ("ENOEXEC", "made for another kernel"),
    ("EINVAL", "refuses its options"), ("ENOMEM", "Cannot allocate memory"),
])
def test_modules_that_the_kernel_refuses(live, error, words):
    """Fenced all the same, with the errno and what it means."""
    live.machine.path("sys/bus/pci/drivers/vfio-pci/bind").unlink()
    run = live.run(f"error={error}")
    assert override(live.machine, NIC).read_text() == "vfio-pci"
    assert run.report.results()[NIC] == "fenced"
    assert words in run.report.reason("address", NIC)


def test_a_module_that_is_loaded_already(live):
    run = live.run("error=EEXIST")
    assert [fields["result"] for fields in run.report.all("module")] == ["loaded", "loaded"]


def test_a_module_file_that_is_missing(live):
    live.machine.path("lib/modules/vfio-pci.ko").unlink()
    live.machine.path("sys/bus/pci/drivers/vfio-pci/bind").unlink()
    run = live.run()
    assert run.report.results()[NIC] == "fenced"
    assert run.report.reason("address", NIC).startswith("module vfio_pci: No such file")


@pytest.mark.parametrize("words, reason", [
    ("modprobe.blacklist=vfio-pci", "modprobe.blacklist= names it")])
def test_a_module_that_the_command_line_forbids(live, words, reason):
    live.machine.cmdline(words)
    live.machine.path("sys/bus/pci/drivers/vfio-pci/bind").unlink()
    run = live.run()
    assert len(run.loads) == 1
    assert reason in run.report.reason("address", NIC)
    assert override(live.machine, NIC).read_text() == "vfio-pci"


def compress(live):
    """The only module of the load plan is a compressed file."""
    live.machine.path("lib/modules/vfio-pci.ko").rename(
        live.machine.path("lib/modules/vfio-pci.ko.xz"))
    live.machine.write("usr/lib/vfio-early/modules",
                       "[vfio-pci]\n/lib/modules/vfio-pci.ko.xz\n")


def test_compressed_where_the_kernel_cannot_unpack(live):
    """modprobe is asked, and here there is none: fenced, and told."""
    live.machine.path("sys/bus/pci/drivers/vfio-pci/bind").unlink()
    compress(live)
    run = live.run("error=EOPNOTSUPP")
    ((_, flags),) = run.loads
    assert re.match("0x4|MODULE_INIT_COMPRESSED_FILE", flags)
    assert run.report.results()[NIC] == "fenced"
    assert "module vfio_pci: Exec format error" in run.report.reason("address", NIC)


def test_compressed_and_refused_by_a_kernel_that_unpacks(live):
    """With MODULE_DECOMPRESS the kernel's own answer is the reason, as for a plain module."""
    live.machine.path("sys/bus/pci/drivers/vfio-pci/bind").unlink()
    compress(live)
    run = live.run("error=EINVAL")
    assert "the module refuses its options" in run.report.reason("address", NIC)


def test_what_modprobe_is_called_with(live, monkeypatch):
    """No empty word, and none of the options that initramfs-tools exports for its own calls."""
    monkeypatch.setenv("MODPROBE_OPTIONS", "-qb")
    compress(live)
    live.machine.config("bind 02:00.0\noption vfio-pci disable_vga=maybe\n")
    live.run("error=EOPNOTSUPP", "-v", "-s", "256")
    trace = (live.machine.root.parent / "trace").read_text()
    (call,) = re.findall(r'execve\("/sbin/modprobe", (.*)', trace)
    assert call.startswith('["/sbin/modprobe", "vfio_pci", "disable_vga=maybe"]')
    assert "MODPROBE_OPTIONS" not in call


def test_the_kernel_log(live):
    """One record a write, with its level; nothing goes to standard error."""
    run = live.run("retval=0")
    log = live.machine.read("dev/kmsg")
    assert run.log == []
    assert re.search(r"^<[46]>vfio-early: ", log)


def test_no_kernel_log(live):
    live.machine.path("dev/kmsg").unlink()
    run = live.run()
    assert run.told(f"{NIC}: fenced")
    assert run.report.results()[NIC] == "fenced"


def test_memory_that_ends_anywhere(desktop):
    """A config that needs more than the first 64 KiB. What was fenced until then stays so, and
    the log does not say that nothing was done.
    """
    desktop.config("bind 02:00.0\n" + "".join(
        f"bind {bus:02x}:{device:02x}.0 8086:10d3\n" for bus in range(16, 78)
        for device in range(32)))
    stopped = []
    for when in range(1, 40):
        override(desktop, NIC).write_text("(null)\n")
        run = desktop.run(watch=False, prefix=[
            *QUIET, "-e", f"inject=mmap:error=ENOMEM:when={when}+"])
        fenced = override(desktop, NIC).read_text() == "vfio-pci"
        assert run.status in (0, 1, 4)
        assert not run.told("nothing was done")
        if run.told("stopped: Cannot allocate memory"):
            stopped.append(fenced)
        elif not run.told("stopped"):
            break
    assert fenced and stopped
