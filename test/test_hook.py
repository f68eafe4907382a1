# SPDX-License-Identifier: GPL-2.0-or-later
"""The scripts of initramfs-tools, with other programs in the places of those they call: whatever
fails, an image is built, and the boot goes on.
"""

import os
import subprocess
from pathlib import Path

import pytest
from machine import TOP

HOOK = TOP / "hook/initramfs-tools/hook"
INIT_TOP = TOP / "hook/initramfs-tools/init-top"
LOCAL_BLOCK = TOP / "hook/initramfs-tools/local-block"
RUN = "/usr/lib/vfio-early/vfio-early-init"

FUNCTIONS = """
copy_exec() { echo "copy_exec $*" >>"$DESTDIR/calls"; }
manual_add_modules() { echo "manual_add_modules $*" >>"$DESTDIR/calls"; }
"""


class Place:
    """A directory in which a script and what it calls lie, the paths in it changed to match."""

    def __init__(self, directory, script):
        self.top = directory
        self.image = directory / "image"
        (self.image / "scripts/init-top").mkdir(parents=True)
        (self.image / "scripts/init-top/00-vfio-early").write_text("")
        (self.image / "init").write_text("the image's own\n")
        text = script.read_text()
        for path in ("/usr/lib/vfio-early/", "/usr/sbin/", "/usr/share/initramfs-tools/"):
            text = text.replace(f" {path}", f" {directory}{path}") \
                .replace(f"({path}", f"({directory}{path}")
        self.script = self.put("script", text)
        self.put("usr/share/initramfs-tools/hook-functions", FUNCTIONS)
        self.put("usr/lib/vfio-early/vfio-early-init", "our init\n")

    def put(self, path, text, mode=0o755):
        path = self.top / path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def program(self, path, body, mode=0o755):
        return self.put(path, f"#!/bin/sh\n{body}\n", mode)

    def run(self, *arguments, **more):
        environment = {"PATH": os.environ["PATH"], "DESTDIR": str(self.image),
                       "version": "6.1.0-test", **more}
        return subprocess.run(["/bin/sh", self.script, *arguments], env=environment,
                              cwd=self.top, capture_output=True, text=True, timeout=20,
                              check=False)

    @property
    def calls(self):
        path = self.image / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def init_top(tmp_path):
    place = Place(tmp_path, INIT_TOP)
    (tmp_path / RUN.lstrip("/")).unlink()
    return place


@pytest.fixture
def hook(tmp_path):
    return Place(tmp_path, HOOK)


