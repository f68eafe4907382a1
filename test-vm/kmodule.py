# SPDX-License-Identifier: GPL-2.0-or-later
"""Knows kernel modules: those of guest/, compiled against a suite's headers, and Debian's own,
spoilt in one way each.

Headers have programs of their own suite with them, and flags for its compiler. This machine's
compiler does for every suite, and the programs run with the libraries of the suite's root.
"""

import lzma
import pathlib
import re
import shutil

import debian
import generator
import image
import once

GUEST_MODULES = ("hang",)

# What a compiler older than the suite's does not know; it only places functions.
UNKNOWN_FLAG = "-fmin-function-alignment=*"
COMPILER = f"""#!/bin/sh
for word; do
	shift
	case $word in
	{UNKNOWN_FLAG}) ;;
	*) set -- "$@" "$word" ;;
	esac
done
exec cc "$@"
"""
# objtool makes what only an unwinder and a patched kernel need.
KBUILD = "obj-m := {name}.o\nOBJECT_FILES_NON_STANDARD := y\n"
# modpost looks at its own name to find the one for these objects.
PROGRAMS = ("scripts/basic/fixdep", "scripts/mod/modpost*")
WITH_LIBRARIES = """#!/bin/sh
exec {libraries}/ld-linux-x86-64.so.2 --library-path {libraries} --argv0 "$0" {program} "$@"
"""

SIGNATURE = b"~Module signature appended~\n"
# Ahead of that, struct module_signature of 12 bytes, whose last four are the signature's length,
# big-endian: include/linux/module_signature.h.
SIGNATURE_HEAD = 12


def made(suite, what):
    """The bytes of a module: "hang", of guest/; or "vfio-pci unsigned", a spoilt one."""
    name, _, how = what.partition(" ")
    if name in GUEST_MODULES:
        return _compiled(suite, name).read_bytes()
    return SPOILERS[how](suite, name)


def load_plan(suite, first):
    """The load plan of an image, made from modules.dep, with lines in front of it."""
    paths = [f"/lib/modules/{suite.release}/{path}" for path in _needed(suite, "vfio-pci")]
    return "\n".join([first.rstrip("\n"), "[vfio-pci]", *paths]) + "\n"


def chain(suite, names):
    """The names of modules and of those that they need, in the order in which they are loaded."""
    paths = [path for name in names for path in _needed(suite, name)]
    return list(dict.fromkeys(pathlib.Path(path).name.split(".")[0] for path in paths))


def _needed(suite, name):
    """The paths of a module and of those that it needs, as modules.dep has them: itself last."""
    text = (suite.modules / "modules.dep").read_text("ascii")
    own, needed = re.search(rf"^(\S+/{name}\.ko\S*):(.*)$", text, re.M).groups()
    return [*reversed(needed.split()), own]


def _compiled(suite, name):
    source = once.HERE / f"guest/{name}.c"
    return once.made(
        once.VM / "modules" / f"{suite.name}-{name}.ko",
        once.key_of(source, suite.release, pathlib.Path(__file__)),
        lambda scratch: _compile(suite, source, scratch),
    )


def _compile(suite, source, result):
    headers = suite.headers()
    with once.timed("module", f"{suite.name}: compiling {source.name} for its kernel"):
        place = pathlib.Path(f"{result}.tree")
        once.remove(place)
        shutil.copytree(headers, place / "headers", symlinks=True)
        (place / "module").mkdir()
        shutil.copy(source, place / "module")
        (place / "module/Makefile").write_text(KBUILD.format(name=source.stem), "ascii")
        generator.replace(place / "cc", COMPILER, 0o755)
        kernel = _at_home(suite, place / "headers")
        once.run("make", "-C", kernel, f"M={place}/module", f"CC={place}/cc", "modules",
                 env=image.plain_environment())  # fmt: skip
        shutil.copy(place / f"module/{source.stem}.ko", result)
        once.remove(place)


def _at_home(suite, headers):
    """Makes headers work where they are, which is not /usr/src; returns the kernel's."""
    (kernel,) = headers.glob("usr/src/*-amd64")
    (common,) = headers.glob("usr/src/*-common")
    generator.replace(kernel / "Makefile", f"include {common}/Makefile\n")
    (kernel / "vmlinux").unlink(missing_ok=True)  # of 6.12; it would ask for pahole
    libraries = suite.root / "usr/lib/x86_64-linux-gnu"
    for pattern in PROGRAMS:
        for program in list(headers.glob(f"usr/lib/linux-kbuild-*/{pattern}")):
            own = program.rename(f"{program}.own")
            text = WITH_LIBRARIES.format(libraries=libraries, program=own)
            generator.replace(program, text, 0o755)
    return kernel


def original(suite, name):
    """A module of Debian's, signed and no longer compressed."""
    (path,) = suite.modules.glob(f"kernel/**/{name}.ko*")
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _signature(data):
    """Where the signature of a module starts, and where its head does."""
    if not data.endswith(SIGNATURE):
        raise RuntimeError("this module is not signed")
    head = len(data) - len(SIGNATURE) - SIGNATURE_HEAD
    length = int.from_bytes(data[head + SIGNATURE_HEAD - 4 : head + SIGNATURE_HEAD], "big")
    return head - length, head


def _unsigned(suite, name):
    data = original(suite, name)
    return data[: _signature(data)[0]]


def _badly_signed(suite, name):
    """With a byte of the signature's last part changed, which is the signature proper."""
    data = bytearray(original(suite, name))
    data[_signature(data)[1] - 1] ^= 1
    return bytes(data)


def _changed(suite, name):
    """Well signed, before a byte of the module was changed that nobody reads."""
    data = bytearray(original(suite, name))
    at = data.index(b"\0description=") + len(b"\0description=")
    data[at] ^= 1
    return bytes(data)


def _truncated(suite, name):
    data = original(suite, name)
    return data[: len(data) // 2]


def _foreign(suite, name):
    """Of another kernel: of the other suite's."""
    other = next(one for one in debian.SUITES if one != suite.name)
    return original(debian.suite(other), name)


def _half_compressed(suite, name):
    data = lzma.compress(original(suite, name), check=lzma.CHECK_CRC32)
    return data[: len(data) // 2]


SPOILERS = {
    "unsigned": _unsigned,
    "badly signed": _badly_signed,
    "changed": _changed,
    "truncated": _truncated,
    "of another kernel": _foreign,
    "truncated archive": _half_compressed,
}
