# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables (Markdown) and plots (SVG, PNG) of what was measured."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

plt.rcParams.update({"svg.hashsalt": "vfio-early", "font.size": 9, "axes.spines.top": False,
                     "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3,
                     "axes.axisbelow": True, "legend.frameon": False})

OURS, OTHER = "#0a6b4f", "#b8b8b8"
COLOURS = {"vfio-early": OURS, "floor": "#333333"}
OTHERS = ("#b0413e", "#d98c2b", "#7a6fac", "#5a8fbf", "#8a8a8a", "#c46fa0")


def everything(figures, directory):
    parts = [INTRODUCTION, goals_section(figures)]
    for name, (section, plot) in SECTIONS.items():
        if name not in figures:
            continue
        if plot:
            save(plot(figures[name]), directory / name)
        parts += [section(figures[name]), versions(figures[name])]
    (directory / "README.md").write_text("\n".join(parts), "utf-8")


def save(drawing, path):
    drawing.tight_layout()
    drawing.savefig(f"{path}.svg", metadata={"Date": None})
    drawing.savefig(f"{path}.png", dpi=110, metadata={"Software": None})
    plt.close(drawing)


def number(value):
    return f"{value:,}" if isinstance(value, int) else str(value)


def millions(value):
    return f"{value / 1e6:,.2f}"


