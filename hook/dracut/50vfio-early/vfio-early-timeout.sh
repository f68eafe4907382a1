#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by dracut's initqueue once the root device has not come for two thirds of rd.retry=, and
# again after each wait: a device whose line says rescue=release goes back to the host, and then
# the whole wait starts anew.
# shellcheck disable=SC2154 # dracut's own
if /usr/lib/vfio-early/vfio-early-rescue --release; then
    : > "$hookdir/initqueue/work"
fi
