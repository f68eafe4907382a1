# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early list on fake hosts. GOLDEN=write makes test/golden/ anew: look at the difference."""

import json
import re
import subprocess

import hosts
import pytest
from cli import set_driver

CONFIGS = {
    "desktop": "bind 02:00.0 10de:1c03 with=functions\nbind 01:00.0\n",
    "server": "bind class=0200 id=8086:10fb\n",
    "switch": "bind 03:00.0\n",
    "laptop": "keep class=01\nbind 00:14.0 8086:a0ed with=group\nbind 10000:e1:00.0\n",
}


@pytest.fixture(params=hosts.HOSTS)
def host(request, tmp_path):
    """Each of the fake hosts, with a config where there is one for it."""
    host = hosts.HOSTS[request.param](tmp_path / "root")
    host.name = request.param
    host.config(CONFIGS.get(host.name, ""))
    return host


def functions(host, *arguments):
    done = host.host("list", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    listing = json.loads(done.stdout)
    assert listing["schema"] == 1
    return listing["functions"]


def test_prints_everything_into_a_pipe(host):
    done = host.host("list")
    assert done.returncode == 0
    hosts.golden(f"list-{host.name}", done.stdout + done.stderr)


@pytest.mark.parametrize("width", [80, 200])
def test_fits_the_terminal(host, width):
    lines = [line.rstrip() for line in host.terminal(width, "list", "--no-color").splitlines()]
    assert all(len(line) <= width for line in lines
               if not line.startswith(("danger: ", "    remedy: "))), lines
    hosts.golden(f"list-{host.name}-{width}", "".join(f"{line}\n" for line in lines))


def letters(text):
    return sorted(re.sub(r"[├└│─]|\s", "", text))


def test_nothing_is_lost_on_a_terminal(host):
    """Names and notes are wrapped, not cut."""
    done = host.host("list")
    assert letters(host.terminal(80, "list", "--no-color")) == letters(done.stdout + done.stderr)


@pytest.mark.parametrize("locale, dots", [("C.UTF-8", "\u2026"), ("C", "...")])
def test_what_is_cut_ends_in_an_ellipsis(tmp_path, locale, dots):
    host = hosts.desktop(tmp_path / "root")
    lines = host.terminal(40, "list", "-o", "ADDRESS,CLASS,DRIVER", LC_ALL=locale).splitlines()
    (line,) = [line for line in lines if "xhci_hcd" in line]
    assert re.search(rf"0000:00:14.0 USB co\w*{re.escape(dots)} +xhci_hcd$", line), lines
    assert all(len(line) <= 40 for line in lines)


def test_json_has_every_function_but_bridges(host):
    addresses = {function["address"] for function in functions(host)}
    everything = {function["address"] for function in functions(host, "--all")}
    assert addresses < everything or host.name in ("storage",)
    assert everything == {path.name for path in
                          host.path("sys/bus/pci/devices").iterdir()}


@pytest.mark.parametrize("driver, config, listed", [
    ("", "", False), ("lpc_ich", "", True), ("pci-stub", "", False), ("", "bind 00:1f.0\n", True)])
def test_a_bridge_that_keeps_its_group_from_a_guest_is_listed(tmp_path, driver, config, listed):
    """An ISA bridge shares its group with SATA. A host bridge is alone in its group."""
    host = hosts.Host(tmp_path / "root")
    host.device("0000:00:00.0", "8086:3e92", "060000", group=0, driver="ie31200_edac")
    host.device("0000:00:1f.0", "8086:a143", "060100", group=11, driver=driver)
    host.device("0000:00:1f.2", "8086:a102", "010601", group=11, driver="ahci")
    host.config(config)
    addresses = [function["address"] for function in functions(host)]
    assert addresses == ["0000:00:1f.0", "0000:00:1f.2"] if listed else ["0000:00:1f.2"]


def test_functions_without_a_group_have_a_heading(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.device("0000:00:0f.0", "14e4:9026", "0c0330", driver="xhci_hcd")
    lines = host.host("list").stdout.splitlines()
    assert lines[-2] == "no group" and "─0000:00:0f.0" in lines[-1]
    assert "no group" not in hosts.no_iommu(tmp_path / "other").host("list").stdout


def test_json_has_no_abbreviations(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 01:00.0\n")
    found = {function["address"]: function for function in functions(host)}
    (note,) = found["0000:01:00.0"].pop("notes")
    assert (note["kind"], note["grave"], note["line"]) == \
        ("boot-display", True, "/etc/vfio-early.conf:1")
    assert found["0000:01:00.0"] == {
        "address": "0000:01:00.0", "attached": "monitor on HDMI-A-1", "group": 6,
        "id": "10de:1c03", "subsystem": "1458:3702",
        "code": "030000", "class": "VGA compatible controller", "vendor": "NVIDIA Corporation",
        "device": "GP106 [GeForce GTX 1060 6GB]", "driver": "nouveau",
        "line": "/etc/vfio-early.conf:1", "target": None, "result": "refused",
        "path": "0000:00:01.0/00.0"}
    assert found["0000:03:00.0"]["line"] is None


def test_columns_are_chosen_by_name(tmp_path):
    host = hosts.server(tmp_path / "root")
    found = functions(host, "-o", "address,numa,vfs,PF,reset,driver")
    by_address = {function.pop("address"): function for function in found}
    assert by_address["0000:18:00.0"] == {"numa": 0, "vfs": 2, "pf": None,
                                          "reset": "flr bus", "driver": "ixgbe"}
    assert by_address["0000:18:10.2"]["pf"] == "0000:18:00.0"


def test_columns_are_added_to_the_usual_ones(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    done = host.host("list", "-o", "+serial,display")
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["ADDRESS", "NAME", "ATTACHED", "DRIVER", "NOTES", "SERIAL",
                               "DISPLAY"]
    assert any("0000:03:00.0" in line and "00-25-38-b1-91-b0-1c-aa" in line for line in lines)


def test_modules_are_those_of_the_kernel(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    found = functions(host, "-o", "address,modules", *host.kernel())
    modules = {function["address"]: function["modules"] for function in found}
    assert modules["0000:02:00.0"] == "nouveau"
    assert modules["0000:00:14.0"] == "xhci_pci"
    assert modules["0000:03:00.0"] is None


def test_says_what_the_host_uses(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    uses = {function["address"]: function["use"]
            for function in functions(host, "-o", "address,use")}
    assert uses["0000:03:00.0"] == "/ (nvme0n1p2), /boot/efi (nvme0n1p1), swap (nvme0n1p3)"
    assert uses["0000:00:1f.6"] == "the default route (enp0s31f6)"
    assert uses["0000:01:00.0"] is None


def test_says_what_the_host_may_use(tmp_path):
    """A thin pool that only guests use, and a network card that is up."""
    host = hosts.desktop(tmp_path / "root")
    hosts.add_thin_pool(host)
    hosts.add_network_that_is_up(host)
    uses = {function["address"]: function["use"]
            for function in functions(host, "-o", "address,use")}
    assert uses["0000:06:00.0"] == "active volume vmdata-tpool (dm-0)"
    assert uses["0000:07:00.0"] == "network interface eno2, up"


def test_an_unknown_column_is_an_error_that_names_the_others(tmp_path):
    done = hosts.desktop(tmp_path / "root").host("list", "-o", "address,colour")
    assert done.returncode == 2
    assert "unknown column: colour" in done.stderr and "DRIVER" in done.stderr


def notes(host, *arguments):
    """{address: NOTES} of the table."""
    lines = host.host("list", "-o", "ADDRESS,NOTES", *arguments).stdout.splitlines()
    rows = (re.search(r"([0-9a-f]{4,}:[0-9a-f:.]+) +(.*)", line) for line in lines)
    return {row[1]: row[2] for row in rows if row}


def test_notes_are_about_devices_that_no_line_lists(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.config("")
    assert notes(host) == {
        "0000:00:14.0": "only keyboard",
        "0000:00:1f.6": "host uses the default route (enp0s31f6)",
        "0000:01:00.0": "boot display", "0000:01:00.1": "ok",
        "0000:02:00.0": "ok", "0000:02:00.1": "ok",
        "0000:03:00.0": "host uses / (nvme0n1p2), /boot/efi (nvme0n1p1), swap (nvme0n1p3)"}


def test_notes_say_what_the_config_does(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0 with=functions\nbind 01:00.0\nkeep 00:14.0\n")
    host.config("bind 02:00.1\n", "etc/vfio-early.conf.d/gpu.conf")
    set_driver(host, "0000:02:00.0", "vfio-pci")
    found = notes(host)
    assert found["0000:02:00.0"].startswith("configured: line 1; bound")
    assert found["0000:02:00.1"].startswith("configured: line 1; configured: gpu.conf:1")
    assert found["0000:01:00.0"] == "configured: line 2, refused; boot display"
    assert found["0000:00:14.0"] == "kept: line 3; only keyboard"


def test_functions_of_one_card_are_judged_together(tmp_path):
    """Both have a host driver. A line that takes only one of them is another matter."""
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0\n")
    assert notes(host)["0000:02:00.0"].startswith(
        "configured: line 1; shares group with 0000:02:00.1")
    host.config("")
    assert notes(host)["0000:02:00.0"] == "ok"


def test_notes_of_one_card_do_not_depend_on_the_other_rows(tmp_path):
    """A device that is listed is not judged as if the card before it were, too."""
    host = hosts.switch(tmp_path / "root")
    host.config("bind 04:00.0\n")
    assert notes(host)["0000:04:00.0"] == \
        "configured: line 1; shares group with 0000:03:00.0, 0000:05:00.0"
    assert notes(host)["0000:05:00.0"].endswith("shares group with 0000:03:00.0")


def test_an_idle_device_in_the_group_is_a_note(tmp_path):
    host = hosts.switch(tmp_path / "root")
    set_driver(host, "0000:04:00.0", "")
    set_driver(host, "0000:05:00.0", "")
    host.config("")
    assert notes(host)["0000:03:00.0"] == "shares group with 0000:04:00.0, 0000:05:00.0"
    (row,) = functions(host, "03:00")
    (note,) = row["notes"]
    assert not note["grave"] and note["remedy"] == \
        "vfio-early add 0000:03:00.0 --with group takes all of them"


def test_without_an_iommu_nothing_is_ok(tmp_path):
    host = hosts.no_iommu(tmp_path / "root")
    assert "ok" not in notes(host).values()
    assert "the IOMMU is off" in host.host("list").stderr


@pytest.mark.parametrize("method, cell", [("flr bus\n", "flr bus"), (None, "none"),
                                          ("\n", "none"), ("directory", "unknown")])
def test_reset_is_never_empty(tmp_path, method, cell):
    """A user who may not read the attribute is not told that there is none."""
    host = hosts.desktop(tmp_path / "root")
    path = host.path(f"{host.directories['0000:00:14.0']}/reset_method")
    path.unlink()
    if method == "directory":
        path.mkdir()
    elif method:
        path.write_text(method)
    host.config("")
    (row,) = functions(host, "-o", "reset,notes", "00:14.0")
    assert row["reset"] == cell
    assert ("no-reset" in [note["kind"] for note in row["notes"]]) == (cell == "none")


def test_a_copy_without_any_reset_does_not_know_them(tmp_path):
    """A live kernel has some. Records of real machines often lack the attribute."""
    host = hosts.desktop(tmp_path / "root")
    for path in host.path("sys/devices").rglob("reset_method"):
        path.unlink()
    host.config("")
    rows = functions(host, "-o", "reset,notes")
    assert {row["reset"] for row in rows} == {"unknown"}
    assert "no-reset" not in [note["kind"] for row in rows for note in row["notes"]]


def test_a_part_of_the_chipset_is_not_called_ok(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    for number, code in enumerate(("0c0500", "080600", "088000", "110100", "080501")):
        host.device(f"0000:00:0{number + 3}.0", "8086:1c22", code, group=50 + number)
    found = notes(host)
    assert [found[f"0000:00:0{number + 3}.0"] for number in range(5)] == \
        ["system device"] * 4 + ["ok"]


def test_says_what_is_attached(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.device("0000:06:00.0", "1000:0072", "010700", group=40, driver="mpt3sas")
    for number in range(8):
        host.disk(f"sd{'abcdefgh'[number]}", "0000:06:00.0", f"host1/target{number}/block",
                  model="ST8000VN004", size=8001563222016)
    host.disk("sr0", "0000:06:00.0", "host1/target9/block")
    host.virtual("dm-0", slaves=["sda"])
    found = {row["address"]: row["attached"] for row in functions(host)}
    assert found["0000:00:14.0"] == "Logitech K120, USB Optical Mouse"
    assert found["0000:00:1f.6"] == "enp0s31f6"
    assert found["0000:01:00.0"] == "monitor on HDMI-A-1"
    assert found["0000:03:00.0"] == "nvme0n1 Samsung SSD 970 EVO Plus 500 GB"
    assert found["0000:06:00.0"] == ", ".join(
        [f"sd{letter} ST8000VN004 8 TB" for letter in "abcdefgh"] + ["sr0"])


@pytest.mark.parametrize("size, words", [
    (1000204886016, "1 TB"), (1920383410176, "1.9 TB"), (960197124096, "960 GB"),
    (1474560, "1.4 MB"), (512, "0.5 kB"), (18000207937536, "18 TB")])
def test_sizes(tmp_path, size, words):
    host = hosts.desktop(tmp_path / "root")
    host.disk("sda", "0000:02:00.0", "host1/block", size=size)
    assert [row["attached"] for row in functions(host, "02:00.0")] == [f"sda {words}"]


PATTERNS = {
    "the start of an address": (["01:00"], ["0000:01:00.0", "0000:01:00.1"]),
    "an address with its domain": (["0000:02:00.1"], ["0000:02:00.1"]),
    "a bus": (["0000:01:"], ["0000:01:00.0", "0000:01:00.1"]),
    "a vendor's ID": (["144d:"], ["0000:03:00.0"]),
    "a vendor's ID without its colon": (["144D"], ["0000:03:00.0"]),
    "an ID": (["10de:1c03"], ["0000:01:00.0", "0000:02:00.0"]),
    "a part of a name": (["geforce gtx"], ["0000:01:00.0", "0000:02:00.0"]),
    "a vendor": (["Samsung Electronics"], ["0000:03:00.0"]),
    "a driver": (["xhci"], ["0000:00:14.0"]),
    "an interface": (["enp0"], ["0000:00:1f.6"]),
    "a disk's model": (["970 evo"], ["0000:03:00.0"]),
    "a class": (["audio device"], ["0000:01:00.1", "0000:02:00.1"]),
    "a group": (["group=6"], ["0000:01:00.0", "0000:01:00.1"]),
    "a condition": (["class=0c03"], ["0000:00:14.0"]),
    "several": (["enp0", "xhci"], ["0000:00:14.0", "0000:00:1f.6"]),
}


@pytest.mark.parametrize("case", PATTERNS)
def test_a_pattern_selects(tmp_path, case):
    patterns, addresses = PATTERNS[case]
    host = hosts.desktop(tmp_path / "root")
    assert [row["address"] for row in functions(host, "-o", "address", *patterns)] == addresses


@pytest.mark.parametrize("pattern, status, words", [
    ("voodoo", 1, "voodoo: no device matches"), ("77:00", 1, "77:00: no device matches"),
    ("group=77", 1, "group=77: no device matches"), ("group=x", 2, "group"),
    ("colour=red", 2, "colour")])
def test_a_pattern_without_a_match_is_an_error(tmp_path, pattern, status, words):
    done = hosts.desktop(tmp_path / "root").host("list", pattern)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr and done.stderr.count("\n") == 1
    done = hosts.desktop(tmp_path / "other").host("list", "nvidia", pattern)
    assert done.returncode == status


@pytest.mark.parametrize("cpu, words", [
    (hosts.INTEL, "intel_iommu=on"), (hosts.AMD, "AMD-Vi"), (hosts.ARM, "SMMU")])
def test_says_how_to_turn_the_iommu_on(tmp_path, cpu, words):
    done = hosts.no_iommu(tmp_path / "root", cpu).host("list")
    assert done.returncode == 0 and "danger: this machine: the IOMMU is off" in done.stderr
    assert words in done.stderr


def test_with_the_firmwares_table_there_the_kernel_is_to_blame(tmp_path):
    host = hosts.no_iommu(tmp_path / "root")
    host.write("sys/firmware/acpi/tables/DMAR", "")
    assert "add intel_iommu=on to the kernel command line" in host.host("list").stderr
    assert "setup" not in host.host("list").stderr


@pytest.mark.parametrize("command", ["list", "check", "status", "add 01:00.0", "bind 01:00.0",
                                     "release 01:00.0", "import", "apply --dry-run"])
def test_without_a_pci_bus_it_is_the_environment(tmp_path, command):
    """One message for all commands: it names the directory, below --root, too."""
    host = hosts.Host(tmp_path / "root")
    host.path("sys/bus/pci/devices").rmdir()
    done = host.host(*command.split())
    assert done.returncode == 4
    assert done.stderr == (f"vfio-early: {host.root}/sys: no PCI bus found. Is it mounted?\n")


def test_has_colors_on_a_terminal_only(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0\n")
    assert "\033[" in host.terminal(80, "list")
    assert "\033[" not in host.terminal(80, "list", NO_COLOR="1")
    assert "\033[" not in host.terminal(80, "list", "--no-color")
    assert "\033[" not in host.terminal(80, "list", TERM="dumb")
    assert "\033[" not in host.host("list").stdout


def system_calls(host):
    """How many system calls a listing takes, by strace."""
    trace = host.root.parent / "trace"
    subprocess.run(["strace", "-f", "-qq", "-o", trace, hosts.PROGRAM, "list", "--root",
                    host.root], check=True, capture_output=True, env=hosts.ENVIRONMENT)
    return len(trace.read_text().splitlines())


def test_a_function_costs_few_system_calls(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    few = system_calls(host)
    for bus in range(0x10, 0x20):
        for slot in range(8):
            host.device(f"0000:{bus:02x}:{slot:02x}.0", "8086:1533", "020000", driver="igb",
                        group=8 * bus + slot)
    # open, read and close of modalias and reset_method, three links read, and a look for
    # sriov_numvfs; lspci -nn needs 21 on such a tree.
    assert (system_calls(host) - few) / 128 < 10.5


@pytest.mark.parametrize("text", ["10de  NVIDIA\nxx\n", "\t1c03  GP106\n", "\0\n"],
                         ids=["no ID", "no vendor", "NUL"])
def test_names_that_are_damaged(tmp_path, text):
    """The names that come before the damage are there, and it is told once."""
    host = hosts.desktop(tmp_path / "root")
    host.write("usr/share/misc/pci.ids", text)
    done = host.host("list")
    assert done.returncode == 0 and "02:00.0" in done.stdout
    assert done.stderr.count("pci.ids: cannot be read") == 1
