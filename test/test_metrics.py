# SPDX-License-Identifier: GPL-2.0-or-later
"""vfio-early status --prometheus: the text exposition format, by a parser that accepts no more
than its grammar, and the units that write it for the node exporter.
"""

import configparser
import os
import re

import hosts
import pytest
from cli import CONFIG, DUE, ENVIRONMENT, UNWANTED, USAGE, WELL, set_driver, vfio_early
from machine import TOP

NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL}(?:,(?!\}}))?)+)\}})? (-?\d+(?:\.\d+)?)")


def unescape(value):
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), value)


def parse(text):
    """{name: {labels: value}}. Each metric has HELP and TYPE in front, and its samples together."""
    assert text.endswith("\n") and "\r" not in text
    found, name = {}, None
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("#"):
            name, words = re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line).groups()
            assert name not in found and "\\" not in words
            assert next(lines) == f"# TYPE {name} gauge"
            found[name] = {}
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample and sample[1] == name, line
        labels = {key: unescape(value) for key, value in re.findall(LABEL, sample[2] or "")}
        assert frozenset(labels.items()) not in found[name], f"twice: {line}"
        found[name][frozenset(labels.items())] = float(sample[5])
    return found


@pytest.mark.parametrize("text", [
    "vfio 1\n", "# HELP a b\n# TYPE a counter\na 1\n", "# HELP a b\n# TYPE a gauge\nb 1\n",
    "# HELP a b\n# TYPE a gauge\na{x=\"\\q\"} 1\n", "# HELP a b\n# TYPE a gauge\na{x=\"1\",} 1\n",
    "# HELP a b\n# TYPE a gauge\na 1\na 2\n", "# HELP a b\n# TYPE a gauge\na one\n"])
def test_the_parser_can_say_no(text):
    with pytest.raises((AssertionError, AttributeError)):
        parse(text)


def values(metrics, name, label=None):
    """{value of the label: value}, or the one value of a metric without labels"""
    if not label:
        return metrics[name][frozenset()]
    return {dict(labels)[label]: value for labels, value in metrics[name].items()}


def metrics_of(host, *arguments):
    said = vfio_early(host, "status", "--prometheus", *arguments)
    found = parse(said.out)
    assert values(found, "vfio_early_status") == said.status
    return found, said.status


@pytest.fixture
def host(tmp_path):
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0 with=functions\nbind 77:00.0\nbind 02:00.0\n[x]\nbind 00:14.0\n")
    assert host.run().report is not None
    set_driver(host, "0000:02:00.0", "vfio-pci")
    return host


def test_what_it_says(host):
    set_driver(host, "0000:02:00.1", "")
    found, status = metrics_of(host)
    assert status == UNWANTED and values(found, "vfio_early_config_errors") == 0
    assert values(found, "vfio_early_devices_listed") == 3
    assert values(found, "vfio_early_devices", "result") == {
        "bound": 1, "fenced": 1, "absent": 1, "inactive": 1}
    assert values(found, "vfio_early_device_bound", "address") == {
        "0000:02:00.0": 1, "0000:02:00.1": 0}
    assert "NVIDIA GP106 [GeForce GTX 1060 6GB]" in values(found, "vfio_early_device_bound", "name")


def test_one_device(host):
    set_driver(host, "0000:02:00.1", "vfio-pci")
    found, status = metrics_of(host, "02:00.1", "--expect", "1")
    assert status == WELL
    assert values(found, "vfio_early_device_bound", "address") == {"0000:02:00.1": 1}


@pytest.mark.parametrize("config, status", [("", DUE), ("bnd\n", CONFIG)])
def test_there_is_always_a_value(host, config, status):
    host.config(config)
    found, ended = metrics_of(host)
    assert ended == status and values(found, "vfio_early_devices_listed") == 0
    assert values(found, "vfio_early_devices", "result")["bound"] == 0


def test_names_are_escaped(host):
    name = 'A "B" \\ C'
    text = host.path("usr/share/misc/pci.ids").read_text()
    host.write("usr/share/misc/pci.ids", text.replace("GP106 [GeForce GTX 1060 6GB]", name))
    names = values(metrics_of(host)[0], "vfio_early_device_bound", "name")
    assert f"NVIDIA {name}" in names


def test_a_file_is_replaced_in_one_step(host, tmp_path):
    file = tmp_path / "out" / "vfio-early.prom"
    file.parent.mkdir()
    file.write_text("old\n" * 1000)
    inode = file.stat().st_ino
    said = vfio_early(host, "status", "--prometheus", "--output", file)
    assert (said.status, said.out) == (UNWANTED, "")
    assert file.read_text() == vfio_early(host, "status", "--prometheus").out
    assert file.stat().st_ino != inode and list(file.parent.iterdir()) == [file]
    relative = vfio_early(host, "status", "--prometheus", "--output", "x.prom", cwd=file.parent)
    assert relative.status == UNWANTED and (file.parent / "x.prom").exists()


@pytest.mark.parametrize("arguments, status, words", [
    (["--output", "x"], USAGE, "--output needs --prometheus"),
    (["--prometheus", "--json"], USAGE, "exclude each other"),
    (["--prometheus", "--output", "/no/such/directory/x"], ENVIRONMENT, "No such file"),
    (["--prometheus", "--output", "/proc/"], ENVIRONMENT, "/proc/: ")])
def test_what_cannot_be_written(host, tmp_path, arguments, status, words):
    said = vfio_early(host, "status", *arguments, cwd=tmp_path)
    assert said.status == status and words in said.err and not (tmp_path / "x").exists()


def unit(name):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(TOP / "hook/systemd" / name)
    return parser


def test_the_units():
    """The service accepts each status that the metrics report; only the timer can be enabled."""
    service, timer = unit("vfio-early-metrics.service"), unit("vfio-early-metrics.timer")
    directory = service["Unit"]["ConditionPathIsDirectory"]
    assert service["Service"]["ExecStart"] == \
        f"/usr/sbin/vfio-early status --prometheus --output {directory}/vfio-early.prom"
    assert service["Service"]["ReadWritePaths"] == f"-{directory}"
    assert set(map(int, service["Service"]["SuccessExitStatus"].split())) == \
        {UNWANTED, CONFIG, DUE}
    assert "Install" not in service and timer["Install"]["WantedBy"] == "timers.target"
    assert "--no-enable --no-start" in (TOP / "debian/rules").read_text()


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_only_a_file_is_replaced(tmp_path, kind):
    """--output /dev/null must not make a file of the device."""
    host = hosts.desktop(tmp_path / "root")
    host.config("bind 02:00.0\n")
    place = tmp_path / "metrics"
    if kind == "link":
        place.symlink_to("/dev/null")
    else:
        os.mkfifo(place)
    said = vfio_early(host, "status", "--prometheus", "--output", place)
    assert said.status == ENVIRONMENT and str(place) in said.err, said
    assert place.is_symlink() or place.is_fifo()
