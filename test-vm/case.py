# SPDX-License-Identifier: GPL-2.0-or-later
"""A case: a short file in cases/: what is booted, and what must come of each device.

    title     what it shows, in a sentence
    config    the vfio-early.conf that the machine boots with
    image     a kind of generator.py, or a list of them; "shared" (default) is a usual one of
              initramfs-tools, "dracut" and "dracut-systemd" are those of dracut
    suites    default: bookworm and trixie; others of debian.KERNELS have another kernel
    kernel    more for the kernel command line
    firmware  "bios" or "uefi" starts the kernel as a boot loader does, so that the kernel has
              the firmware's display; else it is started at once
    iommu     a kind of qemu.py; "intel" by default
    bridges   {bus: "ADDRESS MODEL"}: the bridge that leads to each bus, all in hexadecimal,
              instead of one root port for each bus
    client    what the VFIO client uses: the function at an address, or a list of them, or
              all that "vfio-pci" has
    contend   drivers that are given the ID of a device by new_id: ["r8169:1234:11e8"]
    overlay   {path: text} of more files laid over the image
    modules   {path: what} of modules laid over the image, as kmodule.py makes them
    plan      lines in front of the image's load plan
    builtin   a module that is loaded before the image's /init, as if it were built in
    shell     the root file system is not to appear: what is typed at the emergency shell
    loaded    modules that are named somewhere to be loaded early: in `kernel`, in `overlay`
    log       words that must stand in the kernel log
    console   words that must be on the console
    answers   commands that `vfio-early` must answer in the guest, in bounded time
    report    lines that the report must have: every word of each must stand in one line
    before    where the disk with the root file system was when the image was built. The machine
              is booted so, and what the image's keep lines are to be is asked of it
    check     words that `vfio-early check` must say
    warnings  what must be warned of ("W: ...") when the image is built
    caught    for a negative control: what the judge must find wrong with a claimed device
    device    one table a device: at (its address; 00:05.* is a card of eight functions that
              are alike, and there can be a list), model (of devices.toml), expect (of
              judge.py; or a table of that for each suite), tried (drivers of `contend` that
              must have probed it in vain), target (the driver that its line names), had (the
              driver of `builtin` that had it), client (what the client must say of it, if not
              that all is well), status (what `vfio-early status` must say of it), inner (it
              is given to a machine inside the guest, whose driver must find this: the MAC
              address, or the first line on the disk), disk (what is on its disk), properties
              (more for QEMU)
    every     "listed" or "unlisted": one of every model of devices.toml that QEMU has, in
              slots of the root bus, and in the config each by address and id, or not. Models
              with `own-port` are behind a root port each
"""

import concurrent.futures
import dataclasses
import itertools
import json
import os
import re
import shlex
import tomllib

import debian
import generator
import image
import inner
import judge
import kmodule
import once
import qemu

DISK_SIZE = 1 << 20  # of a device with `disk`
KEEP = "usr/lib/vfio-early/keep.conf"  # in an image

# What `every` says of a device: "listed" is claimed, or taken over where the kernel has its
# driver built in; "unlisted" is the host's, or idle where the kernel has no driver for it.
LISTED, UNLISTED = "listed", "unlisted"
FIRST_SLOT, SLOTS = 0x01, 0x0F  # of the root bus


