# SPDX-License-Identifier: GPL-2.0-or-later
"""make install and make uninstall: exactly these files, with these modes."""

import re
import stat
import subprocess

import pytest
from machine import TOP

PAGES = {path.name for path in (TOP / "doc").glob("*.[1-8]")}
INITRAMFS_TOOLS = "usr/share/initramfs-tools"
DRACUT = "usr/lib/dracut/modules.d"
FILES = {
    "etc/vfio-early.conf": 0o644,
    "usr/lib/vfio-early/vfio-early-boot": 0o755,
    "usr/lib/vfio-early/vfio-early-init": 0o755,
    "usr/lib/systemd/system/vfio-early-metrics.service": 0o644,
    "usr/lib/systemd/system/vfio-early-metrics.timer": 0o644,
    "usr/lib/systemd/system/vfio-early-status.service": 0o644,
    "usr/sbin/vfio-early": 0o755,
    "usr/share/bash-completion/completions/vfio-early": 0o644,
    "usr/share/fish/vendor_completions.d/vfio-early.fish": 0o644,
    "usr/share/zsh/vendor-completions/_vfio-early": 0o644,
    f"{DRACUT}/50vfio-early/module-setup.sh": 0o755,
    f"{DRACUT}/50vfio-early/vfio-early.conf": 0o644,
    f"{DRACUT}/50vfio-early/vfio-early.service": 0o644,
    f"{DRACUT}/50vfio-early/vfio-early-emergency.sh": 0o755,
    f"{DRACUT}/50vfio-early/vfio-early-finished.sh": 0o755,
    f"{DRACUT}/50vfio-early/vfio-early-timeout.sh": 0o755,
    f"{DRACUT}/99vfio-early-init/module-setup.sh": 0o755,
    f"{INITRAMFS_TOOLS}/hooks/vfio-early": 0o755,
    f"{INITRAMFS_TOOLS}/scripts/init-top/00-vfio-early": 0o755,
    f"{INITRAMFS_TOOLS}/scripts/local-block/vfio-early": 0o755,
    f"{INITRAMFS_TOOLS}/scripts/panic/vfio-early": 0o755,
} | {f"usr/share/man/man{page[-1]}/{page}": 0o644 for page in PAGES}


def make(target, root, *variables):
    """What was built is taken as it is."""
    subprocess.run(["make", "-s", "-C", TOP, "-o", "all", target, f"DESTDIR={root}", *variables],
                   check=True, capture_output=True)


def installed(root):
    """{path: mode} of the files."""
    return {str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode)
            for path in root.rglob("*") if path.is_file()}


def tree(root):
    """{path: what is there}: directories, too."""
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else "directory"
            for path in root.rglob("*")}


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


@pytest.mark.parametrize("where", ["root", "a place with 'spaces' and (more)"])
@pytest.mark.parametrize("prefix", ["/usr", "/usr/local", "/opt/x"])
def test_uninstall_leaves_what_was_there(tmp_path, prefix, where):
    """On a machine that has the directories for all of it, and somebody else's files in them."""
    root = tmp_path / where
    make("install", root, f"PREFIX={prefix}")
    ours = installed(root)
    make("uninstall", root, f"PREFIX={prefix}")
    for path in ours:
        (root / path).unlink(missing_ok=True)
    for directory in [path for path in root.rglob("*") if path.is_dir()]:
        (directory / "somebody-else's").write_text("as it was")
    before = tree(root)
    make("install", root, f"PREFIX={prefix}")
    assert len(tree(root)) > len(before) + len(ours)
    make("uninstall", root, f"PREFIX={prefix}")
    config = (TOP / "conf/vfio-early.conf").read_bytes()
    assert tree(root) == before | {"etc/vfio-early.conf": config}


def test_uninstall_twice_and_without_an_install(tmp_path):
    make("uninstall", tmp_path)
    assert tree(tmp_path) == {}
    make("install", tmp_path)
    make("uninstall", tmp_path)
    make("uninstall", tmp_path)
    assert set(installed(tmp_path)) == {"etc/vfio-early.conf"}


def test_uninstall_leaves_no_directory_of_ours(root):
    make("uninstall", root)
    assert not [path for path in root.rglob("*vfio-early*") if path.is_dir()]


@pytest.mark.parametrize("prefix", ["/usr/local", "/opt/x"])
def test_prefix(tmp_path, prefix):
    """The generators look below /usr for their files, which then name programs elsewhere."""
    make("install", tmp_path, f"PREFIX={prefix}")
    programs = {"sbin/vfio-early", "lib/vfio-early/vfio-early-boot",
                "lib/vfio-early/vfio-early-init"}
    assert {f"{prefix[1:]}/{path}" for path in programs} | {
        path for path in FILES if path.startswith((DRACUT, INITRAMFS_TOOLS, "etc/"))
    } <= set(installed(tmp_path))
    assert not (tmp_path / "usr/sbin").exists() and not (tmp_path / "usr/lib/vfio-early").exists()
    scripts = [(tmp_path / path).read_text() for path in (
        f"{INITRAMFS_TOOLS}/hooks/vfio-early", f"{DRACUT}/50vfio-early/module-setup.sh",
        f"{DRACUT}/99vfio-early-init/module-setup.sh")]
    named = set(re.findall(r"(?<=[\s}(])/[\w/.-]+/vfio-early[\w-]*(?=[\s\"])", "\n".join(scripts)))
    assert named == {f"{prefix}/{path}" for path in programs} | {
        f"/usr/lib/vfio-early/vfio-early-{name}" for name in ("boot", "init")}


def test_the_units_name_the_program_that_is_installed(tmp_path):
    make("install", tmp_path, "PREFIX=/opt/x")
    services = list((tmp_path / "opt/x/lib/systemd/system").glob("*.service"))
    assert len(services) == 2
    assert all("ExecStart=/opt/x/sbin/vfio-early " in path.read_text() for path in services)


def test_the_scripts_are_installed_as_they_are(root):
    for source, path in {
            "hook/initramfs-tools/hook": f"{INITRAMFS_TOOLS}/hooks/vfio-early",
            "hook/dracut/50vfio-early/module-setup.sh": f"{DRACUT}/50vfio-early/module-setup.sh",
    }.items():
        assert (root / path).read_text() == (TOP / source).read_text()


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
