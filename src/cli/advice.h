/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_ADVICE_H
#define VFIO_EARLY_ADVICE_H

#include "root.h"
#include "text.h"

/*
 * The command that builds the images anew, with whichever generator is installed:
 * "update-initramfs -u" or "dracut --force --regenerate-all".
 */
const char *advice_rebuild(const struct root *root);

/* Adds that command, and "then reboot". */
void advice_add_rebuild(const struct root *root, struct text *text);

#endif