@pytest.mark.parametrize("script", [HOOK, INIT_TOP], ids=lambda path: path.name)
def test_prereqs_says_and_does_nothing(tmp_path, script):
    """Anything said would put the script behind others; without the case, building an image runs
    it on the host.
    """
    place = Place(tmp_path, script)
    ran = tmp_path / "ran"
    for program in (RUN, "/usr/sbin/vfio-early"):
        place.program(program, f"touch {ran}")
    place.put("usr/share/initramfs-tools/hook-functions", f"touch {ran}\n")
    before = sorted(tmp_path.rglob("*"))
    done = place.run("prereqs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("script", [HOOK, INIT_TOP], ids=lambda path: path.name)
def test_is_an_executable_script(script):
    assert os.access(script, os.X_OK)
    assert script.read_bytes().startswith(b"#!/bin/sh\n")


def test_local_block_gives_back_once_for_the_root_device(tmp_path):
    """initramfs-tools also waits for the devices of RESUME= and /usr, and asks once a second."""
    place = Place(tmp_path, LOCAL_BLOCK)
    place.script.write_text(place.script.read_text().replace("/run/", f"{tmp_path}/run/"))
    place.program("/usr/lib/vfio-early/vfio-early-boot", f'echo "$@" >>{place.image}/calls')

    def ask(device, times):
        for _ in range(times):
            assert place.run(device, ROOT="/dev/root").returncode == 0
        return place.calls

    assert ask("/dev/swap", 12) == []
    assert ask("/dev/root", 9) == []
    assert ask("/dev/swap", 2) == []
    assert ask("/dev/root", 12) == ["--rescue=release"]


def test_init_top_sorts_before_udev_and_all(tmp_path):
    """The name under which it is installed, among those that images have."""
    text = (TOP / "Makefile").read_text()
    assert "init-top/00-vfio-early" in text
    names = ["udev", "all_generic_ide", "blacklist", "keymap", "plymouth", "00-vfio-early"]
    assert sorted(names)[0] == "00-vfio-early"


def test_init_top_runs_the_program_once(init_top):
    init_top.program(RUN, 'echo "ran $#"')
    done = init_top.run()
    assert (done.returncode, done.stdout) == (0, "ran 0\n")


PROGRAMS = [
    ("missing", None, 0),
    ("not executable", "exit 0", 0o644),
    ("fails", "exit 1", 0o755),
    ("fails as a usage error does", "exit 2", 0o755),
    ("crashes", "kill -SEGV $$", 0o755),
    ("is killed", "kill -KILL $$", 0o755),
    ("aborts", "kill -ABRT $$", 0o755),
]


@pytest.mark.parametrize("body, mode", [row[1:] for row in PROGRAMS],
                         ids=[row[0] for row in PROGRAMS])
def test_init_top_goes_on_when_the_program(init_top, body, mode):
    if body:
        init_top.program(RUN, body, mode)
    assert init_top.run().returncode == 0


@pytest.mark.parametrize("content", [b"", b"\x7fELF junk", b"#!/no/such/interpreter\n"],
                         ids=["empty", "junk", "without an interpreter"])
def test_init_top_goes_on_when_the_program_cannot_run(init_top, content):
    init_top.put(RUN, "").write_bytes(content)
    assert init_top.run().returncode == 0


def test_init_top_goes_on_when_a_directory_is_in_its_place(init_top):
    (init_top.top / RUN.lstrip("/")).mkdir(parents=True)
    assert init_top.run().returncode == 0


# A host program that finds something to do: it writes what the real one writes, and prints.
WRITES = 'mkdir -p "$4/usr/lib/vfio-early"; echo "[vfio-pci]" >"$4/usr/lib/vfio-early/modules"'
STARTS = f'{WRITES}; touch "$4/usr/lib/vfio-early/start-init"'


def test_hook_copies_the_program_and_the_modules(hook):
    hook.program("usr/sbin/vfio-early", f'{WRITES}; echo "$@" >args; echo vfio; echo vfio-pci')
    done = hook.run()
    assert (done.returncode, done.stdout) == (0, "")
    assert (hook.top / "args").read_text() == f"image 6.1.0-test --dest {hook.image}\n"
    assert [Path(word).name if word.startswith("/") else word
            for call in hook.calls for word in call.split()] == [
                "copy_exec", "vfio-early-boot", "copy_exec", "vfio-early-init",
                "manual_add_modules", "vfio",
                "manual_add_modules", "vfio-pci"]
    assert (hook.image / "scripts/init-top/00-vfio-early").exists()
    assert (hook.image / "init").read_text() == "the image's own\n"


@pytest.mark.parametrize("body", ["exit 0", "exit 3", "kill -SEGV $$"],
                         ids=["has nothing to do", "fails", "crashes"])
def test_hook_adds_nothing_where_the_program(hook, body):
    hook.program("usr/sbin/vfio-early", body)
    assert hook.run().returncode == 0
    assert hook.calls == []
    assert not (hook.image / "scripts/init-top/00-vfio-early").exists()
    assert (hook.image / "init").read_text() == "the image's own\n"


def test_hook_leaves_no_directory_that_only_it_made(hook):
    for name in ("local-block/vfio-early", "panic/vfio-early", "panic/other"):
        hook.put(f"image/scripts/{name}", "")
    hook.program("usr/sbin/vfio-early", "exit 0")
    assert hook.run().returncode == 0
    left = sorted(str(path.relative_to(hook.image)) for path in hook.image.rglob("*"))
    assert left == ["init", "scripts", "scripts/init-top", "scripts/panic", "scripts/panic/other"]


def test_hook_without_the_program(hook):
    assert hook.run().returncode == 0
    assert hook.calls == []


def test_hook_with_errors_in_the_config_builds_an_image(hook):
    """The program tells them on standard error, and its status is not the hook's."""
    hook.program("usr/sbin/vfio-early", f"{WRITES}; echo 'W: line 1' >&2; echo vfio; exit 3")
    done = hook.run()
    assert done.returncode == 0
    assert done.stderr == "W: line 1\n"
    assert len(hook.calls) == 3


def test_start_init(hook):
    hook.program("usr/sbin/vfio-early", f"{STARTS}; echo vfio")
    assert hook.run().returncode == 0
    assert (hook.image / "init").read_text() == "our init\n"
    assert (hook.image / "init.vfio-early").read_text() == "the image's own\n"
    assert os.access(hook.image / "init", os.X_OK)


def test_start_init_without_the_program(hook):
    """An image without /init would not boot."""
    (hook.top / "usr/lib/vfio-early/vfio-early-init").unlink()
    hook.program("usr/sbin/vfio-early", f"{STARTS}; echo vfio")
    assert hook.run().returncode == 0
    assert (hook.image / "init").read_text() == "the image's own\n"