@dataclasses.dataclass(frozen=True)
class Case:
    """One file of cases/, for one suite."""

    name: str
    suite: str
    title: str
    config: str
    image: str = "shared"
    kernel: str = ""
    firmware: str = ""
    iommu: str = "intel"
    bridges: dict = dataclasses.field(default_factory=dict)
    client: str = ""
    contend: tuple = ()
    overlay: dict = dataclasses.field(default_factory=dict)
    modules: dict = dataclasses.field(default_factory=dict)
    plan: str = ""
    builtin: str = ""
    shell: str = ""
    loaded: tuple = ()
    log: tuple = ()
    console: tuple = ()
    answers: tuple = ()
    report: tuple = ()
    before: str = ""
    check: tuple = ()
    warnings: tuple = ()
    caught: tuple = ()
    device: tuple = ()
    every: str = ""

    of_many: bool = False  # the file names several images

    @property
    def id(self):
        return f"{self.name}-{self.suite}{f'-{self.image}' if self.of_many else ''}"

    @property
    def names(self):
        """What selects it: its own name, or one that it shares with others."""
        return self.name, f"{self.name}-{self.suite}", self.id


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a case: `problems` are sentences; none means that it passed."""

    case: Case
    boot: qemu.Boot
    findings: tuple
    problems: tuple

    def words(self):
        """The verdict for people, one paragraph a device."""
        lines = [f"{self.case.id}: {self.case.title}", f"The guest {self.boot.ending}."]
        for finding in self.findings:
            subject = finding.subject
            lines.append(f"{subject.address}, {subject.expect}: {finding.saw}.")
            lines += [f"    {code}: {words}" for code, words in finding.problems]
        return "\n".join([*lines, *self.problems]) + "\n"


OWN = {"name", "suite", "of_many"}  # not in the file
KEYS = {field.name for field in dataclasses.fields(Case)} - OWN | {"suites"}


def load_all():
    """Every case for every suite, or those that CASE in the environment selects."""
    paths = sorted((once.HERE / "cases").glob("*.toml"))
    cases = [case for path in paths for case in load(path)]
    wanted = os.environ.get("CASE")
    selected = [case for case in cases if not wanted or wanted in case.names]
    if not selected:
        names = " ".join(sorted({case.name for case in cases}))
        raise SystemExit(f"no case is called {wanted}; there are: {names}")
    return selected


def load(path):
    """The case of one file, once for each of its suites and images."""
    table = tomllib.loads(path.read_text("utf-8"))
    unknown = set(table) - KEYS
    if unknown:
        raise ValueError(f"{path}: unknown key: {' '.join(sorted(unknown))}")
    if "every" in table:
        table.update(_one_of_every(table["every"], table["config"]))
    suites, images = table.pop("suites", debian.SUITES), table.pop("image", Case.image)
    of_many = isinstance(images, list)
    table["device"] = [one for row in table.pop("device", ()) for one in _each(row)]
    fields = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in table.items()
    }
    return [
        Case(name=path.stem, suite=suite, image=kind, of_many=of_many, **fields)
        for suite in suites
        for kind in (images if of_many else [images])
    ]


def _each(device):
    """One table of a file, once for each address that it has."""
    places = device["at"] if isinstance(device["at"], list) else [device["at"]]
    for place in places:
        functions = range(8) if place.endswith("*") else place[-1]
        for function in functions:
            yield {**device, "at": f"{place[:-1]}{function}"}


def _one_of_every(expect, config):
    """The devices of a case with `every`, and its config with a line for each if listed."""
    models = [
        (model, row) for model, row in image.catalogue().items()
        if model in qemu.models() and not (expect == UNLISTED and row.get("only-listed"))
    ]  # fmt: skip
    models.sort(key=lambda one: (one[1].get("own-port", False), not one[1].get("first", False)))
    slots = (
        f"00:{FIRST_SLOT + number % SLOTS:02x}.{number // SLOTS}" for number in itertools.count()
    )
    ports = (f"{bus:02x}:00.0" for bus in itertools.count(1))
    devices = [
        {"at": next(ports if row.get("own-port") else slots), "model": model, "expect": expect}
        for model, row in models
    ]
    if expect == LISTED:
        for device, (_, row) in zip(devices, models):
            allow = " allow=boot-display" if row.get("display") else ""
            config += f"bind 0000:{device['at']} {row['id']}{allow}\n"
    return {"device": devices, "config": config}


def prepare(cases):
    """Fetches and builds what these cases boot: one suite beside the other."""
    wanted = {}
    for case in cases:
        wanted.setdefault(case.suite, []).append(case)
    image.staged()
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for _ in pool.map(_prepare_suite, wanted, wanted.values()):
            pass


def _prepare_suite(suite, cases):
    for case in cases:
        _real_root(case, debian.suite(suite))
        _image_of(case, debian.suite(suite))


def _real_root(case, suite):
    return (inner if _inner(case) else image).real_root(suite)


def _inner(case):
    """The devices that a machine inside the guest is given."""
    return [device for device in case.device if "inner" in device]


def _image_of(case, suite):
    return image.image(suite, case.image, case.config)


def run(case):
    """Boots a case and judges it. What is left of a failure lies in build/vm/failed/."""
    place = once.VM / "boots" / case.id
    once.remove(place)
    if case.before:
        overlay = {**case.overlay, **_keep_lines(case, place / "before")}
        case = dataclasses.replace(case, overlay=overlay)
    boot = _boot(case, place)
    outcome = examine(case, boot)
    keep(outcome, place)
    return outcome


def _boot(case, place):
    """Boots the machine of a case."""
    suite = debian.suite(case.suite)
    place.mkdir(parents=True, exist_ok=True)
    machine = qemu.Machine(
        vmlinux=suite.bzimage if case.firmware else suite.vmlinux,
        uefi=case.firmware == "uefi",
        initrd=_initrd(case, suite, place),
        unified=_unified(case, suite, place),
        disk=_real_root(case, suite),
        devices=_devices(case, place),
        bridges=_bridges(case),
        iommu=case.iommu,
        command_line=_command_line(case),
        typed=case.shell,
    )
    boot = qemu.boot(machine, place)
    once.note_time("boot", case.id, boot.seconds)
    (place / "image").unlink(missing_ok=True)
    return boot


def _keep_lines(case, place):
    """What an image gets that is built on the machine as it was before: {path: text}."""
    (root,) = [one for one in case.device if one["model"] in qemu.ROOTS]
    then = dataclasses.replace(
        case,
        bridges={},
        device=({**root, "at": case.before},),
        kernel=f"{case.kernel} vfio_early=dry-run vmtest.ask=image",
    )
    boot = _boot(then, place)
    if not boot.frames.get("keep"):
        said = boot.frames.get("image", boot.ending)
        raise RuntimeError(f"{case.id}: there are no keep lines for the image: {said}")
    return {KEEP: boot.frames["keep"]}


def _initrd(case, suite, place):
    """The image, with the case's config and the drivers that shall compete laid over it.

    /conf/modules is what a user's /etc/initramfs-tools/modules becomes: its modules are
    loaded after init-top, for all devices alike.
    """
    base = _image_of(case, suite)
    kind = generator.KINDS[case.image]
    if kind.config is generator.OWN:
        return base
    files = {"etc/vfio-early.conf": case.config}
    if kind.program == "mkinitramfs":
        rows = [_row(device) for device in case.device]
        modules = [name for row in rows for name in image.module_names(row)]
        modules += [_module_of(who.split(":")[0]) for who in case.contend]
        files["conf/modules"] = "\n".join(modules) + "\n"
    files.update(case.overlay)
    files.update((path, kmodule.made(suite, what)) for path, what in case.modules.items())
    if case.plan:
        files["usr/lib/vfio-early/modules"] = kmodule.load_plan(suite, case.plan)
    if case.builtin:
        files |= {"vmtest.ko": kmodule.made(suite, case.builtin), "vmtest-first": image.first()}
    return image.with_files(base, files, place / "image")


def _module_of(driver):
    """The module of a driver: of that name, if no row of devices.toml says otherwise."""
    rows = image.catalogue().values()
    found = (row["module"] for row in rows if row.get("driver") == driver)
    return next(found, driver)


def _unified(case, suite, place):
    """The disk with a unified kernel image where UEFI looks for it, or None."""
    if not generator.KINDS[case.image].unified:
        return None
    program = place / "esp/EFI/BOOT/BOOTX64.EFI"
    program.parent.mkdir(parents=True)
    os.link(_image_of(case, suite), program)
    return place / "esp"


def _devices(case, place):
    return tuple(_device(one, place) for one in case.device)


def _device(device, place):
    backend, disk = _row(device).get("backend", ""), None
    if "disk" in device:
        backend, disk = qemu.DISK, place / f"disk-{device['at']}"
        disk.write_text(device["disk"].ljust(DISK_SIZE, "\n"), "utf-8")
    return qemu.Device(device["at"], device["model"], _properties(device), backend, disk=disk)


def _row(device):
    return image.catalogue()[device["model"]]


def _properties(device):
    row = _row(device)
    own = (row.get("properties"), device.get("properties"))
    return ",".join(words for words in own if words)


def _bridges(case):
    return tuple(
        qemu.Bridge(*words.split(), secondary=int(bus, 16))
        for bus, words in case.bridges.items()
    )


def _command_line(case):
    words = [f"root=LABEL={image.ROOT_LABEL}"]
    words += [case.kernel] if case.kernel else []
    words += ["rdinit=/vmtest-first"] if case.builtin else []
    words += [f"vmtest.contend={who}" for who in case.contend]
    words += [f"vmtest.client={who}" for who in _clients(case)]
    words += [f"vmtest.inner=0000:{one['at']}" for one in _inner(case)]
    asked = {"status"} if any("status" in one for one in case.device) else set()
    asked |= {"check"} if case.check else set()
    words += [f"vmtest.ask={command}" for command in sorted(asked | set(case.answers))]
    return " ".join(words)


def _clients(case):
    """Whose devices the VFIO client uses: a driver's, or functions by their addresses."""
    named = [case.client] if isinstance(case.client, str) else case.client
    return [who if who == judge.VFIO else f"0000:{who}" for who in named if who]


