# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds images as a user's machine would: `make install`, a config, the generator.

The generator runs in a copy of the suite's root file system, so its version is the
suite's. Most images are built once with a config of their own, and each case lays its
config over one as a second archive; some are built with exactly the case's config. The
real root that the image boots into is a file of its own: ext4, with the guest's programs.
"""

import dataclasses
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable

import generator
import once

DEVICES = ("devices.toml", "more-devices.toml")
GUEST = once.HERE / "guest"
GUEST_PROGRAMS = ("init", "vfio-client")
FIRST = "first"  # in front of the image's /init
GUEST_CC = "cc -std=gnu11 -O2 -Wall -Wextra -Werror -static".split()
MAKE_EXT4 = "mke2fs -q -t ext4 -O ^has_journal".split()
ROOT_LABEL = "vmtest"
VFIO_MODULES = ("drivers/vfio/**/*.ko*", "virt/lib/irqbypass.ko*")
REAL_ROOT_DIRS = ("dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp")

PROGRAM = "usr/sbin/vfio-early"
LIBRARIES = "usr/lib/vfio-early-libraries"
WITH_LIBRARIES = """#!/bin/sh
exec {own}/ld-linux-x86-64.so.2 --library-path {own} {own}/program "$@"
"""


@functools.cache
def catalogue(every=True):
    """Model to its row: of devices.toml, and of more-devices.toml if `every` is wanted."""
    names = DEVICES if every else DEVICES[:1]
    texts = [(once.HERE / name).read_text("utf-8") for name in names]
    return {model: row for text in texts for model, row in tomllib.loads(text).items()}


def module_names(row):
    """What the module of a device's driver is called, on one kernel or another."""
    names = row.get("module", [])
    return names if isinstance(names, list) else [names]


def image(suite, kind, config=""):
    """An initramfs of the suite with our program in it, of a kind that generator.py knows."""
    recipe = generator.KINDS[kind]
    own = recipe.config is generator.OWN
    config = config if own else recipe.config
    stage = staged()
    fetched = suite.root.parent / "root.key"
    code = [once.HERE / name for name in ("generator.py", "image.py")]
    drivers = catalogue(recipe.every)
    key = once.key_of(stage, config, recipe, suite.release, fetched, drivers, *code)
    name = f"{kind}-{once.key_of(config)[:12]}" if own else kind
    return once.made(
        once.VM / "images" / f"{suite.name}-{name}",
        key,
        lambda scratch: _build(suite, kind, config, stage, scratch),
    )


@functools.cache
def staged():
    """What `make install` installs, in a directory that changes only if that does."""
    stage, fresh = once.VM / "stage", once.VM / "stage.fresh"
    with once.lock(stage):
        once.remove(fresh)
        with once.timed("build", "building the program"):
            command = ("make", "-s", "-C", once.TREE, "install", f"DESTDIR={fresh}")
            once.run(*command, env=plain_environment())
        if once.key_of(fresh) != once.key_of(stage):
            once.remove(stage)
            fresh.rename(stage)
        once.remove(fresh)
    return stage


def plain_environment():
    """The environment without what an outer make would tell an inner one."""
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "DESTDIR", "CASE")
    return {name: value for name, value in os.environ.items() if name not in outer}


def _build(suite, kind, config, stage, result):
    program = generator.KINDS[kind].program
    words = f"{suite.name}: building an image with {program} ({kind})"
    root = pathlib.Path(f"{result}.root")
    with once.timed("image", words):
        once.remove(root)
        # Hard links: everything below replaces files, nothing writes into one.
        once.run("cp", "-al", suite.root, root)
        once.unpack(["tar", "-c", "-C", stage, "."], root)
        _bring_libraries(root)
        generator.replace(root / "etc/vfio-early.conf", config)
        _generate(suite, root, kind, result)
        once.remove(root)


def _generate(suite, root, kind, result):
    """Makes the image; what the generator says, and what is in it, is kept beside it."""
    name = "/var/tmp/image"
    rows = catalogue(generator.KINDS[kind].every).values()
    named = {name for row in rows for name in module_names(row)}
    modules = sorted(named & suite.loadable)  # dracut stops at one that there isn't
    said, files = generator.generate(root, suite.release, kind, modules, name)
    result.with_suffix(".log").write_text(said, "utf-8")
    result.with_suffix(".files").write_text(files, "utf-8")
    result.with_suffix(".audit").write_text(_audit(root, name), "utf-8")
    shutil.move(f"{root}{name}", result)
    _pad(result)


def _audit(root, name):
    """What `vfio-early audit` says of the image, where it was made; its exit status comes last."""
    command = ["chroot", root, f"/{PROGRAM}", "audit", "--no-color", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}exit {done.returncode}\n"


