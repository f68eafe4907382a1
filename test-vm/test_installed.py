# SPDX-License-Identifier: GPL-2.0-or-later
"""A user's way through it on installed systems: Debian 12 with initramfs-tools, 13 with dracut.

One system lives one life: the package is installed, devices are listed, the images built,
it is booted again and again, a kernel is added, files of other recipes come, and it is
purged. The tests below look at what was said and seen on the way. Four boots a system.
"""

import concurrent.futures
import dataclasses
import json
import os

import pytest

import image
import installed
import judge
import once
import qemu

NETWORK, TWIN, DRIVE, OTHER_DRIVE = (
    f"0000:{bus:02x}:00.0" for bus in range(1, 5)
)  # the first and the third get listed
MODELS = {NETWORK: "e1000e", TWIN: "e1000e", DRIVE: "nvme", OTHER_DRIVE: "nvme"}
ROOT_DISK = "0000:00:1e.0"

AS_USER = "setpriv --reuid=nobody vfio-early"
SERIAL = "52-54-00-ff-ff-12-34-57"  # of the twin: from QEMU's second MAC address
SERIAL_FILE = "/etc/vfio-early.conf.d/serial.conf"

# The boots, and the steps of each.
BOOTS = {
    "first": {
        "list": "vfio-early list",
        "typo": "vfio-early add 01:00.1",
        "wrong_id": "vfio-early add 8086:10d5",
        "two": "vfio-early add 8086:10d3",
        "root_disk": f"vfio-early add {ROOT_DISK}",
        "as_user": f"{AS_USER} add 01:00.0",
        "add": "vfio-early add 01:00.0",
        "add_drive": "vfio-early add 03:00.0",
        "not_built": "vfio-early status",
        "check": "vfio-early check",
        "apply": "vfio-early apply",
        "built": "vfio-early status",
        "apply_again": "vfio-early apply",
    },
    "second": {
        "status": "vfio-early status",
        "moment_boot": "/vmtest/init boot",
        "release": "vfio-early release 01:00.0",
        "moment_released": "/vmtest/init released",
        "released": "vfio-early status",
        "bind": "vfio-early bind 01:00.0",
        "moment_bound": "/vmtest/init bound",
        "bound": "vfio-early status",
        "edit": "vfio-early add 02:00.0",
        "edited": "vfio-early status",
        "remove": "vfio-early remove 02:00.0",
        "status_as_user": f"{AS_USER} status",
        "check_as_user": f"{AS_USER} check",
        "serial": f"echo bind serial={SERIAL} >{SERIAL_FILE}; {AS_USER} status",
        "serial_of_root": f"vfio-early status; rm {SERIAL_FILE}",
    },
    "off": {"status": "vfio-early status"},
    "later": {
        "status": "vfio-early status",
        "check": "vfio-early check",
        "import": "vfio-early import",
    },
}

# What the usual recipe and driverctl leave: for the listed devices, and one ID for both twins.
RECIPE = {
    "etc/modprobe.d/vfio.conf": "options vfio-pci ids=8086:10d3\nsoftdep nvme pre: vfio-pci\n",
    "etc/modules": "vfio\nvfio_pci\n",
    "etc/driverctl.d/pci-0000:03:00.0": "vfio-pci\n",
}
RECIPE_OF_GENERATOR = {
    "initramfs-tools": {
        "etc/initramfs-tools/modules": "ext4\nvirtio_pci\nvirtio_blk\nvfio_pci\n",
        "etc/initramfs-tools/scripts/init-top/vfio-override": f"""\
#!/bin/sh
case $1 in prereqs) echo udev; exit 0 ;; esac
DEVS="{NETWORK} {DRIVE}"
for device in $DEVS; do
	echo vfio-pci >/sys/bus/pci/devices/$device/driver_override
done
modprobe -i vfio-pci
""",
    },
    "dracut": {"etc/dracut.conf.d/vfio.conf": 'force_drivers+=" vfio_pci "\n'},
}


@dataclasses.dataclass
class Life:
    """What a system's life left: its boots, what ran by chroot, what its images had in them."""

    boots: dict
    steps: dict
    listings: dict

    def step(self, boot, name):
        """What came of a step of a boot, which must have got there."""
        ending = self.boots[boot].ending
        steps = installed.steps(self.boots[boot])
        assert name in steps, f"boot {boot}: {ending}; steps: {' '.join(steps)}"
        return steps[name]

    def finding(self, boot, subject, moment=""):
        """What the kernel's trace says of a device, in a boot or until a moment of it."""
        assert self.boots[boot].ending == "powered off"
        frames = self.boots[boot].frames
        (finding,) = judge.judge(
            frames[f"trace{moment}"], frames[f"functions{moment}"], [subject]
        )
        return finding

    def save(self, path):
        path.write_text(json.dumps(dataclasses.asdict(self)), "utf-8")

    @staticmethod
    def load(path):
        fields = json.loads(path.read_text("utf-8"))
        return Life(
            {name: qemu.Boot(**boot) for name, boot in fields["boots"].items()},
            {name: installed.Step(**step) for name, step in fields["steps"].items()},
            fields["listings"],
        )


