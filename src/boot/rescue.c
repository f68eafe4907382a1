/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the root file system does not appear: which storage devices are kept from the host, and
 * the two ways out; and those whose line says rescue=release are given back, once and loudly.
 * The generators' hooks ask, shortly before they give up. What is held, the report says.
 */

#include "rescue.h"

#include <fcntl.h>
#include <string.h>

#include "log.h"
#include "pci.h"
#include "report.h"
#include "root.h"

#define DEVICES "sys/bus/pci/devices/"

/* A storage function that this boot bound or fenced. */
static bool is_held_storage(const struct report_function *function)
{
	return pci_class_is_storage(function->class) &&
	       (function->result == RESULT_BOUND || function->result == RESULT_FENCED);
}

static void tell(const struct report_function *function)
{
	char address[PCI_ADDRESS_SIZE];

	log_line(LOG_ERROR, pci_address_format(&function->address, address),
		 " is kept from the host (", function->line,
		 "): if the root file system is on it, boot with vfio_early=off, or write "
		 "rescue=release on that line and rebuild the image");
}

/* Writes an attribute of the function; 0 or -errno. */
static int write_attribute(const struct root *root, const char *address, const char *attribute,
			   const char *value)
{
	char path[ROOT_PATH_SIZE];

	string_join(path, sizeof(path), DEVICES, address, "/", attribute, NULL);
	return root_write(root, path, value);
}

/* Notes it in the report, where the host program finds it. */
static void note(const struct root *root, const char *address, const char *result)
{
	_cleanup_(closep) int fd = root_descriptor(root, REPORT_FILE, O_WRONLY | O_APPEND);
	char line[128];

	string_join(line, sizeof(line), "rescue address=", address, " result=", result, "\n", NULL);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		log_line(LOG_WARNING, "cannot note the rescue in /" REPORT_FILE);
}

/*
 * Clears the override, takes it from vfio-pci, and lets udev and the kernel find its driver:
 * the uevent loads a module that is not loaded yet.
 */
static void give_back(const struct root *root, const struct report_function *function)
{
	char address[PCI_ADDRESS_SIZE];
	int error;

	pci_address_format(&function->address, address);
	error = write_attribute(root, address, "driver_override", "\n");
	log_line(LOG_ERROR, "RESCUE: the root file system is missing: ", address,
		 " is given back to the host, because its line has rescue=release (",
		 function->line, ")");
	if (!error) {
		/* Fails where no driver has it, which is as good. */
		(void)!write_attribute(root, address, "driver/unbind", address);
		(void)!write_attribute(root, address, "uevent", "add");
		error = root_write(root, "sys/bus/pci/drivers_probe", address);
	}
	if (error)
		log_line(LOG_ERROR, address, ": cannot be given back: ", error_text(-error));
	note(root, address, error ? "failed" : "released");
}

/*
 * Returns whether the report has a record "rescue" of any device, if `address` is NULL, or of that
 * one. A device that was given back belongs to the host: a second time would take it from there.
 */
static bool was_released(const struct root *root, const struct pci_address *address)
{
	_cleanup_(text_done) struct text text = { 0 };
	struct report_record record;
	char *cursor;

	if (root_read_file(root, REPORT_FILE, REPORT_MAX, &text) < 0)
		return true;
	cursor = text.data;
	while (cursor && report_next(&cursor, &record))
		if (record.kind == REPORT_RESCUE &&
		    (!address || !pci_address_compare(&record.rescue.address, address)))
			return true;
	return false;
}

bool rescue(const struct root *root, bool release)
{
	struct text text = { 0 };
	struct report_record record;
	bool any = false, released;
	char *cursor;

	if (root_read_file(root, REPORT_FILE, REPORT_MAX, &text) < 0 || !text.data)
		return false;
	released = was_released(root, NULL);
	cursor = text.data;
	while (report_next(&cursor, &record)) {
		const struct report_function *function = &record.function;

		if (record.kind != REPORT_FUNCTION || !is_held_storage(function) ||
		    (released && function->rescue))
			continue;
		if (!release)
			tell(function);
		if (!release || !function->rescue || was_released(root, &function->address))
			continue;
		give_back(root, function);
		any = true;
	}
	return any;
}
