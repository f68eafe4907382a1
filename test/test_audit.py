# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early audit on images laid out as the generators lay them out."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

import hosts
import images
import kmods
import pytest
from cli import DUE, ENVIRONMENT, UNWANTED, WELL
from hosts import PROGRAM
from images import OURS, UNITS

CONFIG = "bind 02:00.0 10de:1c03 with=functions\n"
IMAGE = f"boot/initrd.img-{kmods.VERSION}"

pytestmark = pytest.mark.skipif(not shutil.which("unmkinitramfs"), reason="no unmkinitramfs")


@pytest.fixture(name="host", scope="module")
def shared_host(tmp_path_factory):
    host = hosts.desktop(tmp_path_factory.mktemp("host") / "root")
    images.install(host)
    return host


@pytest.fixture(autouse=True)
def fresh(host, tmp_path, monkeypatch):
    """Config and images are the test's own, and so is where they are taken apart."""
    host.config(CONFIG)
    shutil.rmtree(host.path("etc/vfio-early.conf.d"), ignore_errors=True)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setitem(hosts.ENVIRONMENT, "TMPDIR", str(tmp_path / "scratch"))
    yield
    assert not list((tmp_path / "scratch").iterdir())


@pytest.fixture
def tree(host, tmp_path):
    return images.Tree(host, tmp_path / "image")


def audit(tree, *arguments, packed=None, name=None, **more):
    """Audits the image: the run, and what it says of it."""
    path = tree.root.parent / (name or f"initrd.img-{kmods.VERSION}")
    path.write_bytes(tree.pack() if packed is None else packed)
    done = tree.host.host("audit", "--json", str(path), *arguments, **more)
    if not done.stdout:
        return done, None
    told = json.loads(done.stdout)
    assert told["schema"] == 1 and told["status"] == done.returncode
    (image,) = told["images"]
    return done, image


def kinds(image):
    """{kind: the texts of its faults}"""
    found = {}
    for fault in image["faults"]:
        found[fault["kind"]] = "\n".join([*found.get(fault["kind"], "").split("\n"),
                                          fault["text"]]).strip()
    return found


LAYOUTS = {"initramfs-tools": images.Tree.initramfs_tools, "dracut": images.Tree.dracut,
           "dracut, systemd": images.Tree.systemd}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_fresh_image_is_current(tree, layout):
    LAYOUTS[layout](tree)
    done, image = audit(tree)
    assert (done.returncode, image["result"], image["faults"]) == (WELL, "current", [])
    assert (image["made_by"], image["kernel"]) == (layout, kmods.VERSION)


@contextlib.contextmanager
def without_devices(host):
    """As in a chroot, where the modules for whatever the machine may have go into an image."""
    host.path("sys").rename(host.path("sys.away"))
    yield
    host.path("sys.away").rename(host.path("sys"))


def test_an_image_made_in_a_chroot_is_current_on_the_machine(host, tree):
    host.config("bind 02:00.0 driver=auto\n")
    with without_devices(host):
        tree.initramfs_tools()
    assert "mlx5" in str(tree.modules())
    assert audit(tree)[0].returncode == WELL


def test_an_image_made_on_the_machine_is_current_in_a_chroot(host, tree):
    host.config("bind 02:00.0 driver=auto\n")
    tree.initramfs_tools()
    assert "mlx5" not in str(tree.modules())
    with without_devices(host):
        assert audit(tree)[0].returncode == WELL


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_empty_config_leaves_no_trace(host, tree, layout):
    host.config("# nothing yet\n")
    LAYOUTS[layout](tree)
    assert audit(tree)[0].returncode == WELL


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_an_emptied_config_left(host, tree, layout):
    LAYOUTS[layout](tree)
    host.config("# nothing any more\n")
    done, image = audit(tree)
    assert (done.returncode, set(kinds(image))) == (DUE, {"leftover"})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_of_ours(host, tree, layout):
    host.config("")
    LAYOUTS[layout](tree)
    host.config(CONFIG)
    done, image = audit(tree)
    assert (done.returncode, set(kinds(image))) == (DUE, {"missing"})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_start_init(host, tree, layout):
    host.config(CONFIG + "start init\n")
    LAYOUTS[layout](tree)
    assert audit(tree)[0].returncode == WELL
    tree.path("init.vfio-early").rename(tree.path("init"))
    done, image = audit(tree)
    assert (done.returncode, set(kinds(image))) == (DUE, {"init"})


