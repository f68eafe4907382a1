# SPDX-License-Identifier: GPL-2.0-or-later
"""The house: who may include whom, who may open files, and the licence of every source file."""

import functools
import re
import subprocess
from pathlib import Path

import pytest
from machine import TOP

SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"

# Layers of src/core. What is not named here is of the last one.
LAYERS = [{"util", "text", "log", "root"},
          {"pci", "result", "conf", "cmdline", "alias", "condition", "mismatch", "match", "plan"}]

# Libraries, by the header of each: one file of src/cli wraps it.
LIBRARIES = ["libkmod.h", "pci/pci.h", "libsmartcols.h", "libmount.h",
             "json-c/json_object.h", "libxml/parser.h"]

# The folders of src/, and which folders each of them may use.
ARROWS = {
    "core": set(),
    "boot": {"core"},
    "cli/lib": {"core"},
    "cli/machine": {"cli/lib", "core"},
    "cli/inuse": {"cli/machine", "cli/lib", "core"},
    "cli/import": {"cli/machine", "cli/lib", "core"},
    "cli/config": {"cli/machine", "cli/lib", "core"},
    "cli/capture": {"core"},
    "cli/image": {"cli/machine", "cli/lib", "core"},
    "cli/status": {"cli/machine", "cli/lib", "core"},
    "cli/danger": {"cli/inuse", "cli/import", "cli/machine", "cli/lib", "core"},
}
ARROWS["cli"] = ARROWS.keys() - {"boot"}

# What would reach beyond memory: no pure file needs any of it.
IMPURE_HEADERS = {"dirent.h", "fcntl.h", "poll.h", "signal.h", "stdio.h", "time.h",
                  "sys/mman.h", "sys/stat.h", "sys/wait.h"}

OPENING = re.compile(r"(?<![\w.>])(?:open|openat|creat|fopen|opendir|fdopendir|l?stat|fstatat|"
                     r"access|faccessat|readlink(?:at)?|unlink(?:at)?|rename(?:at)?|"
                     r"mkdir(?:at)?|symlink(?:at)?|chmod|chown|truncate)\s*\(")
PRINTING = re.compile(r"(?<![\w.>])(?:v?(?:f|d)?printf|f?puts|f?putc|putchar|perror|exit|abort)"
                      r"\s*\(")


def sources(*patterns):
    found = sorted(path for pattern in patterns for path in TOP.glob(pattern)
                   if path.is_file() and "__pycache__" not in path.parts)
    assert found, patterns
    return found


def name(path):
    return str(path.relative_to(TOP))


def code(path):
    """The C of a file, comments and strings taken out; the lines stay."""
    def blank(match):
        return '""' if match[0].startswith('"') else "\n" * match[0].count("\n")
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, path.read_text(), flags=re.S)


def includes(path, quote):
    opening, closing = quote
    return re.findall(rf"^\s*#\s*include\s+{opening}([^{closing}]+){closing}", path.read_text(),
                      re.M)


CORE = sources("src/core/*.[ch]")
C_FILES = sources("src/**/*.[ch]")


def layer(stem):
    return next((i for i, stems in enumerate(LAYERS) if stem in stems), len(LAYERS))


def test_the_layers_are_of_files_that_exist():
    assert set.union(*LAYERS) <= {path.stem for path in CORE}


@pytest.mark.parametrize("path", CORE, ids=name)
def test_core_includes_point_down(path):
    for header in includes(path, '""'):
        stem = Path(header).stem
        assert (TOP / "src/core" / header).exists(), f"{header} is not of the core"
        assert layer(stem) <= layer(path.stem), f"{header} is of a layer above"


def included_by(paths):
    """{stem: the stems that its files include}"""
    graph = {}
    for path in paths:
        stems = {Path(header).stem for header in includes(path, '""')}
        graph.setdefault(path.stem, set()).update(stems - {path.stem})
    return graph


def a_cycle(graph):
    """A path that ends where it starts, or None."""
    done = set()

    def visit(stem, way):
        if stem in way:
            return way[way.index(stem):] + [stem]
        if stem in done:
            return None
        for other in sorted(graph.get(stem, ())):
            found = visit(other, way + [stem])
            if found:
                return found
        done.add(stem)
        return None
    return next(filter(None, (visit(stem, []) for stem in sorted(graph))), None)


@pytest.mark.parametrize("part", ["core", "cli"])
def test_no_two_files_need_each_other(part):
    assert a_cycle(included_by(sources(f"src/{part}/**/*.[ch]"))) is None


