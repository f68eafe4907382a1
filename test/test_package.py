# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package: what is in it, what lintian says, and that it is the same when it is built
elsewhere by somebody else.
"""

import os
import re
import shutil
import subprocess

import pytest
from machine import TOP
from test_install import FILES

DEBIAN = TOP / "debian"

# Of an older lintian: it does not know the policy of today.
YOUNGER = "newer-standards-version,unknown-field"

pytestmark = pytest.mark.skipif("DEB_BUILD_ARCH" in os.environ,
                                reason="this is the package's own build")


def run(*command, cwd=TOP, **environment):
    """What a command says on standard output; all of what it says, if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False,
                          env=os.environ | environment, timeout=900)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def fields(package, *names):
    return run("dpkg-deb", "-f", package, *names)


def test_one_version():
    version = re.search(r"^VERSION := (.*)$", (TOP / "Makefile").read_text(), re.M)[1]
    assert (DEBIAN / "changelog").read_text().startswith(f"vfio-early ({version}) ")
    assert re.search(rf"^## {re.escape(version)}$", (TOP / "CHANGELOG.md").read_text(), re.M)


def test_autopkgtests_are_executable():
    scripts = [path for path in (DEBIAN / "tests").iterdir() if path.name != "control"]
    assert scripts and all(os.access(path, os.X_OK) for path in scripts)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The directory of the package, built by `make deb` without its tests."""
    if not shutil.which("dh"):
        pytest.skip("debhelper is not installed")
    directory = tmp_path_factory.mktemp("package") / "deb"
    run("make", "-s", "deb", f"DEB={directory}", DEB_BUILD_OPTIONS="nocheck parallel=2")
    return directory


def the(directory, pattern):
    path, = directory.glob(pattern)
    return path


def test_contents(built):
    """Exactly what make install installs, and documentation."""
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", the(built, "vfio-early_*.deb")],
                             capture_output=True, check=True).stdout
    names = subprocess.run(["tar", "-t"], input=archive, capture_output=True,
                           check=True).stdout.decode().split()
    ours = {name.removeprefix("./").removesuffix(".gz") for name in names if name[-1] != "/"}
    assert {name for name in ours if not name.startswith("usr/share/doc/")} == set(FILES) | {
        "usr/share/lintian/overrides/vfio-early"}
    assert {"README.md", "README.zh-CN.md", "CHANGELOG.md", "changelog", "copyright"} == {
        name.rsplit("/", 1)[1] for name in ours
        if name.startswith("usr/share/doc/") and "/examples/" not in name}


def test_the_static_programs_are_as_they_were_linked(built, tmp_path):
    run("dpkg-deb", "-x", the(built, "vfio-early_*.deb"), tmp_path)
    for program in ("vfio-early-boot", "vfio-early-init"):
        linked = the(built, f"vfio-early-*/build/{program}")
        assert (tmp_path / "usr/lib/vfio-early" / program).read_bytes() == linked.read_bytes()


def test_control(built):
    package = the(built, "vfio-early_*.deb")
    assert re.search(r"klibc \(= \S+\)", fields(package, "Static-Built-Using"))
    assert "libkmod2" in fields(package, "Depends")
    assert "initramfs-tools | dracut" in fields(package, "Recommends")
    assert run("dpkg-deb", "-I", package, "conffiles") == "/etc/vfio-early.conf\n"
    assert "activate-noawait update-initramfs" in run("dpkg-deb", "-I", package, "triggers")


def test_no_service_is_started_or_enabled(built):
    scripts = run("dpkg-deb", "--info", the(built, "vfio-early_*.deb"))
    for script in re.findall(r"(?:post|pre)(?:inst|rm)", scripts):
        text = run("dpkg-deb", "--info", the(built, "vfio-early_*.deb"), script)
        assert not re.search("deb-systemd-invoke (re)?start", text)
        # Where an administrator had enabled it, it stays so.
        assert "deb-systemd-helper enable" not in text or "debian-installed" in text


def test_lintian(built):
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    run("lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags", YOUNGER,
        the(built, "*.changes"))


def test_reproducible(built, tmp_path):
    """From its source package, in another place, with another time zone, language and umask."""
    place = tmp_path / "somewhere else that is farther away".replace(" ", "-")
    run("dpkg-source", "-x", the(built, "*.dsc"), place)
    run("sh", "-c", "umask 027; exec dpkg-buildpackage -d -b --no-sign", cwd=place,
        DEB_BUILD_OPTIONS="nocheck parallel=1", TZ="Asia/Shanghai", LC_ALL="C", HOME="/nowhere")
    for package in sorted(built.glob("*.deb")):
        assert (tmp_path / package.name).read_bytes() == package.read_bytes(), package.name