@pytest.mark.parametrize("compression", images.COMPRESSIONS)
@pytest.mark.parametrize("early", [None, {"kernel/x86/microcode/GenuineIntel.bin": "microcode"}],
                         ids=["alone", "behind microcode"])
def test_however_it_is_packed(tree, compression, early):
    tree.initramfs_tools()
    done, image = audit(tree, packed=tree.pack(compression, early or ()))
    assert (done.returncode, image["faults"]) == (WELL, [])


def test_modules_in_an_archive_of_their_own(tree):
    """As Ubuntu packs them."""
    tree.initramfs_tools()
    early = {}
    for module in tree.modules():
        early[module] = tree.path(module).read_bytes()
        tree.remove(module)
    done, image = audit(tree, packed=tree.pack("zstd", early))
    assert (done.returncode, image["faults"]) == (WELL, [])


@pytest.mark.skipif(not shutil.which("objcopy"), reason="no objcopy")
def test_a_unified_kernel_image(tree, tmp_path):
    tree.systemd()
    packed = images.unified(tmp_path, tree.pack())
    done, image = audit(tree, packed=packed, name="linux.efi")
    assert (done.returncode, image["faults"]) == (WELL, []), done
    tree.remove(tree.modules()[-1])
    packed = images.unified(tmp_path, tree.pack())
    assert audit(tree, packed=packed, name="linux.efi")[0].returncode == DUE


