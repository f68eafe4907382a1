# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early apply with image generators of our own, in a root that is `/` for it alone: a user
and mount namespace with the programs of this system in it.
"""

import json
import os
import pty
import shlex
import shutil
import signal
import subprocess
import termios
import time

import hosts
import images
import kmods
import pytest
from cli import CONFIG, DUE, ENVIRONMENT, UNWANTED, USAGE, WELL
from hosts import PROGRAM

LISTED = "bind 02:00.0 10de:1c03 with=functions\n"
IMAGE = f"boot/initrd.img-{kmods.VERSION}"
BORROWED = ["usr/bin", "usr/lib64", "usr/lib/locale", "usr/lib/x86_64-linux-gnu", "dev"]
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib64": "usr/lib64"}

VARIABLES = {"PATH": "/usr/bin:/usr/sbin", "LC_ALL": "C.UTF-8"}
# Puts the image that was prepared in the place of the old one.
BUILDS = f"cp /new /{IMAGE}"


def namespace(*command):
    return ["unshare", "-rm", *command]


def works():
    return shutil.which("unmkinitramfs") and \
        subprocess.run(namespace("true"), check=False, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not works(), reason="no user namespaces, or no unmkinitramfs")


class Host:
    """A host with an image of the config of yesterday, and a prepared one of today's."""

    def __init__(self, directory, make=hosts.desktop):
        self.fake = make(directory / "root")
        self.root = self.fake.root
        for path in BORROWED:
            self.fake.path(path).mkdir(parents=True, exist_ok=True)
        for link, target in LINKS.items():
            self.fake.path(link).symlink_to(target)
        images.install(self.fake)
        self.fake.path("lib/x86_64-linux-gnu").symlink_to("../usr/lib/x86_64-linux-gnu")
        self.fake.path("var/tmp").mkdir(parents=True)
        self.fake.write("usr/sbin/vfio-early", PROGRAM.read_bytes())
        self.fake.path("usr/sbin/vfio-early").chmod(0o755)
        self.program = "/usr/sbin/vfio-early"
        self.directory = directory
        self.build("", IMAGE)
        self.build(LISTED, "new")

    def build(self, config, path, change=lambda tree: None):
        """Makes the image of this config, and leaves the config as it is then."""
        self.fake.config(config)
        tree = images.Tree(self.fake, self.directory / path.replace("/", "-"))
        tree.initramfs_tools()
        change(tree)
        self.fake.write(path, tree.pack())

    def generator(self, name, body, place="usr/sbin"):
        self.fake.write(f"{place}/{name}", f'#!/bin/sh\necho "{name} $*" >>/calls\n{body}\n')
        self.fake.path(f"{place}/{name}").chmod(0o755)

    @property
    def calls(self):
        path = self.fake.path("calls")
        return path.read_text().splitlines() if path.exists() else []

    def command(self, *arguments):
        mounts = "".join(f"mount --rbind /{path} {shlex.quote(str(self.root / path))} && "
                         for path in BORROWED)
        # /run does not outlive a boot: status asks the file system.
        run, copy = (shlex.quote(str(self.root / path)) for path in ("run", "run.copy"))
        mounts += f"cp -a {run} {copy} && mount -t tmpfs none {run} && cp -a {copy}/. {run} && " \
            f"rm -r {copy} && "
        inside = ["chroot", str(self.root), self.program, *arguments]
        return namespace("sh", "-c", mounts + "exec " + shlex.join(inside))

    def run(self, *arguments, **more):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True,
                              timeout=60, check=False, stdin=more.pop("stdin", subprocess.DEVNULL),
                              env=VARIABLES, **more)
        assert not list(self.fake.path("var/tmp").iterdir())
        return done


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_rebuilds_and_looks(host):
    host.generator("update-initramfs", f"echo building; {BUILDS}")
    done = host.run("apply")
    assert done.returncode == WELL, done
    assert host.calls == ["update-initramfs -u -k all"]
    assert done.stdout.splitlines()[:2] == ["running: update-initramfs -u -k all", "building"]
    assert done.stdout.endswith("every image is as configured; next: reboot\n")
    assert "current" in done.stdout


GENERATES = "echo update-initramfs: Generating"


