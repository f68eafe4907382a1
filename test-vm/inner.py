# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine that QEMU starts inside a guest, with functions of the guest's: what that takes.

It is this machine's QEMU, with the libraries that it is linked against. The machine boots the
kernel that the guest has, into an image of nothing but drivers and guest/inner-init.c.
"""

import pathlib
import shutil

import image
import kmodule
import once
import qemu

PROGRAM = pathlib.Path("/usr/bin/qemu-system-x86_64")
PLUGINS = "/usr/lib/*/qemu/accel-tcg-x86_64.so"  # where it is not linked in
FIRMWARE = (
    pathlib.Path("/usr/share/seabios/bios-256k.bin"),
    pathlib.Path("/usr/share/qemu/pvh.bin"),
    pathlib.Path("/usr/share/qemu/kvmvapic.bin"),
)
# Of the processor that QEMU emulates. With another the machine inside is emulated, and slow.
KVM = ("kvm-amd",)
DRIVERS = ("nvme", "e1000e")
INIT = "inner-init"
SIZE = "256M"  # of the root file system, most of it QEMU and the kernel


def real_root(suite):
    """A root file system as the others are, with QEMU and what it boots."""
    code = pathlib.Path(__file__), pathlib.Path(qemu.__file__), pathlib.Path(kmodule.__file__)
    key = once.key_of(*_files(), *code)
    return image.real_root(suite, image.More("inner", SIZE, key, lambda tree: _bring(suite, tree)))


def _files():
    """What QEMU consists of: the program, its plug-ins, its libraries, the firmware."""
    programs = [PROGRAM, *pathlib.Path("/").glob(PLUGINS[1:])]
    libraries = {library for program in programs for library in image.libraries(program)}
    return [*programs, *sorted(libraries), *FIRMWARE]


def _bring(suite, tree):
    for file in _files():
        image.bring(file, tree)
    place = tree / "inner"
    place.mkdir()
    modules = _modules(suite, KVM)
    for name, data in modules.items():
        (place / name).write_bytes(data)
    (place / "modules").write_text(_lines(f"/inner/{name}" for name in modules), "ascii")
    shutil.copy(suite.vmlinux, place / "vmlinux")
    image.compile_guest(INIT, place / "init")
    (place / "initrd").write_bytes(image.cpio(_initrd(suite, place / "init")))
    words = [str(PROGRAM), *qemu.inner_arguments("/inner/vmlinux", "/inner/initrd")]
    (place / "command").write_text(_lines(words), "ascii")


def _lines(words):
    return "".join(f"{word}\n" for word in words)


def _modules(suite, names):
    """What is loaded for these modules, in this order: file names to bytes."""
    return {f"{name}.ko": kmodule.original(suite, name) for name in kmodule.chain(suite, names)}


def _initrd(suite, init):
    """The files of the image; those without a content are here for their directories."""
    drivers = _modules(suite, DRIVERS)
    loaded = _lines(f"/{name}" for name in drivers)
    return {**drivers, "modules": loaded, "init": init.read_bytes(), "dev/keep": "", "sys/keep": ""}