def table(heads, rows):
    lines = [" | ".join(heads), " | ".join(["---"] + ["---:"] * (len(heads) - 1))]
    lines += [" | ".join(number(cell) for cell in row) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def versions(figure):
    words = ", ".join(f"{name} {version}" for name, version in figure["versions"].items())
    return f"Measured with {words}; {figure['machine']}.\n"


def select(rows, **fields):
    return [row for row in rows if all(row[key] == value for key, value in fields.items())]


def contestants(rows):
    return list(dict.fromkeys(row["contestant"] for row in rows))


def shown(name):
    """A dollar would start a formula."""
    return name.replace("$", r"\$")


def lines(axes, rows, across, up, others=OTHERS):
    """One line a contestant; ours are green."""
    spare = list(others)
    styles = ["-", "--", ":", "-."]
    for name in contestants(rows):
        mine = select(rows, contestant=name)
        ours = name.startswith("vfio-early")
        axes.plot([row[across] for row in mine], [row[up] for row in mine], marker="o", ms=3,
                  color=OURS if ours else spare.pop(0), label=shown(name),
                  ls=styles.pop(0) if ours else "-", lw=2 if ours else 1.2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


INTRODUCTION = """\
# What it costs

Made by `make bench`; one figure alone: `make bench FIGURE=calls`. On a machine that others use wall
time lies, so nothing here is a time: system calls, instructions and bytes repeat. The raw numbers
are in [figures.json](figures.json).
"""


def binding_goals(figure):
    """(goal, measured, met) of the most functions."""
    most = max(row["functions"] for row in figure["rows"])

    def whole(contestant, kind="cold"):
        (row,) = select(figure["rows"], contestant=contestant, modules=kind, functions=most)
        return row["instructions"]

    def loading(contestant):
        (row,) = select(figure["phases"], contestant=contestant, functions=most)
        return row["module loading"]
    loads = loading("floor")
    ours = whole("vfio-early") - loading("vfio-early")
    free, forks = whole("shell, no forks"), whole("shell, $(cat), $(basename)")
    for goal, measured, limit in (
            ("at most 1.15 of the floor", whole("vfio-early") / whole("floor"), 1.15),
            ("without module loading, at most 0.7 of the shell loop without forks",
             ours / (free - loads), 0.7),
            ("the same where the modules are there already",
             whole("vfio-early", "warm") / whole("shell, no forks", "warm"), 0.7),
            ("without module loading, at most 0.05 of the shell loop with forks "
             f"(the floor has {(whole('floor') - loads) / (forks - loads):.3f})",
             ours / (forks - loads), 0.05),
            ("module loading no dearer than the same finit_module calls (1 in 100 is noise)",
             loading("vfio-early") / loads, 1.01)):
        yield f"{most} functions: {goal}", f"{measured:.3f}", measured <= limit


def calls_goals(figure):
    def row(contestant, functions):
        return select(figure["rows"], contestant=contestant, functions=functions, claimed=4)[0]
    sizes = sorted({found["functions"] for found in figure["rows"]})
    few, many = (row("vfio-early, addresses", size) for size in (sizes[0], sizes[-1]))
    share = many["instructions"] / few["instructions"]
    yield "addresses: the same cost on 10 and on 10,000 functions", f"{share:.3f}", \
        abs(share - 1) <= 0.05
    few, many = (row("vfio-early, ids", size) for size in (sizes[0], sizes[-1]))
    each = (many["calls"] - few["calls"]) / (sizes[-1] - sizes[0])
    yield "at most 4 system calls for each function that is read", f"{each:.2f}", each <= 4
    for shell in ("busybox sh", "dash"):
        share = row("vfio-early, ids", 1000)["instructions"] \
            / row(f"{shell}, ids", 1000)["instructions"]
        yield f"IDs on 1,000 functions: at most 0.05 of {shell}'s user instructions, without " \
            "forks", f"{share:.3f}", share <= 0.05


GOALS = {"binding": binding_goals, "calls": calls_goals}

REASONS = """
Why some are missed:

- *The shell loop with forks*: the floor alone has nearly all of that twentieth. What is above it is
  reading each function, by which the wrong card is told from the right one, and a line in the
  kernel's log and in the report for each: "Where they go", below.
- *The modules are there already*: for the same reasons. The loop reads nothing and tells nothing.
- *User instructions with IDs*: a function costs the loop about 25,000 instructions, us 3,700: text
  becomes numbers, an address becomes a path, and what was found is sorted. By callgrind none of the
  parts has more than a seventh of it: there is no one thing left to mend. Compiled for speed (-O2)
  instead of size it is 3,300, in a program of 41,064 bytes.
"""


def goals_section(figures):
    rows = [[goal, measured, "met" if met else "**missed**"] for name, goals in GOALS.items()
            if name in figures for goal, measured, met in goals(figures[name])]
    return "## The goals\n\n" + table(["", "measured", ""], rows) + REASONS


def calls_section(figure):
    rows = figure["rows"]
    few = [row for row in rows if row["claimed"] == 4]
    many = [row for row in rows if row["claimed"] != 4]
    sizes = sorted({row["functions"] for row in few})

    def grid(key):
        return table(["", *[number(size) for size in sizes]],
                     [[name, *[next((row[key] for row in few if row["contestant"] == name
                                     and row["functions"] == size), "–") for size in sizes]]
                      for name in contestants(few)])
    return f"""\
## The boot program on generated machines

Machines of 10 to 10,000 functions, four of them claimed. `addresses` and so on are the conditions
of the config's lines. The shell loops do nothing but what is needed: no check, no report, no log.
Those called `ids` read two attributes of every function; `forks` has one `$(cat)` and one
`$(basename)` for each.

![user instructions](calls.svg)

User instructions of all processes (callgrind):

{grid("instructions")}
System calls of all processes (strace):

{grid("calls")}
With more functions claimed, on the machine of 10,000:

{table(["", "claimed", "system calls", "user instructions"],
       [[row["contestant"], row["claimed"], row["calls"], row["instructions"]] for row in many])}"""


def calls_plot(figure):
    drawing, axes = plt.subplots(figsize=(9, 4.5))
    lines(axes, select(figure["rows"], claimed=4), "functions", "instructions")
    axes.set_xlabel("functions of the machine; 4 are claimed")
    axes.set_ylabel("user instructions")
    return drawing


def size_section(figure):
    return "## The boot program with other C libraries\n\nThe same flags, static, stripped.\n\n" \
        + table(["", "bytes"], [[row["library"], row["bytes"]] for row in figure["rows"]])


def image_section(figure):
    heads = ["", "image without", "image with", "grows by", "unpacked: vfio's modules",
             "unpacked: the programs", "unpacked: config, list, scripts", "unpacked: anything else"]
    keys = ("image", "without", "with", "growth", "modules", "programs", "texts", "other")
    return """\
## What an image grows by

Bytes. Images with everything that binding needs, beside the same made with an empty config. vfio's
modules would be in the image with any other way to bind so early.

""" + table(heads, [[row[key] for key in keys] for row in figure["rows"]])


def host_section(figure):
    rows = figure["rows"]
    sizes = sorted({row["functions"] for row in rows})
    return f"""\
## list, check and status

User instructions on generated machines, beside `lspci -nnk` and `driverctl list-devices` on the
same tree. There are no loadable modules for lspci to name in it.

![user instructions](host.svg)

{table(["", *[number(size) for size in sizes]],
       [[name, *[next((row["instructions"] for row in select(rows, contestant=name)
                       if row["functions"] == size), "–") for size in sizes]]
        for name in contestants(rows)])}"""


def host_plot(figure):
    drawing, axes = plt.subplots(figsize=(9, 4))
    lines(axes, figure["rows"], "functions", "instructions")
    axes.set_xlabel("functions of the machine")
    axes.set_ylabel("user instructions")
    return drawing


def binding_section(figure):
    rows = figure["rows"]
    counts = sorted({row["functions"] for row in rows})
    floors = {(row["modules"], row["functions"]): row["instructions"]
              for row in select(rows, contestant="floor")}

    def cell(name, kind, count):
        for row in select(rows, contestant=name, modules=kind, functions=count):
            ratio = row["instructions"] / floors[kind, count]
            return f"{millions(row['instructions'])} ({ratio:.2f})"
        return "–"

    def grid(kind):
        return table(["", *[f"{count}" for count in counts]],
                     [[name, *[cell(name, kind, count) for count in counts]]
                      for name in contestants(rows) if select(rows, contestant=name, modules=kind)])
    names = list(figure["phases"][0])[2:]
    whole = sum(figure["modules"].values())
    return f"""\
## From nothing to everything bound

Millions of instructions of a guest, the kernel's included, and in brackets the multiple of the
floor: a program that makes only the system calls that can't be left out, reads nothing, checks
nothing and tells nobody. All contestants ran in one boot, each after the same reset; a run that did
not end with every function bound would not be here. `modprobe ids=` takes all of a model, so that
it can't be had for fewer.

![instructions](binding.svg)

The modules have to be loaded:

{grid("cold")}
The modules are there already:

{grid("warm")}
Where they go, in a traced run (tracing itself takes part of them), the modules being loaded:

{table(["", "functions", *names],
       [[row["contestant"], row["functions"], *[millions(row[name]) for name in names]]
        for row in figure["phases"]])}
### Loading the modules

One `finit_module` each, with one function bound by the last one, millions of instructions:

{table(["", "instructions", "share"], [[name, millions(value), f"{value / whole:.0%}"]
                                       for name, value in figure["modules"].items()])}
What the kernel does in them (shares of `load_module()`, by its function graph):

{table(["", "share"], [[name, f"{share:.0%}"] for name, share in figure["loading"].items()])}"""


def binding_plot(figure):
    """Bars for the most functions, the cheapest at the top."""
    most = max(row["functions"] for row in figure["rows"])
    drawing, pair = plt.subplots(2, 1, figsize=(7.5, 5.6))
    for axes, kind, words in zip(pair, ("cold", "warm"),
                                 ("the modules loaded on the way", "the modules there already")):
        rows = sorted(select(figure["rows"], modules=kind, functions=most),
                      key=lambda row: -row["instructions"])
        counts = [row["instructions"] / 1e6 for row in rows]
        bars = axes.barh([shown(row["contestant"]) for row in rows], counts, height=0.7,
                         color=[COLOURS.get(row["contestant"], OTHER) for row in rows])
        axes.bar_label(bars, [f"{count / counts[-1]:.2f} ×" for count in counts], padding=4)
        axes.set_title(f"{most} functions bound, {words}", loc="left", fontweight="bold")
        axes.set_xscale("log")
        axes.set_xlim(counts[-1] / 2, counts[0] * 2)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    pair[1].set_xlabel("millions of instructions of the guest; × the floor")
    return drawing


def boot_section(figure):
    return """\
## The boot

From the kernel's first process to the real root's init: millions of instructions of the guest while
any task ran (the kernel's own count; idling is left out). Eight functions are claimed that no host
driver wants. Of dracut "without" is the same image with `vfio_early=off`; of initramfs-tools it is
one made with an empty config, so that unpacking the modules counts as well.

""" + table(["", "without", "with", "more", "share"],
            [[row["image"], millions(row["without"]), millions(row["with"]),
              millions(row["with"] - row["without"]),
              f"{row['with'] / row['without'] - 1:.1%}"] for row in figure["rows"]])


SECTIONS = {
    "calls": (calls_section, calls_plot),
    "size": (size_section, None),
    "image": (image_section, None),
    "host": (host_section, host_plot),
    "binding": (binding_section, binding_plot),
    "boot": (boot_section, None),
}