def subjects(case):
    """What the judge is asked."""
    for device in case.device:
        expect = device["expect"]
        yield _subject(case, device, expect[case.suite] if isinstance(expect, dict) else expect)


def _subject(case, device, expect):
    row = _row(device)
    module, tried = _module(row, case.suite), tuple(device.get("tried", ()))
    if expect in (LISTED, UNLISTED):
        kernel = debian.suite(case.suite)
        there = module in kernel.loadable | kernel.builtin
        if row.get("ids-vary"):
            there = there and kernel.has_alias(row["id"])
        if expect == LISTED:
            expect = _listed(row, module in kernel.builtin)
        else:
            expect = judge.HOST if there and not row.get("in-vain") else judge.IDLE
            tried = (row["driver"],) if there and expect == judge.IDLE else ()
        module = module if there else ""
    return judge.Subject(
        f"0000:{device['at']}", expect, device.get("had", row.get("driver", "")), module, tried,
        device.get("target", judge.VFIO),
    )  # fmt: skip


def _module(row, suite):
    """The module of a device's driver, of several names the one that this kernel has."""
    names = image.module_names(row)
    if len(names) < 2:
        return "".join(names)
    kernel = debian.suite(suite)
    return next((name for name in names if name in kernel.loadable | kernel.builtin), names[0])


