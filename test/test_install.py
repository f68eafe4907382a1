# SPDX-License-Identifier: GPL-2.0-or-later
"""make install and make uninstall: exactly these files, with these modes."""

import stat
import subprocess

import pytest
from machine import TOP

INITRAMFS_TOOLS = "usr/share/initramfs-tools"
DRACUT = "usr/lib/dracut/modules.d"
FILES = {
    "etc/vfio-early.conf": 0o644,
    "usr/lib/vfio-early/vfio-early-boot": 0o755,
    "usr/lib/vfio-early/vfio-early-init": 0o755,
    "usr/lib/vfio-early/vfio-early-rescue": 0o755,
    "usr/sbin/vfio-early": 0o755,
    f"{DRACUT}/50vfio-early/module-setup.sh": 0o755,
    f"{DRACUT}/50vfio-early/vfio-early.conf": 0o644,
    f"{DRACUT}/50vfio-early/vfio-early.service": 0o644,
    f"{DRACUT}/99vfio-early-init/module-setup.sh": 0o755,
    f"{INITRAMFS_TOOLS}/hooks/vfio-early": 0o755,
    f"{INITRAMFS_TOOLS}/scripts/init-top/00-vfio-early": 0o755,
    f"{INITRAMFS_TOOLS}/scripts/local-block/vfio-early": 0o755,
    f"{INITRAMFS_TOOLS}/scripts/panic/vfio-early": 0o755,
}


def make(target, root, *variables):
    """What was built is taken as it is."""
    subprocess.run(["make", "-s", "-C", TOP, "-o", "all", target, f"DESTDIR={root}", *variables],
                   check=True, capture_output=True)


def installed(root):
    """{path: mode} of the files, but for those of documentation."""
    files = {str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode)
             for path in root.rglob("*") if path.is_file()}
    return {path: mode for path, mode in files.items()
            if not path.startswith(("usr/share/man/", "usr/share/doc/"))}


@pytest.fixture
def root(tmp_path):
    make("install", tmp_path)
    return tmp_path


def test_install(root):
    assert installed(root) == FILES


def test_install_again_keeps_the_config(root):
    config = root / "etc/vfio-early.conf"
    config.write_text("bind 01:00.0\n")
    config.chmod(0o600)
    make("install", root)
    assert config.read_text() == "bind 01:00.0\n"
    assert installed(root) == FILES | {"etc/vfio-early.conf": 0o600}


def test_uninstall_leaves_the_config_and_what_is_not_ours(root):
    others = ["etc/vfio-early.conf.d/mine.conf", f"{INITRAMFS_TOOLS}/hooks/other",
              f"{DRACUT}/50other/module-setup.sh"]
    for path in others:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")
    make("uninstall", root)
    assert set(installed(root)) == {"etc/vfio-early.conf", *others}


def test_prefix(tmp_path):
    make("install", tmp_path, "PREFIX=/opt/x")
    assert (tmp_path / "opt/x/sbin/vfio-early").exists()
    assert (tmp_path / "etc/vfio-early.conf").exists()
    assert not (tmp_path / "usr").exists()
    make("uninstall", tmp_path, "PREFIX=/opt/x")
    assert not list((tmp_path / "opt/x/sbin").iterdir())


def test_the_config_that_is_installed_says_nothing(root, machine):
    """Every line of it is a comment: nothing happens before somebody edits it."""
    machine.config((root / "etc/vfio-early.conf").read_text())
    run = machine.run()
    assert run.report.errors() == [] and run.report.lines() == {}
    assert run.status == 0


def test_its_examples_are_right(root, machine):
    """Each example, the comment sign taken away, is a line that the program understands."""
    lines = (root / "etc/vfio-early.conf").read_text().splitlines()
    examples = [line[1:] for line in lines if line[:1] == "#" and line[1:2] not in ("", " ")]
    assert len(examples) > 3
    machine.config("".join(f"{line}\n" for line in examples))
    assert machine.run("--dry-run").report.errors() == []
