# SPDX-License-Identifier: GPL-2.0-or-later
"""Figure "binding": instructions of a guest from nothing to everything bound, the kernel's and the
modules' included. All contestants run in one boot, one after the other, on the same functions.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(os.path.abspath(__file__)).parent
sys.path.insert(0, str(HERE.parent))
import debian  # noqa: E402
import image  # noqa: E402
import once  # noqa: E402
import qemu  # noqa: E402

sys.path.insert(0, str(once.TREE / "test/bench"))
import measure  # noqa: E402

COUNTS = (1, 8, 64)
ROUNDS = 2  # the first one of each contestant warms the caches, and is not counted
# Eight cards of eight functions, from 00:02.0 on.
SUBJECTS = [f"00:{2 + n // 8:02x}.{n % 8}" for n in range(64)]
MODULES = "/bench/modules"
SHELLS = once.TREE / "test/bench/shell"
DRIVERCTL = pathlib.Path("/usr/sbin/driverctl")
BOOT = "/usr/lib/vfio-early/vfio-early-boot"
# What driverctl needs, beside busybox, kmod and the libraries of the image.
BASH_PROGRAMS = ("bash", "basename", "cut", "readlink", "realpath", "cat", "mkdir")

# The rule and its program run once for each function: add events of those whose override is free.
UDEV_RULE = """\
ACTION=="add", SUBSYSTEM=="pci", KERNEL=="%s", RUN+="/bench/shell/udev $kernel"
"""
UDEV_PROGRAM = """\
#!/bin/sh
echo vfio-pci >/sys/bus/pci/devices/$1/driver_override
[ -e /sys/bus/pci/drivers/vfio-pci ] || modprobe -i vfio-pci
[ -e /sys/bus/pci/devices/$1/driver ] || echo "$1" >/sys/bus/pci/drivers/vfio-pci/bind
"""
UDEV_TRIGGER = """\
#!/bin/sh
while read -r address; do
	set -- "$@" --sysname-match="$address"
done <"$LIST/addresses"
udevadm trigger --action=add "$@"
udevadm settle
"""
DRIVERCTL_LOOP = """\
#!/bin/bash
PATH=/bench/bin:$PATH
while read -r address; do
	driverctl --nosave set-override "$address" vfio-pci
done <"$LIST/addresses"
"""
IDS = """\
#!/bin/sh
modprobe vfio-pci ids=1234:11e8
"""

# Contestant to its commands where the modules have to be loaded, and where they are there.
FLOOR = {"cold": f"/bench/floor @{MODULES} @/bench/now/addresses",
         "warm": "/bench/floor @/bench/now/addresses"}
CONTESTANTS = {
    "floor": FLOOR,
    "vfio-early": BOOT,
    "shell, no forks": "/bench/shell/addresses",
    "shell, $(cat), $(basename)": "/bench/shell/forks",
    "modprobe ids=": "/bench/shell/modprobe-ids",
    "driverctl": "/bench/shell/driverctl",
    "udev rule": "/bench/shell/udev-trigger",
}
ONLY = {"modprobe ids=": {("cold", 64)}}  # it takes all of a model, and only when it is loaded


def command(contestant, kind):
    known = CONTESTANTS[contestant]
    return known if isinstance(known, str) else known[kind]


def code(contestant):
    """One word for the guest's plan."""
    return re.sub(r"\W+", "-", contestant).strip("-")


def runs():
    """(kind, contestant, count) of every run, in order."""
    for kind in ("cold", "warm"):
        for count in COUNTS:
            for contestant in CONTESTANTS:
                if (kind, count) in ONLY.get(contestant, {(kind, count)}):
                    yield from [(kind, contestant, count)] * ROUNDS
    for count in COUNTS:
        for contestant in ("floor", "vfio-early", "shell, no forks"):
            yield "traced-cold", contestant, count
    yield "graph", "floor", 1


def plan():
    lines = [" ".join((kind, code(contestant), str(count),
                       command(contestant, "warm" if "warm" in kind else "cold")))
             for kind, contestant, count in runs()]
    return "\n".join(lines) + "\n"


