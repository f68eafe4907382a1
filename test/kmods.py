# SPDX-License-Identifier: GPL-2.0-or-later
"""A small /lib/modules tree, indexed by kmod's own depmod."""

import subprocess
from pathlib import Path

VERSION = "6.1.0-test"

# name: (directory, needs, further modinfo, built into the kernel)
MODULES = {
    "irqbypass": ("virt/lib", [], [], False),
    "vfio": ("drivers/vfio", [], ["softdep=post: vfio_iommu_type1"], False),
    "vfio_iommu_type1": ("drivers/vfio", ["vfio"], [], False),
    "vfio-pci-core": ("drivers/vfio/pci", ["vfio", "irqbypass"], [], False),
    "vfio-pci": ("drivers/vfio/pci", ["vfio-pci-core"], [], False),
    "mlx5-vfio-pci": ("drivers/vfio/pci/mlx5", ["vfio-pci-core"],
                      ["alias=vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*"], False),
    "nouveau": ("drivers/gpu/drm/nouveau", [], ["alias=pci:v000010DEd*sv*sd*bc03sc*i*"], False),
    "xhci_pci": ("drivers/usb/host", [], ["alias=pci:v*d*sv*sd*bc0Csc03i30*"], True),
    "i915": ("drivers/gpu/drm/i915", [], ["alias=pci:v00008086d*sv*sd*bc03sc00i*"], False),
    "ixgbevf": ("drivers/net", [], ["alias=pci:v00008086d000010EDsv*sd*bc*sc*i*"], False),
    "ahci": ("drivers/ata", [], ["alias=pci:v*d*sv*sd*bc01sc06i01*"], False),
}


def symbol(name):
    return name.replace("-", "_") + "_symbol"


def source(name, needs, info):
    """An object file that exports one symbol and needs one of each other module."""
    lines = ['.section .modinfo,"a"', '.asciz "license=GPL"',
             f'.asciz "name={name.replace("-", "_")}"']
    lines += [f'.asciz "{line}"' for line in info]
    lines += ['.section __ksymtab_strings,"a"', f'.asciz "{symbol(name)}"']
    lines += [".data", f".globl {symbol(name)}", f"{symbol(name)}:", ".quad 0"]
    lines += [f".quad {symbol(need)}" for need in needs]
    return "\n".join(lines) + "\n"


def make(root, version=VERSION, modules=None):
    """Makes lib/modules/VERSION below `root`: its path."""
    tree = Path(root) / "lib/modules" / version
    built_in, modinfo = [], b""
    tree.mkdir(parents=True)
    modules = MODULES if modules is None else modules
    for name, (directory, needs, info, builtin) in modules.items():
        path = f"kernel/{directory}/{name}.ko"
        if builtin:
            built_in.append(path)
            plain = name.replace("-", "_")
            modinfo += b"".join(f"{plain}.{line}\0".encode() for line in
                                ["license=GPL", f"file={path[:-3]}", *info])
            continue
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["as", "-o", tree / path], input=source(name, needs, info).encode(),
                       check=True)
    (tree / "modules.order").write_text("".join(
        f"{path.relative_to(tree)}\n" for path in sorted(tree.rglob("*.ko"))))
    (tree / "modules.builtin").write_text("".join(f"{path}\n" for path in built_in))
    (tree / "modules.builtin.modinfo").write_bytes(modinfo)
    subprocess.run(["/sbin/depmod", "-b", root, version], check=True)
    return tree
