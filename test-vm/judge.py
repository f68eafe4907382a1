# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges the kernel's own trace: who probed which device, when, and what came before it.

Pure: text in, verdict out. What the trace holds is armed by qemu.TRACE: every call of
really_probe(), driver_bound(), driver_set_override() or dev_attr_store(), and
device_driver_detach() (all in drivers/base), and every module before its init function runs
(kernel/module/main.c).

Judged is the order of the lines, never the names of processes: early ones resolve late.
"""

import dataclasses
import re

VFIO = "vfio-pci"

# What a case may expect of a device:
CLAIMED = "claimed"  # vfio-pci is the first and only driver that ever probed it
TAKEN = "taken over"  # a built-in driver had it first; then vfio-pci, and nothing else
TRIED = "tried"  # a built-in driver tried it first, in vain; then vfio-pci, and nothing else
RESCUED = "rescued"  # claimed, and given back: the root file system was on it
TAKEN_RESCUED = "taken over, rescued"  # the same, where a built-in driver had it first
FENCED = "fenced"  # vfio-pci can't have it, and no other driver may: it stays idle
STUCK = "stuck"  # a built-in driver never lets it go: fenced, and probed by nothing else
PROBING = "probing"  # the target's probe never returns: fenced, and probed by nothing else
HOST = "host"  # not listed: its usual driver has it, and we never touched it
IDLE = "idle"  # not listed, and no driver of the host wants it: nobody touched it
OURS = (CLAIMED, TAKEN, TRIED)  # vfio-pci has it at the end


@dataclasses.dataclass(frozen=True)
class Event:
    """One line of the trace. `what` is a device, or for "load" a module."""

    time: float
    kind: str  # probe, bound, fence, release or load
    what: str
    driver: str = ""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A device to be judged: `driver` and `module` are the usual ones, of the host."""

    address: str
    expect: str
    driver: str = ""
    module: str = ""  # empty if it is built in, or if there is no driver
    tried: tuple = ()  # drivers that must have probed it in vain: so they competed
    target: str = VFIO  # the driver that its line names

    @property
    def target_module(self):
        return self.target.replace("-", "_")


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was seen of a device, and what was wrong with it: (code, words) each."""

    subject: Subject
    saw: str
    problems: tuple = ()

    @property
    def codes(self):
        return {code for code, _ in self.problems}


@dataclasses.dataclass(frozen=True)
class History:
    """The part of a trace that concerns one device, in order."""

    events: tuple  # of this device, and loads of the modules that matter for it
    driver: str  # that it has at the end, or ""

    def all(self, kind):
        return [event for event in self.events if event.kind == kind]

    def first(self, kind, **fields):
        """The first event of a kind whose fields have these values, or None."""
        for event in self.all(kind):
            if all(getattr(event, name) == value for name, value in fields.items()):
                return event
        return None

    def before(self, one, other):
        """Whether the event `one` is there, and no event `other` before it."""
        if one is None:
            return False
        return other is None or self.events.index(one) < self.events.index(other)

    def after(self, event):
        """What happened from this event on."""
        return dataclasses.replace(self, events=self.events[self.events.index(event) :])

    def bound_to(self, driver):
        """When a driver's probe succeeded: the `bound` that follows its probe."""
        last = None
        for event in self.events:
            if event.kind == "probe":
                last = event
            elif event.kind == "bound" and last and last.driver == driver:
                return event
        return None


EVENT = re.compile(
    r"^.*?\s(?P<time>\d+\.\d+): (?P<kind>probe|bound|fence|store|release|module_load): "
    r"(?:\(\S+\) )?"
    r"(?:dev=\"(?P<dev>[^\"]*)\"(?: attr=\"(?P<attr>[^\"\n]*)\")?"
    r"(?: drv=\"(?P<drv>[^\"\n]*))?|(?P<module>\S+))",
    re.M,
)


def parse_trace(text):
    """The events of /sys/kernel/tracing/trace, in its order: that of their times.

    A write to the attribute driver_override is the fence where the kernel has no function for
    it, and shows none in the whole trace.
    """
    stores = not re.search(r": fence: ", text)
    events = []
    for found in EVENT.finditer(text):
        kind = {"module_load": "load"}.get(found["kind"], found["kind"])
        if kind == "store":
            if not stores or found["attr"] != "driver_override":
                continue
            kind = "fence"
        what = found["module"] or found["dev"]
        events.append(Event(float(found["time"]), kind, what, found["drv"] or ""))
    return events


def parse_functions(text):
    """Address to driver at the end, from the frame of the guest's init; "" for none."""
    drivers = re.findall(r"^(\S+) .*\bdriver=(.+?) (?:override|group)=", text, re.M)
    return {address: "" if driver == "-" else driver for address, driver in drivers}


