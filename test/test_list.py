# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early list on fake hosts. GOLDEN=write makes test/golden/ anew: look at the difference."""

import json
import subprocess

import hosts
import pytest

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
    text = host.terminal(width, "list", "--no-color")
    assert all(len(line) <= width for line in text.splitlines()
               if not line.startswith(("danger: ", "    remedy: "))), text
    # Which of the columns give way first is the library's choice, and Debian 13's is another.
    library = subprocess.run(["pkg-config", "--modversion", "smartcols"], capture_output=True,
                             text=True, check=True).stdout
    if width > 80 or library.startswith("2.38."):
        hosts.golden(f"list-{host.name}-{width}", text)


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
    assert found["0000:01:00.0"] == {
        "address": "0000:01:00.0", "group": 6, "id": "10de:1c03", "subsystem": "1458:3702",
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
    assert heading.split() == ["ADDRESS", "ID", "CLASS", "NAME", "DRIVER", "LINE", "SERIAL",
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
    assert "colour is no column" in done.stderr and "DRIVER" in done.stderr


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
    # open, read and close of modalias, and two links read; lspci -nn needs 21 on such a tree.
    assert (system_calls(host) - few) / 128 < 6


@pytest.mark.parametrize("text", ["10de  NVIDIA\nxx\n", "\t1c03  GP106\n", "\0\n"],
                         ids=["no ID", "no vendor", "NUL"])
def test_names_that_are_damaged(tmp_path, text):
    """The names that come before the damage are there, and it is told once."""
    host = hosts.desktop(tmp_path / "root")
    host.write("usr/share/misc/pci.ids", text)
    done = host.host("list")
    assert done.returncode == 0 and "02:00.0" in done.stdout
    assert done.stderr.count("pci.ids: cannot be read") == 1
