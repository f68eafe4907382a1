# SPDX-License-Identifier: GPL-2.0-or-later
"""A slow and obvious reference: what a config selects on a machine, as the design has it, written
without a look at src/core. And machines and configs made at random, to hold the program against.

A function is a dict, a line a dict with the words that were written; nothing is parsed here, so
that the config's text is made from the same words as the expectation.
"""

import machine as machines

ALL_FUNCTIONS = 8
TARGET = "vfio-pci"


def holds(condition, value, function):
    """Does one condition of a line hold for a function?"""
    if condition == "class":
        return function["class"].startswith(value)
    return function[condition] == value


def meets(line, function):
    return all(holds(*condition, function) for condition in line["conditions"].items())


def is_bridge(function):
    return function["class"].startswith("06")


def companions(line, function, functions):
    """What with= brings in beside a function; bridges are never taken."""
    def along(other):
        if is_bridge(other):
            return False
        if line["with"] == "functions":
            return other["address"].rsplit(".")[0] == function["address"].rsplit(".")[0]
        if line["with"] == "group":
            return function["group"] is not None and other["group"] == function["group"]
        return False
    return [other for other in functions if along(other)]


def refusal(line, function, lines):
    """Is there a guard that forbids the line to take the function?"""
    keeps = [keep for keep in lines if keep["word"] == "keep" and keep["active"] and
             meets(keep, function) and
             not (keep["generated"] and "in-use" in line["allow"])]
    return bool(keeps) or is_bridge(function) or \
        (function["boot_display"] and "boot-display" not in line["allow"])


def select(line, lines, functions):
    """(result or None, [(function, refused)])"""
    found = [function for function in functions if meets(line, function)]
    if not found:
        return missing(line, functions), []
    if line["count"] != "all" and len(found) != line["count"]:
        return "ambiguous", []
    claims = [(function, refusal(line, function, lines)) for function in found]
    for function, refused in list(claims):
        if refused:
            continue
        for other in companions(line, function, functions):
            if all(other is not claimed for claimed, _ in claims):
                claims.append((other, refusal(line, other, lines)))
    return None, claims


def missing(line, functions):
    """absent: no such device. mismatch: another one in its place, or it is in another place."""
    conditions = line["conditions"]
    place = "address" if "address" in conditions else "path" if "path" in conditions else None
    if not place:
        return "absent"
    if any(holds(place, conditions[place], function) for function in functions):
        return "mismatch"
    identity = {name: value for name, value in conditions.items()
                if name not in ("address", "path")}
    if identity and any(all(holds(*item, function) for item in identity.items())
                        for function in functions):
        return "mismatch"
    return "absent"


# What several lines say of one function: the first line with the first of these decides.
DECIDES = ["taken", "refused", "invalid"]


def expect(lines, functions):
    """(results of lines: {number: result or None}, results of functions: {address: (number of the
    line that decides, result)}, what is fenced: {address: driver})
    """
    of_lines, claims = {}, []
    for line in lines:
        if not line["active"]:
            of_lines[line["number"]] = "inactive"
        elif line["word"] == "keep":
            of_lines[line["number"]] = "active"
        else:
            of_lines[line["number"]], taken = select(line, lines, functions)
            claims += [(line, function, refused) for function, refused in taken]
    for line, function, _ in claims:
        for other, same, _ in claims:
            if same is function and other["driver"] != line["driver"]:
                of_lines[line["number"]] = "invalid"
    results, fences = {}, {}
    for line, function, refused in claims:
        if of_lines[line["number"]] == "invalid":
            result = "invalid"
        elif refused:
            result = "refused"
        else:
            result = "taken"
            fences[function["address"]] = line["driver"]
        decided = results.setdefault(function["address"], (line["number"], result))
        if DECIDES.index(result) < DECIDES.index(decided[1]):
            results[function["address"]] = line["number"], result
    return of_lines, results, fences


IDS = ["8086:10d3", "8086:10d4", "10de:1c03", "144d:a808"]
CLASSES = ["020000", "020001", "030000", "038000", "0c0330", "0c0340", "060400", "010802"]
SUBSYSTEMS = ["0000:0000", "1458:3702", "8086:0001"]
SERIALS = ["00-1b-21-ff-ff-00-00-01", "00-1b-21-ff-ff-00-00-02", "ff-ff-ff-ff-ff-ff-ff-ff"]
DRIVERS = [TARGET, TARGET, TARGET, "pci-stub", "mlx5_vfio_pci"]
PROFILES = ["gaming", "work"]


def random_functions(random):
    """Functions on a root bus and behind bridges, bridges first."""
    functions, bridges = [], [None]
    for number in range(random.randint(1, 12)):
        behind = random.choice(bridges)
        is_port = random.random() < 0.3
        if behind is None:
            domain = random.choice(["0000", "0000", "10000"])
            bus, path = "00", f"{domain}:00:"
        else:
            domain = behind["address"].rsplit(":", 2)[0]
            bus, path = f"{1 + functions.index(behind):02x}", behind["path"] + "/"
        devfn = f"{random.choice([0, 1, 31]):02x}.{random.choice([0, 1, 7])}"
        address = f"{domain}:{bus}:{devfn}"
        if any(function["address"] == address for function in functions):
            continue
        display = random.random() < 0.2
        function = {
            "address": address, "path": path + devfn, "behind": behind and behind["address"],
            "id": random.choice(IDS), "subsystem": random.choice(SUBSYSTEMS),
            "class": "060400" if is_port else random.choice(CLASSES),
            "serial": random.choice(SERIALS + [None]),
            "group": random.choice([None, number, 1, 2]),
            "driver": random.choice(["", "", "e1000e", TARGET]),
        }
        function["boot_display"] = display and function["class"] == "030000"
        functions.append(function)
        if is_port:
            bridges.append(function)
    return functions


