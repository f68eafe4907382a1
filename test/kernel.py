# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel does when an attribute of a fake machine's sysfs was written: test/kernel.c runs
this with the attribute's path. In a function's directory, `usual_driver` names the driver that
matches it, and `fails` what goes wrong with it, as "bind 22" or "unbind 255" (it hangs).
"""

import errno
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from cli import set_driver  # noqa: E402
from machine import Machine  # noqa: E402


class Existing(Machine):
    """A machine that is there."""

    def __init__(self, root):
        self.root = Path(root)
        self.directories = {}


class Function:
    """One function of the machine."""

    def __init__(self, machine, address):
        self.machine, self.address = machine, address
        self.directory = machine.path(f"sys/bus/pci/devices/{address}").resolve()

    def attribute(self, name):
        path = self.directory / name
        return path.read_text().strip() if path.exists() else ""

    @property
    def driver(self):
        link = self.directory / "driver"
        return link.resolve().name if link.is_symlink() else ""

    @property
    def override(self):
        return self.attribute("driver_override").removeprefix("(null)")

    def failure(self, action):
        """The errno that the action is to fail with, 0 for none."""
        name, _, number = self.attribute("fails").partition(" ")
        return int(number) if name == action else 0

    def bind(self, driver):
        if self.driver:
            return errno.EBUSY
        if self.override not in ("", driver):
            return errno.ENODEV
        if self.failure("bind"):
            return self.failure("bind")
        set_driver(self.machine, self.address, driver)
        return 0

    def unbind(self):
        failure = self.failure("unbind")
        if not failure:
            set_driver(self.machine, self.address, "")
        return failure

    def probe(self):
        """Succeeds whatever comes of it, as the kernel's does."""
        driver = self.override or self.attribute("usual_driver")
        if driver and self.machine.path(f"sys/bus/pci/drivers/{driver}").exists():
            self.bind(driver)
        return 0


def written(path):
    """The errno for the write that put there what is in the file."""
    root, _, inside = str(path).partition("/sys/")
    machine = Existing(root)
    text = path.read_text().strip()
    if path.name == "driver_override":
        if not text:
            path.write_text("(null)\n")
        return Function(machine, path.parent.name).failure("driver_override")
    function = Function(machine, text)
    if path.name == "unbind":
        return function.unbind()
    if path.name == "bind":
        return function.bind(path.parent.name)
    return function.probe() if inside == "bus/pci/drivers_probe" else 0


if __name__ == "__main__":
    sys.exit(written(Path(sys.argv[1])))