def lay(tree, suite):
    """The files of the benchmark, below `tree`, to be laid over an image."""
    bench = tree / "bench"
    (bench / "shell").mkdir(parents=True)
    for program, compiler in (("init", "cc"), ("floor", "klcc")):
        once.run(compiler, *"-std=gnu11 -Os -Wall -Wextra -Werror -static".split(), "-o",
                 bench / program, HERE / f"guest/{program}.c")
    once.run("strip", bench / "floor")
    texts = {"udev": UDEV_PROGRAM, "udev-trigger": UDEV_TRIGGER, "driverctl": DRIVERCTL_LOOP,
             "modprobe-ids": IDS, **{name: (SHELLS / name).read_text("utf-8")
                                     for name in ("addresses", "forks")}}
    for name, text in texts.items():
        (bench / "shell" / name).write_text(text, "utf-8")
        (bench / "shell" / name).chmod(0o755)
    for count in COUNTS:
        addresses = [f"0000:{address}" for address in SUBJECTS[:count]]
        (bench / str(count)).mkdir()
        (bench / str(count) / "addresses").write_text("\n".join(addresses) + "\n", "ascii")
        (bench / str(count) / "vfio-early.conf").write_text(
            "".join(f"bind {address}\n" for address in addresses), "ascii")
    (bench / "plan").write_text(plan(), "utf-8")
    (tree / "etc/udev/rules.d").mkdir(parents=True)
    (tree / "etc/udev/rules.d/10-bench.rules").write_text(
        UDEV_RULE % "|".join(f"0000:{address}" for address in SUBJECTS), "utf-8")
    (tree / "etc/vfio-early.conf").symlink_to("/bench/now/vfio-early.conf")
    _bring_driverctl(tree, suite)


