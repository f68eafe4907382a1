# SPDX-License-Identifier: GPL-2.0-or-later
"""make bench: measures the figures of doc/benchmarks, or those that are named, and makes its tables
and plots. A figure that is not measured now is kept as it was.
"""

import importlib
import json
import platform
import sys
from pathlib import Path

import draw
import measure

TOP = Path(__file__).resolve().parents[2]
DOC = TOP / "doc/benchmarks"
sys.path.insert(0, str(TOP / "test-vm/bench"))

# Figure to the module and the function that measure it.
FIGURES = {
    "calls": ("costs", "calls"),
    "size": ("costs", "size"),
    "image": ("images", "figure"),
    "host": ("costs", "host"),
    "binding": ("binding", "figure"),
    "boot": ("booting", "figure"),
}


def measured(name):
    module, function = FIGURES[name]
    print(f"measuring: {name} ...", file=sys.stderr, flush=True)
    return getattr(importlib.import_module(module), function)()


def main(names):
    unknown = set(names) - set(FIGURES)
    if unknown:
        sys.exit(f"bench: no figure {' '.join(sorted(unknown))}; there are {' '.join(FIGURES)}")
    store = DOC / "figures.json"
    figures = json.loads(store.read_text("utf-8")) if store.exists() else {}
    DOC.mkdir(parents=True, exist_ok=True)
    for name in names or FIGURES:
        figures[name] = {**measured(name), "machine": f"{platform.machine()}, "
                         f"{measure.cpus()} processors"}
        store.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    draw.everything(figures, DOC)


if __name__ == "__main__":
    main([name for name in sys.argv[1:] if name])
