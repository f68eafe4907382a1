#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by dracut's initqueue, which goes on while this fails: with systemd nothing else in it
# need wait for the root device, and nothing would be given back to the host.
# shellcheck disable=SC2154 # dracut's own
case "$root" in
block:*) [ -e "${root#block:}" ] ;;
esac
