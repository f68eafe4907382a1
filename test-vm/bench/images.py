# SPDX-License-Identifier: GPL-2.0-or-later
"""Figure "image": what an image grows by, and what of that is vfio's modules."""

import subprocess

import binding  # first: it finds the harness
import debian
import image

# With us, and without; both kinds of generator.py.
KINDS = {"initramfs-tools": ("shared", "empty"),
         "dracut with systemd": ("dracut-systemd", "dracut-empty")}
PROGRAMS = ("vfio-early-boot", "vfio-early-init")
REGULAR = 0o100000


def files(data):
    """{name: bytes} of the regular files of an image: archives one after the other, the last of
    them compressed.
    """
    found, position = {}, 0
    while position < len(data):
        if data[position:position + 4] == b"\x28\xb5\x2f\xfd":
            unpacked = subprocess.run(["zstd", "-dcq"], input=data[position:], check=False,
                                      capture_output=True).stdout
            return {**found, **files(unpacked)}
        if data[position:position + 6] != b"070701":
            position += 4
            continue
        fields = [int(data[position + 6 + 8 * n:position + 14 + 8 * n], 16) for n in range(13)]
        name = data[position + 110:position + 110 + fields[11] - 1].decode()
        start = position + (110 + fields[11] + 3 & ~3)
        if fields[1] & 0o170000 == REGULAR:
            found[name] = fields[6]
        position = start + (fields[6] + 3 & ~3)
    return found


def part(name):
    if name.rsplit("/", 1)[-1] in PROGRAMS:
        return "programs"
    if "/kernel/" in name:
        return "modules"
    return "texts" if "vfio-early" in name else "other"


def row(suite, program, ours, without):
    images = [image.image(suite, kind) for kind in (ours, without)]
    unpacked = [files(path.read_bytes()) for path in images]
    sizes = [path.stat().st_size for path in images]
    found = dict.fromkeys(("modules", "programs", "texts", "other"), 0)
    for name in unpacked[0].keys() | unpacked[1].keys():
        found[part(name)] += unpacked[0].get(name, 0) - unpacked[1].get(name, 0)
    return {"image": f"{program}, {suite.name}", "with": sizes[0], "without": sizes[1],
            "growth": sizes[0] - sizes[1], **found}


def figure():
    suites = [debian.suite(name) for name in ("bookworm", "trixie")]
    return {"rows": [row(suite, program, *kinds) for suite in suites
                     for program, kinds in KINDS.items()],
            "versions": {suite.name: f"Linux {suite.release}" for suite in suites}}


assert binding.HERE