def trace_problem(text):
    """Why this trace can't be judged, or None: a witness with gaps proves nothing."""
    count = re.search(r"entries-in-buffer/entries-written: (\d+)/(\d+)", text)
    if not count:
        return "this is no trace"
    if count[1] != count[2]:
        return f"the kernel lost {int(count[2]) - int(count[1])} events"
    if not re.search(r": probe: .*drv=\"pcieport\"|: probe: .*drv=\"virtio-pci\"", text):
        return "there is no probe of any PCI device in it"
    return None


def history(events, drivers, subject):
    """What happened to one device."""
    mine = {subject.address, subject.module}
    if subject.expect != HOST:
        mine.add(subject.target_module)
    return History(
        tuple(event for event in events if event.what in mine),
        drivers.get(subject.address, ""),
    )


def judge(trace, functions, subjects):
    """One Finding for each subject."""
    events, drivers = parse_trace(trace), parse_functions(functions)
    broken = trace_problem(trace)
    if broken:
        return [Finding(one, broken, (("no-trace", broken),)) for one in subjects]
    return [_judge_one(history(events, drivers, one), one) for one in subjects]


def strangers(trace, subjects):
    """Devices that nobody listed, whether subjects or not, and that we touched."""
    listed = {one.address for one in subjects if one.expect not in (HOST, IDLE)}
    touched = [
        event.what
        for event in parse_trace(trace)
        if event.kind in ("fence", "release") or event.driver == VFIO
    ]
    return sorted(set(touched) - listed)


def latecomers(trace, subjects, modules):
    """What is wrong with modules that somebody loads by name: each must be loaded, but only
    when every listed device is vfio-pci's, or fenced where it can't be. Sentences.
    """
    events = parse_trace(trace)
    claimed = [one for one in subjects if one.expect in (*OURS, FENCED)]
    for module in modules:
        load = _position(events, "load", module)
        if load is None:
            yield f"{module} was never loaded: what names it did not compete"
            continue
        for one in claimed:
            past = history(events, {}, one)
            fenced = one.expect == FENCED
            safe = past.first("fence", driver=VFIO) if fenced else past.bound_to(VFIO)
            if safe is None or events.index(safe) > load:
                what = "fenced" if fenced else "vfio-pci's"
                yield f"{one.address}: not {what} yet when {module} was loaded"


def _position(events, kind, what):
    """Where the first event of this kind is, or None."""
    for position, event in enumerate(events):
        if (event.kind, event.what) == (kind, what):
            return position
    return None


def _judge_one(past, subject):
    rules = RULES[subject.expect]
    problems = [problem for rule in rules for problem in rule(past, subject)]
    return Finding(subject, describe(past, subject), tuple(problems))


def _at(event):
    return f"at {event.time:.3f} s"


def _first_by_target(past, subject):
    first = past.first("probe")
    if first and first.driver != subject.target:
        yield "host-first", f"first probed by {first.driver} {_at(first)}"


def _only_by_target(past, subject):
    ours = past.first("probe", driver=subject.target)
    for event in past.all("probe"):
        if event.driver != subject.target and past.before(ours, event):
            yield "host-later", f"probed by {event.driver} {_at(event)}, after {ours.driver}"


def _fenced_before_target(past, subject):
    fence = past.first("fence", driver=subject.target)
    load = past.first("load", what=subject.target_module)
    if fence is None:
        yield "not-fenced", "never fenced"
    elif not past.before(fence, load):
        yield "fenced-late", f"fenced {_at(fence)}, when {load.what} was loaded already"


def _bound_to_target(past, subject):
    if past.bound_to(subject.target) is None:
        yield "not-bound", f"never bound to {subject.target}"
    elif past.driver != subject.target:
        yield "lost", f"its driver at the end is {past.driver or 'none'}"


def _module_came(past, subject):
    if subject.module and past.first("load", what=subject.module) is None:
        yield "no-contender", f"{subject.module} was never loaded: nothing competed"


def _bound_before_module(past, subject):
    load = past.first("load", what=subject.module)
    if load and not past.before(past.bound_to(subject.target), load):
        when = f"{subject.module} was loaded {_at(load)}"
        yield "module-first", f"{when}, and {subject.target} did not have it by then"


def _fenced_before_module(past, subject):
    load = past.first("load", what=subject.module)
    if load and not past.before(past.first("fence", driver=subject.target), load):
        yield "module-first", f"{subject.module} was loaded {_at(load)}, before the fence"


def _stays_without_driver(past, subject):
    for event in past.all("bound"):
        yield "bound", f"bound {_at(event)}"
    if past.driver:
        yield "lost", f"its driver at the end is {past.driver}"


def _released(past, subject):
    """The built-in driver's probe, our fence, the release, vfio-pci: in this order."""
    first, fence = past.first("probe"), past.first("fence", driver=VFIO)
    release, ours = past.first("release"), past.first("probe", driver=VFIO)
    if first is None or first.driver != subject.driver:
        yield "not-built-in", f"{subject.driver} did not have it first"
    elif not (past.before(fence, release) and past.before(release, ours)):
        yield "not-released", "not fenced, released and probed by vfio-pci in this order"
    for event in past.all("probe")[1:]:
        if event.driver != VFIO:
            yield "host-later", f"probed by {event.driver} again {_at(event)}"