def _bring_driverctl(tree, suite):
    """bash and the programs that it forks, with their libraries, from the suite. Most of them
    stay apart: what is called so in the image is busybox, by a hard link, and writing to one name
    would write to all of them.
    """
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "bench/bin").mkdir()
    shutil.copy(DRIVERCTL, tree / "bench/bin/driverctl")
    for program in BASH_PROGRAMS:
        place = "usr/bin" if program == "bash" else "bench/bin"
        shutil.copy(suite.root / f"usr/bin/{program}", tree / place / program)
        said = once.run("chroot", suite.root, "ldd", f"/usr/bin/{program}")
        for library in re.findall(r"(/\S+) \(0x", said):
            place = tree / "usr" / library.lstrip("/").removeprefix("usr/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy((suite.root / library.lstrip("/")).resolve(), place)


def overlaid(base, tree, result):
    """The image with a tree laid over it as a second archive."""
    shutil.copyfile(base, result)
    with open(result, "ab") as file:
        names = subprocess.run(["find", ".", "-mindepth", "1", "-print0"], cwd=tree,
                               capture_output=True, check=True).stdout
        subprocess.run(["cpio", "-0", "-o", "--quiet", "-H", "newc", "-R", "0:0"], cwd=tree,
                       input=names, stdout=file, check=True)
    return result


def boot(suite):
    """Everything in one boot: the frames that the guest sent, [(name, text)] in their order."""
    base = image.image(suite, "shared")
    place = once.VM / "bench" / suite.name
    once.remove(place)
    place.mkdir(parents=True)
    lay(place / "tree", suite)
    initrd = overlaid(base, place / "tree", place / "image")
    devices = tuple(qemu.Device(address, "edu") for address in SUBJECTS)
    machine = qemu.Machine(suite.vmlinux, initrd, image.real_root(suite), devices=devices,
                           command_line="quiet rdinit=/bench/init", counted=True)
    done = qemu.boot(machine, place)
    assert done.ending == "powered off", f"the guest {done.ending}\n{done.console[-2000:]}"
    return list(frames((place / "frames").read_text("utf-8", "replace")))


def frames(text):
    """All of them: several have one name."""
    position = 0
    while found := re.compile(r"=== (\w+) (\d+)\n").match(text, position):
        position = found.end() + int(found[2])
        yield found[1], text[found.end():position]


def parse(sent):
    """One dictionary a run, with the trace that followed it, if one did."""
    found = []
    for name, text in sent:
        if name == "run":
            kind, contestant, count, start, end, bound, _ = text.split()
            found.append({"kind": kind, "contestant": contestant, "count": int(count),
                          "instructions": int(end) - int(start), "bound": int(bound),
                          "start": int(start), "end": int(end)})
        elif name == "trace":
            found[-1]["trace"] = text
    return found


def totals(found):
    """The least of the rounds of each contestant, the first one of them left out."""
    names = {code(name): name for name in CONTESTANTS}
    rows = []
    for kind in ("cold", "warm"):
        for count in COUNTS:
            for contestant in names:
                rounds = [run for run in found if (run["kind"], run["contestant"], run["count"])
                          == (kind, contestant, count)]
                if not rounds:
                    continue
                wrong = [run["bound"] for run in rounds if run["bound"] != count]
                assert not wrong, f"{contestant} bound {wrong} of {count} functions"
                rows.append({"contestant": names[contestant], "modules": kind, "functions": count,
                             "instructions": min(run["instructions"] for run in rounds[1:])})
    return rows


EVENT = re.compile(r"-(\d+) +\[\d+\] \S+ +(\d+): (\w+): (.*)$", re.M)
FINIT_MODULE, FORK = 313, (56, 57, 58)


def phases(run):
    """Where the instructions of a traced run went. Loading is what finit_module() took, less the
    probes in it; those, and the ones that a write to `bind` made, are binding.
    """
    events = [(int(time), name, rest) for _, time, name, rest in EVENT.findall(run["trace"])]
    first_fence = min(time for time, name, _ in events if name == "fence")
    last_fence = max(time for time, name, _ in events if name == "fenced")
    started = next(time for time, name, rest in events
                   if name == "sched_process_exec" and time >= run["start"])
    loads = spans(events, lambda name, rest: name == "sys_enter" and f"NR {FINIT_MODULE} " in rest,
                  lambda name, rest: name == "sys_exit" and f"NR {FINIT_MODULE} " in rest)
    probes = spans(events, lambda name, _: name == "probe", lambda name, _: name == "probed")
    binding = sum(end - start for start, end in probes)
    inside = sum(end - start for start, end in probes
                 if any(a <= start <= b for a, b in loads))
    loading = sum(end - start for start, end in loads) - inside
    split = {"process start": started - run["start"], "reading": first_fence - started,
             "fencing": last_fence - first_fence, "module loading": loading, "binding": binding}
    split["reporting and the rest"] = run["end"] - run["start"] - sum(split.values())
    return split


def spans(events, opens, closes):
    """(start, end) of what starts and ends with these events, which do not nest."""
    found, start = [], None
    for time, name, rest in events:
        if opens(name, rest):
            start = time
        elif start is not None and closes(name, rest):
            found.append((start, time))
            start = None
    return found


GRAPH = re.compile(r"^ \d+\) +(?:[+!#*@$] +)?(?:([\d.]+) us)? *\|( +)([\w.]*)", re.M)
PARTS = {"module_sig_check": "signature", "do_init_module": "init, and synchronizing with others",
         "module_finalize": "relocation and patching", "resolve_symbol": "symbols",
         "mod_sysfs_setup": "sysfs"}


def loading_parts(trace):
    """What the functions that load_module() calls take of its time, in all modules together; in
    shares, since tracing them costs as well.
    """
    spent, whole, open_name = dict.fromkeys(PARTS.values(), 0.0), 0.0, None
    for micros, indent, name in GRAPH.findall(trace):
        depth = len(indent) // 2 - 1
        if depth == 0 and micros:
            whole += float(micros)
        elif depth == 1 and micros:
            part = PARTS.get(name or open_name)
            if part:
                spent[part] += float(micros)
        elif depth == 1:
            open_name = name
    return {**{part: value / whole for part, value in spent.items()},
            "the rest": 1 - sum(spent.values()) / whole}


def each_module(run):
    """Instructions of each finit_module() of a traced run, in the order of the load plan."""
    events = [(int(time), name, rest) for _, time, name, rest in EVENT.findall(run["trace"])]
    return [end - start for start, end in spans(
        events, lambda name, rest: name == "sys_enter" and f"NR {FINIT_MODULE} " in rest,
        lambda name, rest: name == "sys_exit" and f"NR {FINIT_MODULE} " in rest)]


def versions(suite):
    return {"Linux": suite.release, "QEMU": once.run("qemu-system-x86_64", "--version").split()[3]}


def figure(suite_name="bookworm"):
    suite = debian.suite(suite_name)
    once.say(f"{suite_name}: all contestants in one guest ...")
    sent = boot(suite)
    found = parse(sent)
    modules = [pathlib.Path(path).stem for path in dict(sent)["modules"].split()]
    traced = [run for run in found if run["kind"] == "traced-cold"]
    names = {code(name): name for name in CONTESTANTS}
    (graph,) = [run["trace"] for run in found if run["kind"] == "graph"]
    return {
        "rows": totals(found),
        "phases": [{"contestant": names[run["contestant"]], "functions": run["count"],
                    **phases(run)} for run in traced],
        "modules": dict(zip(modules, next(each_module(run) for run in traced if
                                          (run["contestant"], run["count"]) == ("floor", 1)))),
        "loading": loading_parts(graph),
        "versions": {**versions(suite), "driverctl": measure.package("driverctl")},
    }