@pytest.mark.parametrize("change, kind, words", [
    (lambda tree: tree.write(images.BOOT, "another"), "program", "differs from the host's"),
    (lambda tree: tree.remove(images.BOOT), "program", "vfio-early-boot is missing"),
    (lambda tree: tree.write("etc/vfio-early.conf", "bind 01:00.0\n"), "config",
     "/etc/vfio-early.conf was edited after the image was built"),
    (lambda tree: tree.remove("etc/vfio-early.conf"), "config",
     "/etc/vfio-early.conf is missing"),
    (lambda tree: tree.write("etc/vfio-early.conf.d/x.conf", ""), "config",
     "x.conf is in the image, but no longer on the host"),
    (lambda tree: tree.remove(tree.modules()[-1]), "modules", "vfio-pci.ko"),
    (lambda tree: tree.write("usr/lib/vfio-early/modules", "[vfio-pci]\n"), "plan",
     f"out of date for Linux {kmods.VERSION}"),
    (lambda tree: tree.write("usr/lib/vfio-early/modules", "?\n"), "plan", "damaged"),
    (lambda tree: tree.remove("usr/lib/vfio-early/modules"), "plan", "modules is missing"),
    (lambda tree: tree.remove(f"scripts/init-top/{OURS}"), "script", f"{OURS} is missing"),
    (lambda tree: tree.write("scripts/init-top/ORDER", ""), "script", "is not in /scripts"),
    (lambda tree: tree.remove("scripts/init-top/ORDER"), "script", "is not in /scripts"),
    (lambda tree: tree.write("init.vfio-early", ""), "init", 'no line says "start init"'),
], ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_rebuild_repairs(tree, change, kind, words):
    tree.initramfs_tools()
    change(tree)
    done, image = audit(tree)
    assert (done.returncode, image["result"]) == (DUE, "outdated")
    assert words in kinds(image)[kind], image
    assert all(fault["remedy"] == "vfio-early apply" for fault in image["faults"])


def test_a_comment_needs_no_rebuild(host, tree):
    tree.initramfs_tools()
    host.config(f"# a comment more\n\n{host.read('etc/vfio-early.conf')}  # and another\n")
    done, image = audit(tree)
    assert (done.returncode, image["faults"]) == (WELL, []), done


def test_several_modules_are_named_in_one_line(tree):
    tree.initramfs_tools()
    for module in tree.modules()[:2]:
        tree.remove(module)
    assert kinds(audit(tree)[1])["modules"].count(", ") == 1


def test_a_module_that_was_unpacked_on_the_way_in(host, tree):
    """Debian 12's mkinitramfs does that, behind the hooks."""
    tree.initramfs_tools()
    plan = tree.path("usr/lib/vfio-early/modules")
    plan.write_text(plan.read_text().replace(".ko\n", ".ko.xz\n"))
    assert "modules" not in kinds(audit(tree)[1])


def test_a_dropin_of_the_host(host, tree):
    host.config("keep class=01\n", "etc/vfio-early.conf.d/keep.conf")
    tree.initramfs_tools()
    assert audit(tree)[0].returncode == WELL
    tree.remove("etc/vfio-early.conf.d/keep.conf")
    assert "keep.conf is missing" in kinds(audit(tree)[1])["config"]


def test_a_third_party_comes_first(tree):
    tree.initramfs_tools(order=("00-aaa", "quiet", OURS, "udev"))
    tree.write("scripts/init-top/quiet", "#!/bin/sh\necho hello\n")
    done, image = audit(tree)
    assert (done.returncode, image["result"]) == (UNWANTED, "wrong")
    assert [fault["text"] for fault in image["faults"]] == [
        "/scripts/init-top/00-aaa runs before vfio-early, and loads modules (modprobe)",
        "/scripts/init-top/quiet runs before vfio-early, but loads no modules itself"]


def test_behind_udev(tree):
    """The mistake of the usual recipe: any PREREQ puts our script behind those without one."""
    tree.initramfs_tools(order=("udev", OURS))
    done, image = audit(tree)
    assert done.returncode == UNWANTED and "/udev runs before vfio-early" in kinds(image)["order"]


def test_start_init_comes_before_any_script(host, tree):
    host.config(CONFIG + "start init\n")
    tree.initramfs_tools(order=("udev", OURS))
    assert audit(tree)[0].returncode == WELL


def test_dracut_sources_another_file_first(tree):
    tree.dracut()
    tree.write("etc/conf.d/00-a.conf", "modprobe vfio-pci\n")
    done, image = audit(tree)
    assert done.returncode == UNWANTED
    assert "/etc/conf.d/00-a.conf runs before vfio-early, and loads" in kinds(image)["order"]


@pytest.mark.parametrize("change, kind, words", [
    (lambda tree: tree.remove(f"{UNITS}/sysinit.target.wants/vfio-early.service"), "script",
     "sysinit.target does not want"),
    (lambda tree: tree.remove(f"{UNITS}/vfio-early.service"), "script", "is missing"),
    (lambda tree: tree.write(f"{UNITS}/vfio-early.service", "[Unit]\n"), "script",
     "does not run before systemd-udevd.service"),
    (lambda tree: tree.write(f"{UNITS}/vfio-early.service",
                             tree.read(f"{UNITS}/vfio-early.service")
                             .replace("dracut-pre-udev.service", "")), "script",
     "does not run before dracut-pre-udev.service"),
    (lambda tree: tree.link("etc/systemd/system/vfio-early.service", "/dev/null"), "script",
     "masks the unit of vfio-early"),
    (lambda tree: tree.write(f"{UNITS}/rogue.service",
                             "[Unit]\nBefore=a vfio-early.service\n[Service]\nExecStart=modprobe"),
     "order", "rogue.service runs before vfio-early, and loads modules"),
    (lambda tree: tree.write("etc/systemd/system/vfio-early.service.d/x.conf", ""), "order",
     "vfio-early.service.d changes the unit of vfio-early"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_units(tree, change, kind, words):
    tree.systemd()
    change(tree)
    done, image = audit(tree)
    assert words in kinds(image)[kind], image
    assert done.returncode == (UNWANTED if kind == "order" else DUE)


def test_another_generator(tree):
    tree.fill()
    assert "neither initramfs-tools nor dracut made the image" in kinds(audit(tree)[1])["script"]


def test_a_kernel_that_is_gone(tree):
    """Its modules can't be looked up; those that the image names can."""
    tree.initramfs_tools()
    modules = tree.path("lib/modules")
    (modules / kmods.VERSION).rename(modules / "5.0.0")
    plan = tree.path("usr/lib/vfio-early/modules")
    plan.write_text(plan.read_text().replace(kmods.VERSION, "5.0.0"))
    done, image = audit(tree)
    assert (done.returncode, image["kernel"]) == (UNWANTED, "5.0.0")
    assert set(kinds(image)) == {"kernel"}


def test_a_driver_that_the_kernel_lacks(host, tree):
    host.config("bind 02:00.0 driver=nvgrace-vfio\n")
    tree.initramfs_tools()
    done, image = audit(tree)
    assert done.returncode == UNWANTED
    assert "which /etc/vfio-early.conf:1 names" in kinds(image)["driver"]


@pytest.mark.parametrize("packed", [b"", b"nonsense\n", bytes(64), b"MZ no program",
                                    b"\x1f\x8b broken", b"070701" + b"F" * 200],
                         ids=["empty", "nonsense", "zeros", "no program", "gzip", "cpio"])
def test_no_image(tree, packed):
    done, image = audit(tree, packed=packed)
    assert (done.returncode, image["result"]) == (ENVIRONMENT, "unreadable")
    assert "cannot unpack the image: " in kinds(image)["unreadable"]


def test_cut_off(tree):
    tree.initramfs_tools()
    packed = tree.pack()
    assert audit(tree, packed=packed[:len(packed) // 2])[0].returncode == ENVIRONMENT


def test_a_squashed_image(tree):
    tree.write("squash-root.img", "")
    assert "module squash" in kinds(audit(tree)[1])["unreadable"]


def test_not_there(host):
    done = host.host("audit", "/no/such/image")
    assert done.returncode == ENVIRONMENT and "No such file" in done.stdout
    assert "remedy: correct the name" in done.stdout


def test_a_symlink_does_not_lead_to_the_host(host, tree):
    """An image whose files are symlinks to those of the host has none of them at boot."""
    tree.initramfs_tools()
    for path in (images.BOOT, "etc/vfio-early.conf"):
        tree.remove(path)
        tree.link(path, str(host.path(path)))
    assert {"program", "config"} <= set(kinds(audit(tree)[1]))


def test_names_are_made_safe_for_a_terminal(tree):
    tree.initramfs_tools(order=("00-\033[2J", OURS))
    path = tree.root.parent / "initrd.img-\033[2J"
    path.write_bytes(tree.pack())
    assert "\033" not in tree.host.host("audit", str(path)).stdout


def test_all_images_of_the_host(host, tree):
    tree.initramfs_tools()
    for name in (IMAGE, f"{IMAGE}.dpkg-bak", "boot/initramfs-0-rescue-1.img", "boot/vmlinuz-1"):
        host.write(name, tree.pack())
    host.link("boot/initrd.img-again", IMAGE)
    tree.remove(images.BOOT)
    host.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    host.write("efi/0123456789abcdef0123456789abcdef/6.1/initrd", tree.pack())
    done = host.host("audit")
    assert done.returncode == DUE
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["IMAGE", "KERNEL", "MADE", "BY", "RESULT"]
    assert [line.split()[-1] for line in lines[:2]] == ["current", "outdated"]
    assert lines[2].startswith(f"danger: {host.root}/efi/")
    assert lines[3] == "    remedy: vfio-early apply"
    assert len(lines) == 4
    shutil.rmtree(host.path("boot"))
    shutil.rmtree(host.path("efi"))


def test_progress(host):
    """It is a line for each image, also of one that cannot be read, and nothing with --json."""
    paths = [host.root / "a.img", host.root / "b.img"]
    done = host.host("audit", *map(str, paths))
    assert done.stderr.splitlines() == [
        f"inspecting {i} of 2: {path}" for i, path in enumerate(paths, 1)]
    assert host.host("audit", "--json", *map(str, paths)).stderr == ""


def test_no_image_at_all(host):
    done = host.host("audit")
    assert done.returncode == ENVIRONMENT and "Is it mounted?" in done.stderr


def test_without_the_programs(tree, tmp_path):
    """PATH has the directories for programs behind it, so it takes a host without them."""
    tree.initramfs_tools()
    for name in ("unmkinitramfs", "lsinitrd"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'no \033[31mway' >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    done, image = audit(tree, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == ENVIRONMENT
    assert "no ?[31mway" in kinds(image)["unreadable"]


def test_lsinitrd_where_unmkinitramfs_fails(tree, tmp_path):
    tree.dracut()
    (tmp_path / "unmkinitramfs").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "lsinitrd").write_text(
        '#!/bin/sh\n[ "$1" = --unpack ] && zstd -dc "$2" | cpio -i\n')
    for name in ("unmkinitramfs", "lsinitrd"):
        (tmp_path / name).chmod(0o755)
    done, image = audit(tree, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (done.returncode, image["faults"]) == (WELL, [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_behind(tree, tmp_path, number):
    started = tmp_path / "started"
    (tmp_path / "unmkinitramfs").write_text(
        f'#!/bin/sh\nmkdir -p "$2/main/x"; echo x >"$2/main/x/y"; echo >{started}\n'
        "exec sleep 60\n")
    (tmp_path / "unmkinitramfs").chmod(0o755)
    image = tmp_path / "initrd.img-1"
    image.write_bytes(b"x")
    with subprocess.Popen([PROGRAM, "audit", "--root", tree.host.root, image],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=hosts.ENVIRONMENT | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
                          preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # nohup's not
                          ) as running:
        while not started.exists():
            assert running.poll() is None
            time.sleep(0.01)
        assert list((tmp_path / "scratch").iterdir())
        running.send_signal(number)
        assert running.wait(20) == -number