def _listed(row, builtin):
    if not builtin:
        return judge.CLAIMED
    return judge.TRIED if row.get("in-vain") else judge.TAKEN


def examine(case, boot):
    """All that must hold after a boot, in words where it does not."""
    frames = boot.frames
    findings = judge.judge(
        frames.get("trace", ""), frames.get("functions", ""), subjects(case)
    )
    problems = []
    if boot.ending != "powered off":
        problems.append(f"the guest did not end well: {boot.ending}")
    problems += _caught(case, findings) if case.caught else _wrong(findings)
    for stranger in judge.strangers(frames.get("trace", ""), subjects(case)):
        problems.append(f"{stranger}: touched, although it is not listed")
    problems += judge.latecomers(
        frames.get("trace", ""), list(subjects(case)), case.loaded
    )
    problems += re.findall(r"^vmtest: .*", boot.console, re.M)
    problems += _misplaced(case, frames.get("functions", ""))
    for words in case.log:
        if words not in frames.get("log", ""):
            problems.append(f"the kernel log has no word of: {words}")
    for words in case.console:
        if words not in boot.console:
            problems.append(f"the console has no word of: {words}")
    problems += _log_problems(frames.get("report", ""), frames.get("log", ""))
    problems += _report_problems(case, frames.get("report", ""))
    problems += _warning_problems(case)
    problems += _client_problems(case, frames.get("client", ""))
    problems += _inner_problems(case, frames.get("inner", ""))
    problems += _status_problems(case, frames.get("status", ""))
    problems += _answer_problems(case, frames)
    for words in case.check:
        if words not in frames.get("check", ""):
            problems.append(f"`vfio-early check` has no word of: {words}")
    return Outcome(case, boot, tuple(findings), tuple(problems))


def _misplaced(case, functions):
    """Devices that the guest saw elsewhere than the case says: it would prove nothing."""
    ids = re.findall(r"^(\S+) id=0x(\w+):0x(\w+)", functions, re.M)
    seen = {address: f"{vendor}:{device}" for address, vendor, device in ids}
    for device in case.device:
        address, expected = f"0000:{device['at']}", _row(device)["id"]
        if seen.get(address) != expected:
            yield f"{address}: not {expected}, but {seen.get(address, 'nothing')} is there"


def _client_problems(case, said):
    """What the VFIO client did not say of the devices that it was to use."""
    asked, answers = _clients(case), client_answers(said)
    for device, subject in zip(case.device, subjects(case), strict=True):
        used = subject.address in asked or (
            judge.VFIO in asked and subject.expect in judge.OURS
        )
        answer = answers.get(subject.address, "(no word)\n")
        if used and device.get("client", "status 0") not in answer:
            yield f"{subject.address}: the VFIO client failed:\n{answer}"


def _inner_problems(case, said):
    """What the machine inside the guest did not say of the devices that it was given."""
    for device in _inner(case):
        row = _row(device)
        words = f"{row['id']} {row['driver']} {device['inner']}"
        if not re.search(rf"^function \S+ {re.escape(words)}\r?$", said, re.M):
            yield f"0000:{device['at']}: the machine inside has no {words}:\n{said}"


