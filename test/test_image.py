# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early image: what goes into an initramfs, against kernels indexed by kmod's own depmod."""

import os
import re
import shutil
import subprocess

import hosts
import kmods
import pytest
from hosts import PROGRAM

VFIO = ["virt/lib/irqbypass.ko", "drivers/vfio/vfio.ko", "drivers/vfio/vfio_iommu_type1.ko",
        "drivers/vfio/pci/vfio-pci-core.ko", "drivers/vfio/pci/vfio-pci.ko"]


class Image:
    """An image of a host: the tree, and what the command printed."""

    def __init__(self, host, dest, version=kmods.VERSION):
        dest.mkdir(exist_ok=True)
        self.tree = dest
        self.done = host.host("image", version, "--dest", str(dest))
        self.modules = self.done.stdout.split()

    @property
    def plan(self):
        """{driver: [(path below kernel/, options)]}"""
        plan, kernel = {}, f"/lib/modules/{kmods.VERSION}/kernel/"
        for line in (self.tree / "usr/lib/vfio-early/modules").read_text().splitlines():
            if line.startswith("["):
                driver = plan.setdefault(line.strip("[]"), [])
            elif not line.startswith("#"):
                path, _, options = line.partition(" ")
                driver.append((path.removeprefix(kernel), options))
        return plan

    def paths(self, driver):
        return [path for path, _ in self.plan[driver]]


