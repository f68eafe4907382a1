#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced before dracut's emergency shell: says which storage devices are kept from the host.
/usr/lib/vfio-early/vfio-early-boot --rescue || :
