#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by dracut's initqueue once something has been missing for two thirds of rd.retry=, and
# again after each wait. That can also be the swap of resume=: only the root device counts. A device
# whose line has rescue=release goes back to the host, and then the whole wait starts again.
# shellcheck disable=SC2154 # dracut's own
case "$root" in
block:*)
    if [ ! -e "${root#block:}" ] && /usr/lib/vfio-early/vfio-early-boot --rescue=release; then
        : > "$hookdir/initqueue/work"
    fi
    ;;
esac
