#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The strict start, for "start init" in the config: our program in the place of the image's /init.
# A module of its own, whose name sorts behind those that install /init.

# Only as what the other module depends on.
check() {
    return 255
}

depends() {
    return 0
}

install() {
    # shellcheck disable=SC2154 # dracut's own
    [[ -e $initdir/usr/lib/vfio-early/start-init ]] || return 0
    # There whole before anything is moved: an image without /init does not boot.
    inst_simple /usr/lib/vfio-early/vfio-early-init /init.new || return 0
    mv "$initdir/init" "$initdir/init.vfio-early"
    mv "$initdir/init.new" "$initdir/init"
}