def live(suite):
    """The life of one system, from its installation on."""
    life = Life({}, {}, {})
    system = installed.System(suite)
    (kernel,) = system.kernels()
    life.listings["before"] = system.listing(kernel)
    life.steps["install"] = system.install(installed.package(suite))
    life.listings["installed"] = system.listing(kernel)
    system.make_disk(BOOTS)
    for name, words in (("first", ""), ("second", ""), ("off", "vfio_early=off")):
        life.boots[name] = system.boot(name, kernel, devices(), words)
    system.take("etc/vfio-early.conf", f"boot/initrd.img-{kernel}")
    grow(system, kernel, life)
    system.discard()
    return life


def grow(system, kernel, life):
    """Another kernel, other recipes, and in the end the purge."""
    later = installed.fetched(system.suite) / "later.deb"
    life.steps["kernel"] = system.install(later)
    life.steps["audit"] = system.run("vfio-early", "audit")
    recipe = RECIPE_OF_GENERATOR[installed.GENERATORS[system.suite]]
    original = system.replace(RECIPE | recipe)
    (added,) = set(system.kernels()) - {kernel}
    system.rebuild(added)
    life.steps["audit_recipe"] = system.run("vfio-early", "audit", f"/boot/initrd.img-{added}")
    system.make_disk(BOOTS)
    life.boots["later"] = system.boot("later", added, devices())
    system.replace(original)
    life.steps["purge"] = system.run("dpkg", "--purge", "vfio-early")
    life.steps["rebuild"] = system.rebuild(kernel)
    life.listings["purged"] = system.listing(kernel)


def devices():
    rows = image.catalogue()
    return tuple(
        qemu.Device(address[5:], model, rows[model]["properties"], rows[model].get("backend", ""))
        for address, model in MODELS.items()
    )


def subject(address, expect, built_in=False):
    """What the judge is asked of a device; `built_in`: the kernel has no module for it."""
    row = image.catalogue()[MODELS[address]]
    return judge.Subject(address, expect, row["driver"], "" if built_in else row["module"])


@pytest.fixture(scope="session", name="lives")
def fixture_lives(request):
    """{suite: Life} of what was selected: side by side, and once for all test workers."""
    suites = {item.callspec.params["suite"] for item in request.session.items
              if "lives" in item.fixturenames}  # fmt: skip
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))

    def of(suite):
        path = once.VM / "installed" / f"{suite}.life"
        return Life.load(once.made(path, run, lambda scratch: live(suite).save(scratch)))

    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(suites, pool.map(of, suites), strict=True))


@pytest.fixture(params=sorted(installed.GENERATORS))
def suite(request):
    return request.param


@pytest.fixture
def life(lives, suite):
    return lives[suite]


def test_installing_changes_nothing_of_the_next_image(life):
    assert life.steps["install"].status == 0
    assert life.listings["installed"] == life.listings["before"]


def test_list_names_what_is_there(life):
    said = life.step("first", "list").said
    for address in (*MODELS, ROOT_DISK):
        assert address in said


@pytest.mark.parametrize("mistake, status, words", [
    ("typo", 1, ["01:00.1: no device matches", f"8086:10d3 at {NETWORK}"]),
    ("wrong_id", 1, ["8086:10d5: no device matches", f"8086:10d3 at {NETWORK}"]),
    ("two", 2, [NETWORK, TWIN]),
    ("root_disk", 1, [f"{ROOT_DISK}: refused: the host uses it: / (vda)", "--allow in-use"]),
    ("as_user", 4, ["Only root"]),
])  # fmt: skip
def test_mistake_is_explained(life, mistake, status, words):
    step = life.step("first", mistake)
    assert step.status == status
    for word in words:
        assert word in step.said


def test_add_and_check(life):
    assert life.step("first", "add").status == life.step("first", "add_drive").status == 0
    assert f"bind {NETWORK} 8086:10d3 path=" in life.step("first", "add").said
    check = life.step("first", "check")
    assert check.status == 0
    assert "2 devices will be bound" in check.said


def test_status_asks_for_what_is_missing(life):
    for name in ("not_built", "built"):
        step = life.step("first", name)
        assert step.status == 5
        assert "danger: this boot: the boot program has left no report" in step.said
        assert "reboot" in step.said


