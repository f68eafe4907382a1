# SPDX-License-Identifier: GPL-2.0-or-later
"""Figure "boot": what a guest's processor has done when the real root's init starts, with us and
without, for each kind of image. vfio-early claims eight functions that no host driver wants: the
figure shows what it costs.
"""

import pathlib
import shutil

import binding  # first: it finds the harness
import debian
import image
import once
import qemu

SUBJECTS = binding.SUBJECTS[:8]
CONFIG = "".join(f"bind 0000:{address}\n" for address in SUBJECTS)
ROUNDS = 2
qemu.PATIENCE = 300  # a counted guest is slow, and says nothing with `quiet`

# The generator's kind with us, that without us, and what the latter needs on the command line:
# dracut has no like kind without us, but one that is told to do nothing.
KINDS = {
    "initramfs-tools": ("shared", "empty", ""),
    "dracut": ("dracut", "dracut", "vfio_early=off"),
    "dracut with systemd": ("dracut-systemd", "dracut-systemd", "vfio_early=off"),
}


def real_root():
    return once.made(once.VM / "bench/root.ext4",
                     once.key_of(binding.HERE / "guest/root-init.c", pathlib.Path(__file__)),
                     _build_real_root)


def _build_real_root(result):
    tree = pathlib.Path(f"{result}.tree")
    once.remove(tree)
    for name in image.REAL_ROOT_DIRS:
        (tree / name).mkdir(parents=True)
    (tree / "etc/os-release").touch()
    once.run(*image.GUEST_CC, "-o", tree / "sbin/init", binding.HERE / "guest/root-init.c")
    once.run(*image.MAKE_EXT4, "-d", tree, result, "8M")
    once.remove(tree)


def boot(suite, kind, with_us, words, place):
    """(instructions until the real root's init, functions bound) of one boot."""
    once.remove(place)
    place.mkdir(parents=True)
    initrd = image.image(suite, kind)
    if with_us:
        initrd = image.with_files(initrd, {"etc/vfio-early.conf": CONFIG}, place / "image")
    devices = tuple(qemu.Device(address, "edu") for address in SUBJECTS)
    machine = qemu.Machine(suite.vmlinux, initrd, real_root(), devices=devices,
                           command_line=f"quiet {words}".strip(), counted=True)
    done = qemu.boot(machine, place)
    assert "boot" in done.frames, f"{kind}: the guest {done.ending}\n{done.console[-2000:]}"
    return [int(word) for word in done.frames["boot"].split()]


def figure(suite_name="bookworm"):
    suite = debian.suite(suite_name)
    rows = []
    for name, (ours, without, words) in KINDS.items():
        row = {"image": name}
        for key, kind, more in (("with", ours, ""), ("without", without, words)):
            once.say(f"{suite_name}: booting {name}, {key} vfio-early ...")
            found = [boot(suite, kind, key == "with", more, once.VM / "bench/boot")
                     for _ in range(ROUNDS)]
            row[key], row[f"bound {key}"] = min(found)
            once.say(f"  {found}")
        rows.append(row)
    shutil.rmtree(once.VM / "bench/boot")
    return {"rows": rows, "versions": binding.versions(suite)}