def test_progress(host):
    """What else a generator prints goes where it went, and what it leaves running is no matter."""
    host.fake.write(f"{IMAGE}-old", host.fake.path(IMAGE).read_bytes())
    host.generator("update-initramfs",
                   f"{GENERATES} /{IMAGE}.new; {GENERATES} /{IMAGE}; {BUILDS}; echo W: x >&2\n"
                   f"{GENERATES} /{IMAGE}; {GENERATES} /{IMAGE}-old; cp /new /{IMAGE}-old\n"
                   "sleep 60 & echo $! >/started; printf end")
    done = host.run("apply")
    os.kill(int(host.fake.read("started")), signal.SIGKILL)
    assert done.returncode == WELL, done
    images_of = [f"{i} of 2: /{image}" for i, image in enumerate((IMAGE, f"{IMAGE}-old"), 1)]
    said = done.stderr.splitlines()
    said.remove("W: x")
    assert said == [f"{verb} {image}" for verb in ("inspecting", "building", "inspecting")
                    for image in images_of]
    assert done.stdout.splitlines()[1:4] == [
        f"update-initramfs: Generating /{IMAGE}.new", f"update-initramfs: Generating /{IMAGE}",
        "end"]


def test_progress_in_a_terminal(host):
    """One line, which is rewritten and cleared, and is never wider than the terminal."""
    host.generator("update-initramfs", f"{GENERATES} /{IMAGE}; echo other; {BUILDS}")
    person, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 30))
    with subprocess.Popen(host.command("apply"), stdin=subprocess.DEVNULL, stderr=terminal,
                          stdout=subprocess.DEVNULL, env=VARIABLES | {"TERM": "xterm"}) as running:
        running.wait(30)
    os.close(terminal)
    said = os.read(person, 65536).decode()
    os.close(person)
    cut = [f"\r{verb} 1 of 1: /{IMAGE}"[:30] + "\033[K" for verb in ("inspecting", "building")]
    clear = "\r\033[K"
    assert said == (cut[0] + clear + cut[1] + clear + cut[1] + clear + cut[0] + clear)


