# SPDX-License-Identifier: GPL-2.0-or-later
"""--json of every command: the keys that the manual lists, also if the command fails."""

import re
import subprocess

import hosts
import images
import kmods
import pytest
from cli import CONF, ENVIRONMENT, PROGRAM, USAGE, set_driver, vfio_early
from machine import TOP

COMMON = {"schema", "status", "error"}
KINDS = {str: "string", int: "number", bool: "boolean", list: "array", dict: "object",
         type(None): "null"}


def manual():
    """{heading: {key: its types}} of the section JSON OUTPUT"""
    page = (TOP / "doc/vfio-early.8").read_text()
    section = re.search(r"^\.Sh JSON OUTPUT\n(.*?)^\.Sh ", page, re.M | re.S)[1]
    return {part.partition("\n")[0]: {key: set(types.split(" or ")) for key, types in re.findall(
        r"^\.It Va (\S+) Ta (.+?) Ta", part, re.M)} for part in section.split("\n.Ss ")[1:]}


def commands():
    """Those that take --json, by their own help."""
    text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    return [name for name in re.findall(r"^  ([a-z]+) ", text, re.M) if "--json" in
            subprocess.run([PROGRAM, name, "--help"], capture_output=True, text=True,
                           check=True).stdout]


def values(value, path=""):
    """(path, value) of each value below one, with paths as jq writes them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            here = f"{path}.{key}".removeprefix(".")
            yield here, inner
            yield from values(inner, here)
    elif isinstance(value, list):
        for inner in value:
            yield from values(inner, f"{path}[]")


def desktop(directory):
    """A machine with every kind of line, with an error, and after a boot."""
    host = hosts.desktop(directory / "root")
    host.config("bind 02:00.0 with=functions\nbind 01:00.0\nbind 77:00.0\nbind 00:14.0\n"
                "[x]\nkeep 00:1f.6\nbnd\nbind 00:14.0\n")
    host.run()
    set_driver(host, "0000:02:00.0", "vfio-pci")
    return host


def runs_of_list(directory):
    for number, name in enumerate(("desktop", "server", "no-iommu")):
        host = hosts.HOSTS[name](directory / str(number))
        host.config("bind 02:00.0\nbind 01:00.0\n")
        yield host, ("-o", "all", "-a")


def runs_of_show(directory):
    yield desktop(directory), ("02:00",)
    yield hosts.switch(directory / "switch"), ("03:00",)
    yield hosts.no_iommu(directory / "no-iommu"), ("01:00.0",)
    yield hosts.server(directory / "server"), ("18:10.0",)
    yield hosts.server(directory / "other"), ("18:00.0",)


def runs_of_check(directory):
    yield desktop(directory), ()


def runs_of_status(directory):
    host = hosts.desktop(directory / "other")
    host.config("bind 02:00.0\n")
    yield host, ()
    yield desktop(directory), ()


def runs_of_audit(directory):
    host = hosts.desktop(directory / "root")
    host.write("boot/initrd.img-6.1", "no image")
    yield host, ()


def runs_of_bind(directory):
    yield desktop(directory), ("02:00", "--dry-run")


def runs_of_add(directory):
    host = desktop(directory)
    yield host, ("02:00.0", "00:14.0", "--driver", "auto", "--now", "--dry-run")
    yield host, ("02:00.0", "01:00.0", "--allow", "boot-display", "--driver", "auto")


def runs_of_remove(directory):
    host = desktop(directory)
    yield host, ("02:00.0", "--now", "--dry-run")
    yield host, ("02:00.0",)


def runs_of_apply(directory):
    yield desktop(directory), ("--dry-run",)
    host = hosts.desktop(directory / "image")
    host.config("bind 02:00.0\n")
    host.write("usr/sbin/update-initramfs", "").chmod(0o755)
    images.install(host)
    host.kernel()
    host.write(f"boot/initrd.img-{kmods.VERSION}", images.Tree(host, directory / "tree").pack())
    yield host, ("--dry-run",)


def runs_of_import(directory):
    host = hosts.desktop(directory / "root")
    host.write("etc/modprobe.d/vfio.conf", "options vfio-pci ids=10de:1c03,10de:10f1\n")
    host.write("etc/modules", "vfio_virqfd\n")
    yield host, ()
    yield host, ("--write",)


RUNS = {"list": runs_of_list, "show": runs_of_show, "add": runs_of_add, "remove": runs_of_remove,
        "check": runs_of_check, "status": runs_of_status, "audit": runs_of_audit,
        "apply": runs_of_apply, "import": runs_of_import, "bind": runs_of_bind,
        "release": runs_of_bind}


def test_every_command_is_in_the_manual():
    assert manual().keys() - {"Every command"} == set(commands()) == RUNS.keys()
    assert manual()["Every command"].keys() == COMMON


@pytest.mark.parametrize("command", RUNS)
def test_every_key_is_in_the_manual(tmp_path, command):
    listed = manual()["Every command"] | manual()[command]
    found = set()
    for host, arguments in RUNS[command](tmp_path):
        said = vfio_early(host, command, "--json", *arguments)
        assert said.json["status"] == said.status
        assert list(said.json)[:3] == ["schema", "status", "error"]
        for path, value in values(said.json):
            found.add(path)
            assert path in listed and KINDS[type(value)] in listed[path], (path, value)
        objects = {}
        for path, value in values(said.json):
            if isinstance(value, dict):
                assert objects.setdefault(path, value.keys()) == value.keys()
    assert found == listed.keys()


@pytest.mark.parametrize("command", ["list", "check", "status"])
def test_every_line_has_one_form(tmp_path, command):
    host = desktop(tmp_path)
    lines = {value for path, value in values(vfio_early(host, command, "--json").json)
             if path.endswith(".line")}
    assert f"/{CONF}:1" in lines
    assert all(line is None or re.fullmatch(rf"/{CONF}:\d", line) for line in lines)


def test_the_usual_columns_are_marked_in_the_manual(tmp_path):
    page = (TOP / "doc/vfio-early.8").read_text()
    marked = re.findall(r"^\.It Va functions\[\]\.(\S+) Ta .+ Ta \*$", page, re.M)
    said = vfio_early(hosts.desktop(tmp_path / "root"), "list", "--json")
    assert list(said.json["functions"][0]) == marked


# arguments, status, a part of "error"
FAILURES = {
    "no such kernel": ("check --kernel 9.9.9", ENVIRONMENT, "/lib/modules/9.9.9"),
    "no such kernel for list": ("list --kernel 9.9.9", ENVIRONMENT, "/lib/modules/9.9.9"),
    "no image": ("audit", ENVIRONMENT, "/boot: no image"),
    "an option that no command has": ("list --colour", USAGE, "unknown option: --colour"),
    "a letter that no command has": ("list -ax", USAGE, "unknown option: -x"),
    "an option of another command": ("check --columns all", USAGE, "unknown option: --columns"),
    "an option without its argument": ("list --columns", USAGE, "--columns needs an argument"),
    "a letter without its argument": ("list -o", USAGE, "-o needs an argument"),
    "an argument too many": ("check now", USAGE, "usage: vfio-early check"),
    "no such column": ("list -o colour", USAGE, "unknown column: colour"),
    "no column": ("list --columns=", USAGE, "no column"),
    "a command without --json": ("image 6.1", USAGE, "unknown option: --json"),
    "no such command": ("lost", USAGE, "lost: no such command"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_an_object_too(tmp_path, case):
    arguments, status, error = FAILURES[case]
    command, *more = arguments.split()
    said = vfio_early(hosts.desktop(tmp_path / "root"), command, "--json", *more)
    assert said.status == status == said.json["status"]
    assert said.json.keys() == COMMON and said.json["schema"] == 1
    assert error in said.json["error"] and f"vfio-early: {said.json['error']}\n" in said.err


WITHOUT_ARGUMENT = ("list", "check", "status", "audit", "apply", "import")


@pytest.mark.parametrize("command", RUNS)
def test_a_machine_that_is_not_there(tmp_path, command):
    host = hosts.desktop(tmp_path / "root")
    host.root = tmp_path / "nowhere"
    said = vfio_early(host, command, "--json", *["02:00"] * (command not in WITHOUT_ARGUMENT),
                      *["--dry-run"] * (command == "apply"))
    assert said.status == ENVIRONMENT == said.json["status"]
    assert str(host.root) in said.json["error"] and said.json["error"] in said.err


def test_the_errors_of_a_config_without_a_machine(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.config("bnd\n")
    host.path("sys/bus/pci/devices").rename(tmp_path / "devices")
    told = vfio_early(host, "check", "--json").json
    assert "no PCI bus" in told["error"]
    assert [error["line"] for error in told["errors"]] == [f"/{CONF}:1"]


def test_a_remark_is_no_error(tmp_path):
    host = hosts.no_iommu(tmp_path / "root")
    host.config("bnd\n")
    said = vfio_early(host, "list", "--json")
    assert said.err.count("vfio-early: ") == 1 and said.json["error"] is None


def test_help_and_version_are_for_people(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    assert vfio_early(host, "list", "--json", "--help").out.startswith("Usage: ")
    assert vfio_early(host, "list", "--json", "--version").out.startswith("vfio-early ")


def test_it_can_be_read_by_people(tmp_path):
    said = vfio_early(desktop(tmp_path), "check", "--json")
    assert '\n  "error": null,\n' in said.out and "\\/" not in said.out
    assert f'      "line": "/{CONF}:1",\n' in said.out


NAMES = {"valid": ("k\u00fc\u4e2d\U0001f600\"\\/", None),
         "control characters": ("x\x1b\x01\x7f\x9b2J", None),
         "Latin-1": ("\udcfc", "\ufffd"), "cut": ("\udce4\udcb8x", "\ufffd\ufffdx"),
         "too long a form": ("\udcc0\udcaf", "\ufffd\ufffd"),
         "a surrogate": ("\udced\udca0\udc80", "\ufffd" * 3),
         "beyond Unicode": ("\udcf4\udc90\udc80\udc80", "\ufffd" * 4)}


@pytest.mark.parametrize("name", NAMES)
def test_strings(tmp_path, name):
    """The same in every command: of a driver, which list has from the kernel."""
    given, printed = NAMES[name]
    given = given.replace("/", "")
    printed = printed or given
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0\n")
    link = host.path(f"{host.directories['0000:02:00.0']}/driver")
    link.unlink()
    link.symlink_to("../" + given)
    drivers = {
        "list": [row["driver"] for row in vfio_early(host, "list", "--json").json["functions"]],
        "check": [vfio_early(host, "check", "--json").json["lines"][0]["devices"][0]["driver"]],
        "status": [vfio_early(host, "status", "--json").json["devices"][0]["driver"]]}
    assert all(printed in found for found in drivers.values()), drivers
