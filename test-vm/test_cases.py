# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots every case of cases/, and lets the judge say whether the promise held."""

import re

import pytest

import case
import catalogue
import debian
import generator
import image

CASES = case.load_all()
SUITES = sorted({one.suite for one in CASES} & set(debian.SUITES))


@pytest.fixture(scope="session", name="prepared")
def fixture_prepared():
    """Everything that the cases boot, fetched and built."""
    case.prepare(CASES)


@pytest.mark.parametrize("one", CASES, ids=[one.id for one in CASES])
def test_case(one, prepared):
    outcome = case.run(one)
    print(outcome.words())
    if one.every:
        assert not list(catalogue.differences(outcome)), "make catalogue writes it anew"
    assert not outcome.problems, (
        f"{one.id}: {'; '.join(outcome.problems)}\n"
        f"See build/vm/failed/{one.id}/; to repeat: make check-vm CASE={one.id}"
    )


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    "kind, empty", [("shared", "empty"), ("dracut-systemd", "dracut-empty")]
)
def test_config_that_says_nothing_adds_nothing(suite, kind, empty, prepared):
    assert "usr/lib/vfio-early/vfio-early-boot" in files_of(suite, kind)
    assert "vfio" not in files_of(suite, empty)


# A case for each image: its config is that of the image, where that has one of its own.
IMAGES = {f"{one.suite}-{one.image}": one for one in CASES}


TOO_LATE = {
    "mkinitramfs": "/scripts/init-top/udev runs before vfio-early, and loads modules (udevadm)",
    "dracut": "vfio-early.service does not run before systemd-udevd.service",
}


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_audit_of_the_image(name, prepared):
    one = IMAGES[name]
    kind = generator.KINDS[one.image]
    said = image.image(debian.suite(one.suite), one.image, one.config)
    said = said.with_suffix(".audit").read_text("utf-8")
    said = re.sub(r"^inspecting .*\n", "", said, flags=re.M)  # the progress, on standard error
    if kind.late and kind.config != generator.START_INIT + generator.SHARED:
        assert TOO_LATE[kind.program] in said
        assert said.endswith("exit 5\n")
    else:
        assert said.endswith(" current\nexit 0\n"), said


def files_of(suite, kind):
    built = image.image(debian.suite(suite), kind)
    return built.with_suffix(".files").read_text("utf-8")