OBJECTS = {name: TOP / f"build/host/{name}.o"
           for name in (str(path.relative_to(TOP / "src")).removesuffix(".c")
                        for path in sources("src/core/*.c", "src/cli/**/*.c"))}


@functools.cache
def linked():
    """{object: the objects that define what it uses}, by nm."""
    defines, uses = {}, {}
    for name, path in OBJECTS.items():
        done = subprocess.run(["nm", path], capture_output=True, text=True, check=True)
        symbols = [line.split()[-2:] for line in done.stdout.splitlines()]
        uses[name] = [symbol for kind, symbol in symbols if kind == "U"]
        defines.update({symbol: name for kind, symbol in symbols if kind in "TDBR"})
    return {name: {defines[symbol] for symbol in symbols if symbol in defines} - {name}
            for name, symbols in uses.items()}


def test_no_two_objects_need_each_other():
    """Includes do not show this: a function may be defined in a file of another name."""
    assert sum(map(len, linked().values())) > 300
    assert a_cycle(linked()) is None


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_point_down(name):
    folder = str(Path(name).parent)
    others = {str(Path(other).parent) for other in linked()[name]} - {folder}
    assert others <= ARROWS[folder]


@pytest.mark.parametrize("path", sources("src/cli/**/*.[ch]"), ids=name)
def test_includes_point_down(path):
    folder = str(path.parent.relative_to(TOP / "src"))
    for header in includes(path, '""'):
        home = str(Path("cli", header).parent) if (TOP / "src/cli" / header).exists() else "core"
        assert home == folder or home in ARROWS[folder]


def test_the_search_for_cycles_finds_one():
    assert a_cycle({"a": {"b"}, "b": {"c", "d"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert a_cycle({"a": {"b", "c"}, "b": {"c"}}) is None


@pytest.mark.parametrize("path", [path for path in CORE if layer(path.stem) == 1], ids=name)
def test_pure_files_stay_pure(path):
    assert not set(includes(path, "<>")) & IMPURE_HEADERS
    assert not {"log.h", "root.h"} & set(includes(path, '""'))


@pytest.mark.parametrize("path", [path for path in sources("src/core/*.[ch]", "src/boot/*.[ch]")
                                  if path.stem not in ("root", "init")], ids=name)
def test_only_root_opens_paths(path):
    """init.c runs as process 1 of the image and shares nothing with the core."""
    assert not OPENING.findall(code(path))


def test_root_does_open_paths():
    assert len(OPENING.findall(code(TOP / "src/core/root.c"))) > 3


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_neither_prints_nor_exits(path):
    assert not PRINTING.findall(code(path))


def test_what_prints_is_found():
    assert PRINTING.findall('if (x) { printf ("a"); exit(1); } y->exit(2); _exit(3);') == \
        ["printf (", "exit("]


@pytest.mark.parametrize("library", LIBRARIES)
def test_one_file_for_each_library(library):
    users = [name(path) for path in C_FILES if library in includes(path, "<>")]
    assert len(users) == 1 and users[0].startswith("src/cli/")


@pytest.mark.parametrize("path", C_FILES, ids=name)
def test_no_other_file_knows_the_library(path):
    allowed = path.stem in ("util", "klibc")
    assert allowed or "__KLIBC__" not in code(path)


SCRIPTS = [path for path in sources("hook/**/*", "test/*", "test-vm/*", "test-vm/guest/*")
           if path.read_bytes().startswith((b"#!/bin/sh", b"#!/bin/bash"))]
ALL = C_FILES + SCRIPTS + [TOP / "Makefile"] + sources(
    "hook/dracut/*/vfio-early.conf", "test/**/*.py", "test/**/*.mk", "test/unit/**/*.[ch]",
    "test-vm/*.py", "test-vm/guest/*.[ch]")


@pytest.mark.parametrize("path", ALL, ids=name)
def test_licence(path):
    assert any(SPDX in line for line in path.read_text("utf-8").split("\n")[:2])


def test_one_column_limit():
    """clang-format breaks lines at it, and `make lint` holds every language to it."""
    formatted = re.search(r"^ColumnLimit: (\d+)$", (TOP / ".clang-format").read_text(), re.M)[1]
    limits = re.findall(r"^max_line_length = (\d+)$", (TOP / ".editorconfig").read_text(), re.M)
    assert set(limits) == {formatted}