def _bring_libraries(root):
    """Lets the host program run in the root of an older suite than this machine's.

    It is linked against this machine's libraries; where the root's are too old for it, it
    gets these, and the loader that belongs to them.
    """
    if starts(root, PROGRAM):
        return
    own = root / LIBRARIES
    own.mkdir(parents=True)
    (root / PROGRAM).rename(own / "program")
    for library in libraries(own / "program"):
        shutil.copy(library, own)
    generator.replace(root / PROGRAM, WITH_LIBRARIES.format(own=f"/{LIBRARIES}"), 0o755)
    if not starts(root, PROGRAM):
        raise RuntimeError(
            f"{root}/{PROGRAM} does not start, not even with its own libraries"
        )


def libraries(program):
    """What a program of this machine is linked against, its loader included."""
    found = re.findall(r"(/\S+) \(0x", once.run("ldd", program))
    return [pathlib.Path(library) for library in found]


def starts(root, program):
    """Whether a program can be loaded in a root, whose libraries may be too old."""
    command = ["chroot", root, f"/{program}", "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _pad(path):
    """Fills up to a multiple of 4 bytes, where the kernel looks for the next archive."""
    with open(path, "ab") as file:
        file.write(b"\0" * (-file.tell() % 4))


def with_files(base, files, result):
    """An image with files, {name: text or bytes}, laid over it: in the kernel, later ones win.

    A link to a directory stays one: a directory in its place would hide what it leads to.
    """
    listing = base.with_suffix(".files").read_text("utf-8")
    links = set(re.findall(r"(\S+) -> ", listing))
    shutil.copyfile(base, result)
    with open(result, "ab") as file:
        file.write(cpio(files, links))
    return result


def cpio(files, links=frozenset()):
    """An uncompressed `newc` archive: Documentation/driver-api/early-userspace.

    What starts with "#!" or as an ELF file does is a program. The kernel makes no directory by
    itself; those of `links` are there.
    """
    parents = {str(parent) for name in files for parent in pathlib.Path(name).parents}
    members = [(name, b"", 0o040755) for name in sorted(parents - {"."} - links)]
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        program = data.startswith((b"#!", b"\x7fELF"))
        members.append((name, data, 0o100755 if program else 0o100644))
    archive = b""
    for number, (name, data, mode) in enumerate([*members, ("TRAILER!!!", b"", 0)], 1):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields)
        head += name.encode() + b"\0"
        for part in (head, data):
            archive += part + b"\0" * (-len(part) % 4)
    return archive


@dataclasses.dataclass(frozen=True)
class More:
    """What a root file system has beyond the usual: a name for it, its size, the key of its
    ingredients, and what brings them into a tree.
    """

    name: str
    size: str
    key: str
    bring: Callable


USUAL = More("", "96M", "", lambda tree: None)


def real_root(suite, more=USUAL):
    """The root file system that every image of a suite boots into: the guest's programs and
    ours, and what ours needs to know of the kernel's modules to say what an image gets.
    """
    code = pathlib.Path(__file__)
    return once.made(
        once.VM / f"{'-'.join(filter(None, (suite.name, more.name)))}.ext4",
        once.key_of(GUEST, code, staged() / PROGRAM, suite.release, more.size, more.key),
        lambda scratch: _build_real_root(suite, more, scratch),
    )


def _build_real_root(suite, more, result):
    tree = pathlib.Path(f"{result}.tree")
    with once.timed("root", "building the guest's programs and its root disk"):
        once.remove(tree)
        for name in REAL_ROOT_DIRS:
            (tree / name).mkdir(parents=True)
        (tree / "etc/os-release").touch()
        for name in GUEST_PROGRAMS:
            compile_guest(name, tree / "sbin" / name)
        (tree / "etc/vfio-early.conf").touch()
        shutil.copy(staged() / PROGRAM, tree / "sbin")
        for library in libraries(staged() / PROGRAM):
            bring(library, tree)
        _bring_modules(suite, tree)
        more.bring(tree)
        once.run(*MAKE_EXT4, "-L", ROOT_LABEL, "-d", tree, result, more.size)
        once.remove(tree)


def bring(file, tree):
    """Copies a file of this machine into a tree, to the place that it has here."""
    place = tree / file.relative_to("/").parent
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, place)


def _bring_modules(suite, tree):
    """The modules that we load, and the indexes of a tree that has no others."""
    theirs, ours = suite.modules, tree / "lib/modules" / suite.release
    names = [*theirs.glob("modules.builtin*"), theirs / "modules.order"]
    for pattern in VFIO_MODULES:
        names += (theirs / "kernel").glob(pattern)
    for name in names:
        place = ours / name.relative_to(theirs)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, place)
    once.run("depmod", "-b", tree, suite.release)


def first():
    """The program that loads a module before the image's /init starts, as bytes."""
    made = once.made(
        once.VM / FIRST,
        once.key_of(GUEST),
        lambda scratch: compile_guest(FIRST, scratch),
    )
    return made.read_bytes()


def compile_guest(name, program):
    """Compiles a program for the guest, which needs no library there."""
    once.run(*GUEST_CC, "-o", program, GUEST / f"{name}.c")