@pytest.fixture
def host(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.kernel()
    host.config("bind 02:00.0 10de:1c03\n")
    return host


@pytest.fixture
def dest(tmp_path):
    return tmp_path / "image"


def before(paths, first, then):
    return paths.index(first) < paths.index(then)


def test_modules_come_in_the_order_of_loading(host, dest):
    image = Image(host, dest)
    paths = image.paths("vfio-pci")
    assert image.done.returncode == 0 and not image.done.stderr
    assert sorted(paths) == sorted(VFIO)
    assert paths[-1].endswith("vfio-pci.ko")
    assert before(paths, VFIO[1], VFIO[2]) and before(paths, VFIO[2], VFIO[4])
    assert before(paths, VFIO[0], VFIO[3]) and before(paths, VFIO[3], VFIO[4])


def test_prints_the_names_of_the_modules(host, dest):
    assert set(Image(host, dest).modules) == {"irqbypass", "vfio", "vfio_iommu_type1",
                                              "vfio_pci_core", "vfio_pci"}


def test_what_is_built_in_is_left_out(host, dest):
    shutil.rmtree(host.path("lib/modules"))
    modules = dict(kmods.MODULES, vfio=("drivers/vfio", [], [], True))
    modules["vfio_iommu_type1"] = ("drivers/vfio", [], [], True)
    modules["vfio-pci-core"] = ("drivers/vfio/pci", ["irqbypass"], [], False)
    kmods.make(host.root, modules=modules)
    image = Image(host, dest)
    assert image.paths("vfio-pci") == [VFIO[0], VFIO[3], VFIO[4]]
    assert not image.done.stderr


def test_a_driver_that_is_built_in_has_a_heading_alone(host, dest):
    shutil.rmtree(host.path("lib/modules"))
    kmods.make(host.root, modules={"vfio-pci": ("drivers/vfio/pci", [], [], True)})
    image = Image(host, dest)
    assert image.plan == {"vfio-pci": []} and image.done.returncode == 0


def test_options_come_from_modprobe_d(host, dest):
    host.write("etc/modprobe.d/vfio.conf", "options vfio-pci disable_vga=1\n"
               "options vfio_iommu_type1 dma_entry_limit=9 allow_unsafe_interrupts=1\n")
    plan = dict(Image(host, dest).plan["vfio-pci"])
    assert plan[VFIO[4]] == "disable_vga=1"
    assert plan[VFIO[2]] == "dma_entry_limit=9 allow_unsafe_interrupts=1"
    assert plan[VFIO[1]] == ""


def test_options_of_this_boots_command_line_stay_out(host, dest):
    # libkmod reads the running machine's /proc/cmdline, and there is one of those only.
    host.write("proc/cmdline", open("/proc/cmdline", encoding="utf-8").read())
    host.write("etc/modprobe.d/vfio.conf", "options vfio-pci disable_vga=1\n")
    assert dict(Image(host, dest).plan["vfio-pci"])[VFIO[4]] == "disable_vga=1"


def test_soft_dependencies_of_what_it_needs(host, dest):
    host.write("etc/modprobe.d/vfio.conf", "softdep irqbypass pre: i915\n")
    paths = Image(host, dest).paths("vfio-pci")
    assert before(paths, "drivers/gpu/drm/i915/i915.ko", VFIO[4])


@pytest.mark.parametrize("name", ["vfio-pci", "vfio_pci"])
def test_soft_dependencies_of_its_own(host, dest, name):
    host.write("etc/modprobe.d/vfio.conf", f"softdep {name} pre: i915\n")
    paths = Image(host, dest).paths("vfio-pci")
    assert before(paths, "drivers/gpu/drm/i915/i915.ko", VFIO[4])


@pytest.mark.parametrize("module", ["vfio-pci", "vfio"])
def test_install_commands_are_left_aside(host, dest, module):
    host.write("etc/modprobe.d/vfio.conf", f"install {module} /bin/false\n"
               f"options {module} name=value\n")
    plan = Image(host, dest).plan["vfio-pci"]
    assert sorted(path for path, _ in plan) == sorted(VFIO)
    assert [options for path, options in plan if path.endswith(f"/{module}.ko")] == \
        ["name=value"]


def test_auto_takes_the_variant_that_the_alias_names(host, dest):
    host.device("0000:05:00.0", "15b3:101e", "020000", group=12)
    host.config("bind 05:00.0 driver=auto\n")
    plan = Image(host, dest).plan
    assert plan["mlx5_vfio_pci"][-1][0].endswith("mlx5-vfio-pci.ko")
    assert "vfio-pci" in plan


def test_auto_knows_the_variant_of_an_id_that_is_not_there(host, dest):
    host.config("bind 15b3:101e driver=auto\n")
    assert "mlx5_vfio_pci" in Image(host, dest).plan


def test_a_driver_that_the_kernel_lacks_is_told(host, dest):
    host.config("bind 02:00.0 driver=xe-vfio-pci\n")
    image = Image(host, dest)
    assert image.done.returncode == 1
    assert "has no driver xe-vfio-pci" in image.done.stderr
    assert image.done.stderr.startswith("W: ")


def test_a_kernel_that_is_not_there_is_told(host, dest):
    image = Image(host, dest, "9.9.9")
    assert image.done.returncode in (1, 4) and "9.9.9" in image.done.stderr


def test_the_config_goes_along_byte_for_byte(host, dest):
    text = "# mine\r\nbind 02:00.0\t10de:1c03  # the guest's"
    host.config(text)
    host.config("keep class=01\n", "etc/vfio-early.conf.d/10-keep.conf")
    image = Image(host, dest)
    assert (image.tree / "etc/vfio-early.conf").read_bytes() == text.encode()
    assert (image.tree / "etc/vfio-early.conf.d/10-keep.conf").exists()


def test_without_a_config_nothing_is_written(host, dest):
    host.config("# nothing yet\n")
    image = Image(host, dest)
    assert not list(image.tree.iterdir()) and image.done.returncode == 0


def test_a_config_with_errors_is_taken_along_and_told(host, dest):
    host.config("bind 02:00.0\nbnid 01:00.0\n")
    image = Image(host, dest)
    assert image.done.returncode == 3 and "vfio-early.conf:2:1" in image.done.stderr
    assert (image.tree / "etc/vfio-early.conf").exists()


def test_nothing_is_invented_for_another_root(host, dest):
    assert not (Image(host, dest).tree / "usr/lib/vfio-early/keep.conf").exists()


def install(host):
    """Puts the host program and its libraries into the host's tree."""
    listing = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True,
                             check=True).stdout
    libraries = re.findall(r"(/\S+\.so\S*) \(", listing)
    for source in [str(PROGRAM), *libraries]:
        path = host.path("vfio-early" if source == str(PROGRAM) else source.lstrip("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)


def keep_lines(host):
    """The keep lines of an image that a program whose / is the host's tree makes, or None."""
    install(host)
    host.path("image").mkdir()
    as_root = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
    if as_root and subprocess.run([*as_root, "true"], capture_output=True, check=False).returncode:
        pytest.skip("neither root nor allowed to change the root directory")
    inside = [*as_root, "chroot", host.root]
    done = subprocess.run([*inside, "/vfio-early", "image", kmods.VERSION, "--dest", "/image"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    keep = host.path("image/usr/lib/vfio-early/keep.conf")
    return keep.read_text() if keep.exists() else None


def be_the_first_process(host):
    """Makes the host's tree the / of process 1, so that it isn't taken for a chroot."""
    host.path("proc/1").mkdir(parents=True)
    host.path("proc/1/root").symlink_to("../..")


def test_keep_lines_protect_what_this_machine_uses(host):
    be_the_first_process(host)
    text = keep_lines(host)
    assert "# 0000:03:00.0: / (nvme0n1p2), /boot/efi (nvme0n1p1), swap (nvme0n1p3)\n" \
        "keep path=0000:00:1d.0/00.0 id=144d:a808\n" in text
    assert "keep path=0000:00:1f.6 id=8086:15b7\n" in text
    assert text.count("\nkeep ") == 2


def test_what_the_host_only_may_use_has_no_keep_line(host):
    """Such a device is an ordinary candidate for a guest: check warns, and the boot takes it."""
    be_the_first_process(host)
    hosts.add_thin_pool(host)
    hosts.add_network_that_is_up(host)
    text = keep_lines(host)
    assert text.count("\nkeep ") == 2 and "0000:06:00.0" not in text and "0000:07:00.0" not in text


def test_the_boot_program_heeds_them(host, tmp_path):
    be_the_first_process(host)
    text = keep_lines(host)
    host.write("usr/lib/vfio-early/keep.conf", text)
    host.config("bind 03:00.0\nbind 00:1f.6 allow=in-use\nbind 02:00.0\n")
    run = host.run("--dry-run")
    assert run.report.results() == {"0000:03:00.0": "refused", "0000:00:1f.6": "planned",
                                    "0000:02:00.0": "planned"}


def test_a_chroot_invents_nothing(host):
    assert keep_lines(host) is None


def test_a_container_invents_nothing(host):
    be_the_first_process(host)
    host.write("run/systemd/container", "lxc\n")
    assert keep_lines(host) is None


def test_a_mount_point_cannot_add_a_line(host):
    be_the_first_process(host)
    host.mount("/x\\012bind\\040class=01", "/dev/nvme0n1p3", "nvme0n1p3")
    assert "\nbind" not in keep_lines(host)


@pytest.mark.parametrize("spelled", ["root", "./root/", "root/../root"])
def test_a_root_that_is_spelled_otherwise(host, tmp_path, monkeypatch, spelled):
    """libkmod makes paths absolute: what of them is the root's?"""
    monkeypatch.chdir(tmp_path)
    host.root = spelled
    image = Image(host, tmp_path / "image")
    assert sorted(image.paths("vfio-pci")) == sorted(VFIO)