def test_json_is_alone_on_standard_output(host):
    host.generator("update-initramfs", f"echo building; {BUILDS}")
    done = host.run("apply", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == WELL == told["status"] and "building\n" in done.stderr
    assert told["commands"] == [{"command": "update-initramfs -u -k all", "result": "done"}]
    assert [image["result"] for image in told["images"]] == ["current"]


@pytest.mark.parametrize("result", [WELL, ENVIRONMENT])
def test_add_applies(host, result):
    """One command from the device to the image."""
    host.fake.config("")
    host.generator("update-initramfs", "exit 1" if result else BUILDS)
    done = host.run("add", "02:00", "--apply", "--yes")
    assert done.returncode != USAGE and host.calls == ["update-initramfs -u -k all"], done
    assert "bind 0000:02:00.0 10de:1c03" in done.stdout
    assert done.stdout.index("running: ") > done.stdout.index("bind 0000:02:00.0")
    assert "next: vfio-early apply" not in done.stdout
    assert (done.returncode == ENVIRONMENT) == (result == ENVIRONMENT)


@pytest.mark.parametrize("answer, calls", [("y", 1), ("", 0)])
def test_the_guide_offers_to_apply(host, answer, calls):
    host.fake.config("")
    host.generator("update-initramfs", BUILDS)
    person, terminal = pty.openpty()
    os.write(person, f"1\n\n{answer}\n".encode())
    with subprocess.Popen(host.command("add"), stdin=terminal, stderr=terminal,
                          stdout=subprocess.PIPE, env=VARIABLES) as running:
        out = running.communicate(timeout=30)[0].decode()
    os.close(terminal)
    shown = os.read(person, 65536).decode()
    os.close(person)
    assert "Apply now? [y/N]" in shown and len(host.calls) == calls
    assert "bind 0000:02:00.0 10de:1c03" in host.fake.read("etc/vfio-early.conf")
    assert ("next: vfio-early apply, then reboot" in out) != bool(calls)
    assert ("vfio-early add 0000:02:00.0 --with functions --apply --yes\n" in out) == bool(calls)


def test_another_prefix(host):
    """What images are made of lies beside the program."""
    for path in (images.BOOT, images.INIT):
        name = path.rpartition("/")[2]
        host.fake.write(f"opt/x/lib/vfio-early/{name}", host.fake.path(path).read_bytes())
        host.fake.path(path).unlink()
    host.fake.path("opt/x/sbin").mkdir()
    host.program = "/opt/x/sbin/vfio-early"
    host.fake.path("proc/self/exe").symlink_to(host.program)
    shutil.copy(PROGRAM, host.fake.path(host.program[1:]))
    host.generator("update-initramfs", BUILDS)
    assert host.run("apply").returncode == WELL


def test_nothing_to_do(host):
    host.generator("update-initramfs", BUILDS)
    host.run("apply")
    done = host.run("apply")
    assert (done.returncode, len(host.calls)) == (WELL, 1)
    assert done.stdout.startswith("nothing to do: ")


def test_nothing_to_do_for_an_empty_config(host):
    host.generator("update-initramfs", BUILDS)
    host.fake.config("")
    done = host.run("apply")
    assert (done.returncode, host.calls) == (WELL, [])


@pytest.mark.parametrize("programs, calls", [
    (["dracut"], ["dracut --force --regenerate-all"]),
    (["update-initramfs", "dracut"], ["update-initramfs -u -k all"]),
    (["update-initramfs", "proxmox-boot-tool"],
     ["update-initramfs -u -k all", "proxmox-boot-tool refresh"]),
])
def test_with_what_is_installed(host, programs, calls):
    for program in programs:
        host.generator(program, BUILDS)
    assert host.run("apply").returncode == WELL
    assert host.calls == calls


@pytest.mark.skipif(os.path.exists("/usr/bin/dracut"), reason="its /usr/bin is borrowed")
def test_no_generator(host):
    done = host.run("apply")
    assert done.returncode == ENVIRONMENT and "neither update-initramfs nor dracut" in done.stderr


def test_no_image(host):
    host.generator("update-initramfs", BUILDS)
    host.fake.path(IMAGE).unlink()
    done = host.run("apply")
    assert (done.returncode, host.calls) == (ENVIRONMENT, [])
    assert "Is it mounted?" in done.stderr


def test_dry_run(host):
    host.generator("update-initramfs", BUILDS)
    host.generator("proxmox-boot-tool", "")
    done = host.run("apply", "--dry-run")
    assert (done.returncode, host.calls) == (DUE, [])
    assert done.stdout == ("would run: update-initramfs -u -k all\n"
                           "would run: proxmox-boot-tool refresh\n")


def test_dry_run_of_another_root(host):
    host.generator("update-initramfs", BUILDS)
    assert host.fake.host("apply", "--dry-run").returncode == DUE
    done = host.fake.host("apply")
    assert done.returncode == USAGE and "--root works only with --dry-run" in done.stderr
    assert host.calls == []


def test_errors_stop_it(host):
    host.generator("update-initramfs", BUILDS)
    host.fake.config(LISTED + "bnid 01:00.0\n")
    done = host.run("apply", "--yes")
    assert (done.returncode, host.calls) == (CONFIG, [])
    assert "/etc/vfio-early.conf:2:1" in done.stderr


DANGER = "bind 00:14.0\n"  # the last keyboard hangs on it


def test_dangers_need_a_yes(host):
    host.generator("update-initramfs", BUILDS)
    host.build(DANGER, "new-danger")
    host.fake.path("new-danger").rename(host.fake.path("new"))
    done = host.run("apply")
    assert (done.returncode, host.calls) == (UNWANTED, [])
    assert "danger: 0000:00:14.0" in done.stderr and "--yes" in done.stderr
    assert host.run("apply", "--yes").returncode == WELL


def test_what_a_line_permits_is_reported_and_needs_no_yes(host):
    host.generator("update-initramfs", "")
    host.fake.config("bind 00:1f.6 allow=in-use\n")
    done = host.run("apply", "--dry-run")
    assert "allowed: 0000:00:1f.6: the host uses it: the default route" in done.stderr
    host.run("apply")
    assert len(host.calls) == 1


def test_the_root_disk_needs_a_yes_though_a_line_permits_it(host):
    host.generator("update-initramfs", "")
    host.fake.config("bind 03:00.0 allow=in-use\n")
    done = host.run("apply")
    assert (done.returncode, host.calls) == (UNWANTED, [])
    assert "danger: 0000:03:00.0: the host uses it: / (nvme0n1p2)" in done.stderr


@pytest.mark.parametrize("answer, calls", [("y\n", 1), ("n\n", 0), ("\n", 0)])
def test_dangers_ask_a_person(host, answer, calls):
    host.generator("update-initramfs", "")
    host.fake.config(DANGER)
    person, terminal = pty.openpty()
    os.write(person, answer.encode())
    with subprocess.Popen(host.command("apply"), stdin=terminal, stderr=terminal,
                          stdout=subprocess.DEVNULL, env=VARIABLES) as running:
        running.wait(30)
    os.close(terminal)
    os.close(person)
    assert len(host.calls) == calls


@pytest.mark.parametrize("body, words", [("exit 7", "exit status 7"),
                                         ("kill -KILL $$", "killed by signal 9")])
def test_a_rebuild_that_fails(host, body, words):
    host.generator("update-initramfs", body)
    host.generator("proxmox-boot-tool", "")
    done = host.run("apply")
    assert (done.returncode, host.calls) == (ENVIRONMENT, ["update-initramfs -u -k all"])
    assert f"update-initramfs -u -k all: failed: {words}. The images that it did not build" \
        in done.stderr
    assert "outdated" in done.stdout
    assert f"/{IMAGE}: the image contains nothing of vfio-early" in done.stdout


def test_a_rebuild_that_fails_half_way(host):
    """The audit tells which images are the old ones."""
    host.fake.write("boot/initrd.img-old", host.fake.path(IMAGE).read_bytes())
    host.generator("update-initramfs", f"{BUILDS}; exit 1")
    done = host.run("apply")
    assert done.returncode == ENVIRONMENT
    assert [line.split()[-1] for line in done.stdout.splitlines()
            if line.startswith("/boot/initrd") and ":" not in line] == ["current", "outdated"]


def test_a_rebuild_that_does_nothing(host):
    host.generator("update-initramfs", "")
    done = host.run("apply")
    assert done.returncode == UNWANTED and "Is the hook of vfio-early installed?" in done.stderr


def test_what_a_rebuild_does_not_repair(host):
    """A script of somebody else that comes first stays there."""
    host.generator("update-initramfs", BUILDS)
    host.build(LISTED, IMAGE + ".", lambda tree: tree.write(
        "scripts/init-top/ORDER", images.ORDER.format("udev") + images.ORDER.format(images.OURS)))
    host.fake.path(IMAGE + ".").rename(host.fake.path(IMAGE))
    done = host.run("apply")
    assert (done.returncode, host.calls) == (UNWANTED, [])
    assert "udev runs before vfio-early" in done.stdout and "that would not help" in done.stderr


def test_a_signal_in_the_middle(host):
    """It is passed on, the generator may clean up, and the old image is still there."""
    before = host.fake.path(IMAGE).read_bytes()
    host.generator("update-initramfs", "trap 'echo cleaned >>/calls; exit 1' TERM\n"
                   "sleep 60 >/dev/null 2>&1 & echo $! >/started; wait; kill $!")
    with subprocess.Popen(host.command("apply"), stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=VARIABLES) as running:
        while not host.fake.path("started").exists():
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(signal.SIGTERM)
        said = running.stderr.read()
        os.kill(int(host.fake.read("started")), signal.SIGKILL)
        assert running.wait(20) == -signal.SIGTERM
    assert host.calls == ["update-initramfs -u -k all", "cleaned"]
    assert "interrupted" in said and host.fake.path(IMAGE).read_bytes() == before


def test_no_shell_sees_a_name(host):
    """Whatever images are called: their names are arguments, never text of a command."""
    host.generator("update-initramfs", BUILDS)
    host.fake.write("boot/initrd.img-$(touch >evil);`touch evil` '\"", b"x")
    assert host.run("apply").returncode == ENVIRONMENT
    assert not list(host.root.rglob("evil"))
