#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by dracut's initqueue, which continues while this fails: with systemd nothing else in it
# waits for the root device, and no device would be given back to the host. A kernel that saves a
# crash dump needs no root device.
# shellcheck disable=SC2154 # dracut's own
case "$root" in
block:*) [ -e "${root#block:}" ] || [ -e /proc/vmcore ] ;;
esac