def test_apply_builds_the_image_and_then_has_nothing_to_do(life):
    apply, again = life.step("first", "apply"), life.step("first", "apply_again")
    assert apply.status == again.status == 0
    assert "every image is as configured; next: reboot" in apply.said
    assert "nothing to do" in again.said


def test_next_boot_binds_them(life):
    status = life.step("second", "status")
    assert status.status == 0
    assert status.said.count(": bound to vfio-pci") == 2
    for address, expect in ((NETWORK, judge.CLAIMED), (TWIN, judge.HOST),
                            (DRIVE, judge.CLAIMED), (OTHER_DRIVE, judge.HOST)):  # fmt: skip
        assert not life.finding("second", subject(address, expect), "_boot").problems


def test_release_and_bind_at_run_time(life):
    for name in ("release", "bind"):
        assert life.step("second", name).status == 0
    assert f"{NETWORK}: released to e1000e" in life.step("second", "release").said
    given_back = life.finding("second", subject(NETWORK, judge.RESCUED), "_released")
    assert not given_back.problems
    released = life.step("second", "released")
    assert released.status == 1
    assert "rebound, e1000e has it" in released.said
    assert f"{NETWORK}: taken from e1000e, bound" in life.step("second", "bind").said
    assert taken_at_the_end(life.boots["second"].frames) == [
        ("fence", judge.VFIO), ("release", ""), ("probe", judge.VFIO), ("bound", ""),
    ]  # fmt: skip
    assert life.step("second", "bound").status == 0
    assert not life.finding("second", subject(TWIN, judge.HOST)).problems


def taken_at_the_end(frames):
    """The last that happened to the network card, in the kernel's own words."""
    drivers = judge.parse_functions(frames["functions_bound"])
    assert drivers[NETWORK] == judge.VFIO
    events = judge.parse_trace(frames["trace_bound"])
    return [(event.kind, event.driver) for event in events if event.what == NETWORK][-4:]


def test_status_sees_a_config_that_was_edited_and_not_built(life):
    assert life.step("second", "edit").status == 0
    edited = life.step("second", "edited")
    assert edited.status == 5
    assert "note: this boot: /etc/vfio-early.conf was edited since the boot" in edited.said
    assert f"{TWIN}: pending, e1000e has it" in edited.said
    assert life.step("second", "remove").status == 0


def test_ordinary_user_is_told_what_is_hidden(life):
    hidden = "only root can read serial numbers and find a display by its framebuffer"
    status = life.step("second", "status_as_user")
    assert status.status == 0
    assert hidden not in status.said
    assert hidden in life.step("second", "check_as_user").said
    serial = life.step("second", "serial")
    assert hidden in serial.said
    assert "absent: no such device" in serial.said
    root = life.step("second", "serial_of_root").said
    assert hidden not in root
    assert f"{TWIN}: pending" in root


def test_off_leaves_all_to_the_host(life):
    status = life.step("off", "status")
    assert status.status == 5
    assert "note: this boot: vfio_early=off is on the kernel command line" in status.said
    for address in MODELS:
        assert not life.finding("off", subject(address, judge.HOST)).problems


def test_kernel_that_comes_later_gets_an_image_with_it(life):
    assert life.steps["kernel"].status == 0
    audit = life.steps["audit"]
    assert audit.status == 0, audit.said
    assert audit.said.count(" current\n") == 2


def test_later_kernel_binds_them_beside_other_recipes(life):
    """It has no driver for the network card, and the drive's is built into it."""
    assert life.step("later", "status").status == 0
    for address, expect in ((NETWORK, judge.CLAIMED), (DRIVE, judge.TAKEN),
                            (OTHER_DRIVE, judge.HOST)):  # fmt: skip
        wanted = subject(address, expect, built_in=True)
        assert not life.finding("later", wanted).problems


def test_other_recipes_are_told(life, suite):
    said = life.step("later", "import").said
    check = life.step("later", "check")
    assert "note: this machine: another recipe is still there: in /etc/" in check.said
    assert life.steps["audit_recipe"].status == 0
    told = ["in /etc/modprobe.d/vfio.conf:1, delete: options vfio-pci ids=8086:10d3",
            "in /etc/modprobe.d/vfio.conf:2, delete: softdep nvme pre: vfio-pci",
            "in /etc/modules:2, delete: vfio_pci",
            "/etc/driverctl.d/pci-0000:03:00.0"]  # fmt: skip
    if installed.GENERATORS[suite] == "initramfs-tools":
        told += ["in /etc/initramfs-tools/modules:4, delete: vfio_pci",
                 "/etc/initramfs-tools/scripts/init-top/vfio-override"]  # fmt: skip
    for words in told:
        assert words in said


def test_after_a_purge_the_next_image_has_no_trace_of_it(life):
    assert life.steps["purge"].status == life.steps["rebuild"].status == 0
    assert life.listings["purged"] == life.listings["before"]
