/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ADVICE_H
#define VFIO_EARLY_ADVICE_H

/*
 * How the config comes into force, with whichever generator is installed: apply does nothing where
 * the images are right already, and then only the reboot is due.
 */
#define ADVICE_APPLY "vfio-early apply, then reboot"

#endif