def client_answers(said):
    """What the VFIO client said of each function that it used: address to words."""
    words = re.split(r"^client (\S+)\n", said, flags=re.M)
    return dict(zip(words[1::2], words[2::2], strict=True))


def _status_problems(case, said):
    """What `vfio-early status --json` should have said of devices, and did not."""
    found = re.search(r"^\{.*^\}", said, re.M | re.S)
    rows = json.loads(found[0])["devices"] if found else []
    results = {row["address"]: row["result"] for row in rows}
    for device in case.device:
        address, expected = f"0000:{device['at']}", device.get("status")
        if expected and results.get(address) != expected:
            yield (
                f"{address}: `vfio-early status` says {results.get(address)}, "
                f"not {expected}:\n{said}"
            )


def _wrong(findings):
    for finding in findings:
        for _, words in finding.problems:
            yield f"{finding.subject.address}: {words}"


def _caught(case, findings):
    """A negative control: the claimed devices must be found wrong, the others right."""
    for finding in findings:
        if finding.subject.expect != judge.CLAIMED:
            yield from _wrong([finding])
        elif not finding.codes >= set(case.caught):
            missing = " ".join(sorted(set(case.caught) - finding.codes))
            yield f"{finding.subject.address}: the judge did not catch {missing}"


RESULTS = {  # what the report says of a function, where it names one
    judge.CLAIMED: "result=bound driver=vfio-pci",
    judge.TAKEN: "result=bound driver=vfio-pci",
    judge.TRIED: "result=bound driver=vfio-pci",
    judge.FENCED: "result=fenced",
    judge.STUCK: "result=fenced",
    judge.PROBING: "result=fenced",
    judge.RESCUED: "result=bound driver=vfio-pci",
    judge.TAKEN_RESCUED: "result=bound driver=vfio-pci",
}


LOGGED = ("bound", "fenced", "failed")  # results that the kernel log has for each device
SUMMARY = r"vfio-early: .*; see /run/vfio-early/report$"  # the last line of the boot program


def _report_problems(case, report):
    """The report is no witness, but it must tell what the kernel saw."""
    wanted = list(case.report)
    if not case.caught:
        wanted += [
            f"function address={subject.address} {RESULTS[subject.expect]}"
            for subject in subjects(case)
            if subject.expect in RESULTS
        ]
    lines = [set(shlex.split(line)) for line in report.splitlines()]
    for words in wanted:
        if not any(line >= set(shlex.split(words)) for line in lines):
            yield f"no line of the report has: {words}"


def _log_problems(report, log):
    """Checks that the kernel log has a line for each device that the report names, and the
    summary. The kernel drops lines of a program that writes too many at once.
    """
    rows = [shlex.split(line) for line in report.splitlines() if line.startswith("function ")]
    rows = [dict(word.split("=", 1) for word in row[1:]) for row in rows]
    results = {row["address"]: row["result"] for row in rows}
    logged = [address for address, result in results.items() if result in LOGGED]
    missing = [address for address in logged if f"vfio-early: {address}: " not in log]
    if missing:
        yield f"the kernel log has no line for {len(missing)} devices: {' '.join(missing)}"
    if results and not re.search(SUMMARY, log, re.M):
        yield "the kernel log has no summary of vfio-early"


def _answer_problems(case, frames):
    """Checks that each command ended by itself in the guest, and printed a JSON document."""
    for command in case.answers:
        said = frames.get(command, "(no word)\n")
        if not re.search(r"^\{.*^\}.*^status [0-9]+\n\Z", said, re.M | re.S):
            yield f"`vfio-early {command}` did not answer:\n{said}"


def _warning_problems(case):
    """What the user had to be told when the image was built."""
    log = _image_of(case, debian.suite(case.suite)).with_suffix(".log")
    said = [
        line for line in log.read_text("utf-8").splitlines() if line.startswith("W: ")
    ]
    for words in case.warnings:
        if not any(words in line for line in said):
            yield f"nobody warned of {words}"


def keep(outcome, place):
    """Lays out what the guest left; for a failure also the command that repeats it."""
    for name, text in outcome.boot.frames.items():
        if text:
            (place / name).write_text(text, "utf-8")
    (place / "verdict").write_text(outcome.words(), "utf-8")
    once.remove(place / "esp")
    failed = once.VM / "failed" / outcome.case.id
    once.remove(failed)
    if outcome.problems:
        (place / "repeat").write_text(f"make check-vm CASE={outcome.case.id}\n", "utf-8")
        failed.parent.mkdir(parents=True, exist_ok=True)
        place.rename(failed)
