#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Puts vfio-early into an image of dracut. dracut sources this file and calls its functions.

# Whether the config has this in a line, where a comment does not count.
vfio_early_says() {
    grep -qsE "^[^#]*$1" "${dracutsysrootdir-}/etc/vfio-early.conf" \
        "${dracutsysrootdir-}"/etc/vfio-early.conf.d/*.conf
}

# With a line in the config, yes; without, only if somebody asks for the module. An image for kdump
# (mkdumprd adds the module kdumpbase) has no guests.
check() {
    # shellcheck disable=SC2154 # dracut's own
    [[ " $dracutmodules $add_dracutmodules $force_add_dracutmodules " == *" kdump"* ]] && return 255
    vfio_early_says '[^#[:space:]]' || return 255
}

# The strict start is a module of its own; it does something only if the config has "start init".
# Since dracut 108 the initqueue is a module, too, and in the image only if another one needs it.
depends() {
    echo vfio-early-init
    # shellcheck disable=SC2154 # dracut's own
    if vfio_early_says 'rescue=release' &&
        compgen -G "$dracutbasedir/modules.d/*initqueue" > /dev/null; then
        echo initqueue
    fi
    return 0
}

# Writes the config, the list of modules and the lines that protect what the host uses into the
# image, and prints the modules.
vfio_early_image() {
    local root=()
    [[ ${dracutsysrootdir-} ]] && root=(--root "$dracutsysrootdir")
    # shellcheck disable=SC2154 # dracut's own
    "${dracutsysrootdir-}/usr/sbin/vfio-early" image "$kernel" --dest "$initdir" "${root[@]}"
}

# In hostonly images too, where dracut drops the module of a driver that no device has yet.
installkernel() {
    local modules
    modules=$(vfio_early_image 2> /dev/null)
    # shellcheck disable=SC2086 # one word a module
    [[ -z $modules ]] || hostonly='' instmods $modules
}

install() {
    vfio_early_image > /dev/null
    inst_binary /usr/lib/vfio-early/vfio-early-boot
    inst_binary /usr/lib/vfio-early/vfio-early-init
    # shellcheck disable=SC2154 # dracut's own
    inst_hook initqueue/timeout 90 "$moddir/vfio-early-timeout.sh"
    inst_hook emergency 10 "$moddir/vfio-early-emergency.sh"
    if vfio_early_says 'rescue=release'; then
        inst_hook initqueue/finished 90 "$moddir/vfio-early-finished.sh"
        dracut_need_initqueue
    fi
    # shellcheck disable=SC2154 # dracut's own
    if dracut_module_included systemd; then
        inst_simple "$moddir/vfio-early.service" "$systemdsystemunitdir/vfio-early.service"
        mkdir -p "$initdir$systemdsystemunitdir/sysinit.target.wants"
        ln_r "$systemdsystemunitdir/vfio-early.service" \
            "$systemdsystemunitdir/sysinit.target.wants/vfio-early.service"
    else
        inst_simple "$moddir/vfio-early.conf" /etc/conf.d/00-vfio-early.conf
    fi
}