def random_conditions(random, functions):
    some = random.choice(functions)
    conditions = {}
    for name in random.sample(["address", "path", "id", "subsystem", "class", "serial"],
                              random.choice([1, 1, 1, 2, 2, 3])):
        of = some if random.random() < 0.8 else random.choice(functions)
        value = of[name]
        if name == "class":
            value = value[:random.randint(2, 6)]
        if name in ("address", "path") and random.random() < 0.1:
            value = "0000:77:00.0"
        conditions[name] = value or random.choice(SERIALS)
    return conditions


def random_lines(random, functions, chosen, generated=False):
    lines, number, profile = [], 0, None
    for _ in range(random.randint(1, 5)):
        number += 1
        if not generated and random.random() < 0.15:
            profile = random.choice(PROFILES)
            lines.append({"word": f"[{profile}]", "number": number})
            continue
        conditions = random_conditions(random, functions)
        one = "address" in conditions or "path" in conditions
        keep = generated or random.random() < 0.2
        lines.append({
            "word": "keep" if keep else "bind", "number": number, "generated": generated,
            "conditions": conditions, "active": profile is None or profile in chosen,
            "count": random.choice([1, "all"] if one else [1, 1, 2, 3, "all"]),
            "with": random.choice([None, None, "functions", "group"]),
            "driver": random.choice(DRIVERS),
            "allow": random.choice([(), (), ("boot-display",), ("in-use",),
                                    ("in-use", "boot-display")])})
    return lines


def shorter(random, address):
    """An address as people write it."""
    return address[5:] if address.startswith("0000:") and random.random() < 0.5 else address


def words(random, line):
    """A line as text: in any order, with and without what is optional."""
    if line["word"].startswith("["):
        return line["word"]
    conditions = []
    for name, value in line["conditions"].items():
        if name in ("address", "path"):
            value = shorter(random, value)
        bare = name in ("address", "id") and random.random() < 0.5
        value = value.upper() if random.random() < 0.1 else value
        conditions.append(value if bare else f"{name}={value}")
    settings = []
    if line["word"] == "bind":
        settings = [f"allow={value}" for value in line["allow"]]
        settings += [f"with={line['with']}"] if line["with"] else []
        if line["count"] != 1 or random.random() < 0.2:
            settings.append(f"count={line['count']}")
        if line["driver"] != TARGET or random.random() < 0.2:
            settings.append(f"driver={line['driver']}")
    mixed = conditions + settings
    random.shuffle(mixed)
    blank = random.choice([" ", "\t", "  "])
    return blank.join([line["word"], *mixed]) + random.choice(["", "", " # comment", "\r", " "])


class Trial:
    """A machine and a config at random, and what the reference expects of them."""

    def __init__(self, random):
        self.chosen = random.choice([[], [], ["gaming"], ["gaming", "work"]])
        self.functions = random_functions(random)
        self.lines = random_lines(random, self.functions, self.chosen)
        self.kept = random_lines(random, self.functions, (), generated=True) \
            if random.random() < 0.3 else []
        self.config = "".join(words(random, line) + "\n" for line in self.lines)
        self.keep = "".join(words(random, line) + "\n" for line in self.kept)
        self.statements = [line for line in self.lines if "conditions" in line]

    def make(self, root):
        machine = machines.Machine(root)
        for function in self.functions:
            machine.function(
                function["address"], function["id"], function["class"],
                behind=function["behind"], driver=function["driver"], group=function["group"],
                subsystem=function["subsystem"], serial=function["serial"],
                boot_vga=int(function["boot_display"]))
        machine.config(self.config)
        if self.kept:
            machine.write("usr/lib/vfio-early/keep.conf", self.keep)
        if self.chosen:
            machine.cmdline("vfio_early=" + ",".join(self.chosen))
        return machine

    def wrong(self, run):
        """How a run differs from what is expected: a list of sentences."""
        of_lines, results, fences = expect(self.statements + self.kept_lines(), self.functions)
        conf = "/etc/vfio-early.conf:"
        if not any(line["word"] == "bind" for line in self.statements):
            return [] if not run.written else [f"no bind line, and wrote {run.written}"]
        report = run.report
        records = report.all("function")
        taken = {fields["address"]: (
            int(fields["line"].removeprefix(conf)),
            "taken" if fields["result"] in ("bound", "fenced", "failed") else fields["result"])
            for fields in records}
        wrong = []
        if len(taken) != len(records):
            wrong.append(f"a function twice: {records}")
        if report.errors():
            wrong.append(f"errors: {report.errors()}")
        if taken != results:
            wrong.append(f"functions: {taken}, not {results}")
        for number, result in of_lines.items():
            is_told = report.lines().get(f"{conf}{number}")
            if number > 0 and result and is_told != result:
                wrong.append(f"line {number}: {is_told}, not {result}")
        overrides = {path.split("/")[0]: what for path, what in run.written.items()
                     if path.endswith("/driver_override")}
        if overrides != fences:
            wrong.append(f"fences: {overrides}, not {fences}")
        others = {what for path, what in run.written.items()
                  if not path.endswith("/driver_override")}
        if not others <= set(fences):
            wrong.append(f"also wrote: {run.written}")
        return wrong

    def kept_lines(self):
        """The generated lines, with numbers that are none of the config's."""
        return [line | {"number": -line["number"]} for line in self.kept]

    def __str__(self):
        functions = "\n".join(str(function) for function in self.functions)
        return f"{functions}\n--- {','.join(self.chosen)}\n{self.config}--- keep\n{self.keep}"
