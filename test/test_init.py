# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early-init, as a script of the image runs it: the boot program, and never for too long."""

import os
import shutil
import subprocess

import pytest
from machine import BUILD

BOOT = "usr/lib/vfio-early/vfio-early-boot"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can change its root")


class Image:
    """A root directory that has the program, and another one in place of the boot program."""

    def __init__(self, root):
        self.root = root
        self.boot = root / BOOT
        self.boot.parent.mkdir(parents=True)
        shutil.copy(BUILD / "vfio-early-init", root / "init")

    def compile(self, body):
        """Puts a program there that does this, in C."""
        source = self.root / "boot.c"
        source.write_text("#include <signal.h>\n#include <unistd.h>\n"
                          f"int main(void) {{ {body} }}\n")
        subprocess.run(["cc", "-static", "-o", self.boot, source], check=True)

    def run(self, prefix=()):
        return subprocess.run([*prefix, "chroot", self.root, "/init"], capture_output=True,
                              timeout=20, check=False)


@pytest.fixture
def image(tmp_path):
    return Image(tmp_path)


def test_it_runs_the_program_once(image):
    image.compile('return write(1, "ran\\n", 4) != 4;')
    done = image.run()
    assert (done.returncode, done.stdout) == (0, b"ran\n")


@pytest.mark.parametrize("body", ["return 1;", "raise(SIGSEGV);", "kill(getpid(), SIGKILL);"])
def test_it_goes_on_when_the_program(image, body):
    image.compile(body)
    assert image.run().returncode == 0


def test_without_the_program(image):
    assert image.run().returncode == 0


@pytest.mark.parametrize("content", [b"", b"\x7fELF junk", b"#!/no/such/interpreter\n"],
                         ids=["empty", "junk", "no interpreter"])
@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_a_program_that_cannot_run(image, content, mode):
    image.boot.write_bytes(content)
    image.boot.chmod(mode)
    assert image.run().returncode == 0


def test_a_program_that_never_ends(image):
    """strace answers for the clock: the 30 s are over at once."""
    image.compile("signal(SIGTERM, SIG_IGN); for (;;) pause();")
    trace = image.root / "trace"
    done = image.run(["strace", "-f", "-qq", "-o", trace, "-e", "inject=ppoll:retval=0"])
    assert done.returncode == 0
    text = trace.read_text()
    assert "ppoll(NULL, 0, {tv_sec=30, tv_nsec=0}" in text
    assert "killed by SIGKILL" in text