def _tried(past, subject):
    """The built-in driver's probe, which fails, our fence, vfio-pci: in this order."""
    first, fence = past.first("probe"), past.first("fence", driver=VFIO)
    if first is None or first.driver != subject.driver:
        yield "not-built-in", f"{subject.driver} did not try it first"
    elif past.bound_to(subject.driver) is not None or not past.before(first, fence):
        yield "not-in-vain", f"{subject.driver} had it, or tried it when it was fenced"
    for event in past.all("probe")[1:]:
        if event.driver != VFIO:
            yield "host-later", f"probed by {event.driver} again {_at(event)}"


def _never_let_go(past, subject):
    """The built-in driver's probe, our fence, the release: and nothing any more."""
    first, fence = past.first("probe"), past.first("fence", driver=subject.target)
    release = past.first("release")
    if first is None or first.driver != subject.driver:
        yield "not-built-in", f"{subject.driver} did not have it first"
    elif release is None or not (past.before(first, fence) and past.before(fence, release)):
        yield "not-released", "not fenced and released in this order"
    for event in past.all("probe")[1:]:
        yield "probed", f"probed by {event.driver} {_at(event)}"


def _probed_for_ever(past, subject):
    if past.first("probe", driver=subject.target) is None:
        yield "not-probed", f"{subject.target} never probed it: nothing hung"
    for event in past.all("bound"):
        yield "bound", f"bound {_at(event)}"


def _given_back(past, subject):
    """Ours; then the fence is cleared and it is released, and the host has it."""
    ours = past.bound_to(subject.target)
    later = past.after(ours) if ours else past
    cleared = later.first("fence", driver="")
    if ours is None or later.first("release") is None:
        yield "not-bound", f"never bound to {subject.target} and released from it afterwards"
    elif cleared is None or later.after(cleared).bound_to(subject.driver) is None:
        yield "not-cleared", f"{subject.driver} did not get it after the fence was cleared"


def _untouched(past, subject):
    for kind in ("fence", "release"):
        for event in past.all(kind):
            yield "touched", f"{kind} {_at(event)}, although it is not listed"
    ours = past.first("probe", driver=VFIO)
    if ours:
        yield "touched", f"probed by vfio-pci {_at(ours)}, although it is not listed"


def _ends_with_host(past, subject):
    if past.driver != subject.driver:
        yield "not-host", f"its driver at the end is {past.driver or 'none'}, not {subject.driver}"


def _with_host(past, subject):
    if past.driver != subject.driver or past.bound_to(subject.driver) is None:
        yield "not-host", f"its driver is {past.driver or 'none'}, not {subject.driver}"


def _without_driver(past, subject):
    if past.driver:
        yield "not-idle", f"its driver is {past.driver}"
    for driver in subject.tried:
        if not past.first("probe", driver=driver):
            yield "no-contender", f"{driver} never probed it: nothing competed"


RULES = {
    CLAIMED: (_first_by_target, _only_by_target, _fenced_before_target, _bound_to_target,
              _module_came, _bound_before_module),
    FENCED: (_first_by_target, _only_by_target, _fenced_before_target, _stays_without_driver,
             _module_came, _fenced_before_module),
    RESCUED: (_first_by_target, _fenced_before_target, _given_back, _ends_with_host),
    STUCK: (_never_let_go,),
    PROBING: (_first_by_target, _only_by_target, _fenced_before_target, _probed_for_ever,
              _module_came, _fenced_before_module),
    TAKEN_RESCUED: (_fenced_before_target, _given_back, _ends_with_host),
    TRIED: (_tried, _fenced_before_target, _bound_to_target),
    TAKEN: (_released, _fenced_before_target, _bound_to_target),
    HOST: (_untouched, _with_host),
    IDLE: (_untouched, _without_driver),
}  # fmt: skip


def timeline(past, subject):
    """(time, words) of what happened to one device, for people."""
    lines, last = [], ""
    for event in past.events:
        if event.kind == "probe":
            last = event.driver
        words = {
            "fence": f"fenced for {event.driver}" if event.driver else "no longer fenced",
            "release": "taken from its driver",
            "bound": f"bound to {last}",
            "probe": _vain(past, event) and f"probed by {event.driver} in vain",
            "load": f"{event.what} loaded",
        }[event.kind]
        if words:
            lines.append((event.time, words))
    return lines


def _vain(past, probe):
    """Whether the next thing that happened to the device is not that it was bound."""
    later = past.events[past.events.index(probe) + 1 :]
    return next((one.kind for one in later if one.kind != "load"), "") != "bound"


def describe(past, subject):
    """The timeline in one sentence."""
    told = [f"{words} at {time:.3f} s" for time, words in timeline(past, subject)]
    return ", ".join(told) or "nothing happened to it"
