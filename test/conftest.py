# SPDX-License-Identifier: GPL-2.0-or-later
"""What the command-line tests share."""

import machine as machines
import pytest


@pytest.fixture
def machine(tmp_path):
    """An empty fake machine."""
    return machines.Machine(tmp_path / "root")


@pytest.fixture
def desktop(tmp_path):
    """A fake desktop, see machine.desktop()."""
    return machines.desktop(tmp_path / "root")
