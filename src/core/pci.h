/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_EARLY_PCI_H
#define VFIO_EARLY_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* The address of a function, DDDD:BB:DD.F. A domain has four hexadecimal digits or more. */
struct pci_address {
	uint32_t domain;
	uint8_t bus, device, function;
};

#define PCI_ADDRESS_SIZE 20 /* of a formatted address, with the NUL */

#define PCI_ID_SIZE 10 /* of a formatted ID, with the NUL */

struct pci_id {
	uint16_t vendor, device;
};

/*
 * The way to a function from its root bus, as lspci -P prints it: the device and function
 * numbers of the bridges on the way and of the function itself, which stay the same when buses
 * are renumbered. `hops` 0: unknown.
 */
#define PCI_PATH_HOPS 24
struct pci_path {
	uint32_t domain;
	uint8_t bus;
	uint8_t hops;
	uint8_t devfn[PCI_PATH_HOPS]; /* device << 3 | function */
};

#define PCI_PATH_SIZE (9 + 3 + 5 * PCI_PATH_HOPS)

#define PCI_DRIVER_SIZE 56 /* MODULE_NAME_LEN of the kernel (include/linux/moduleparam.h) */

/* What was read of a function in addition to its modalias and driver. */
enum pci_detail {
	PCI_PATH = 1 << 0,
	PCI_SERIAL = 1 << 1,
	PCI_GROUP = 1 << 2,
	PCI_DISPLAY = 1 << 3,
	PCI_HEADER = 1 << 4,
	PCI_CARD = 1 << 5,
};

struct pci_function {
	struct pci_address address;
	struct pci_id id, subsystem;
	uint32_t class;		      /* 24 bits: base class, subclass, programming interface */
	char driver[PCI_DRIVER_SIZE]; /* the driver that has it, "" for none */
	unsigned int known;	      /* enum pci_detail: which of the following were read */
	struct pci_path path;
	uint64_t serial;     /* PCIe Device Serial Number, 0 for none */
	int group;	     /* IOMMU group, -1 for none */
	bool boot_display;   /* the firmware's display is on it */
	bool in_use;	     /* the host uses it; at boot a generated keep line says so */
	uint8_t header_type; /* PCI_HEADER: 0 for a device, 1 or 2 for a bridge */
	bool ari;	     /* PCI_CARD: its bus has one card with up to 256 functions */
	bool virtual;	     /* PCI_CARD: an SR-IOV virtual function */
};

/* The functions of a machine, in the order of their addresses. Starts zeroed. */
struct pci_snapshot {
	struct pci_function *functions;
	size_t count;
};

void pci_snapshot_done(struct pci_snapshot *snapshot);

/*
 * The parsers return NULL when all of `text` was understood, else the fragment of a sentence that
 * says what is wrong, for the caller to put a place in front. `ret` is written on success only.
 */
const char *pci_address_parse(const char *text, struct pci_address *ret);
const char *pci_id_parse(const char *text, struct pci_id *ret);
const char *pci_path_parse(const char *text, struct pci_path *ret);
const char *pci_serial_parse(const char *text, uint64_t *ret);

/* class=: a prefix of the six digits. `*ret_digits`: how many of them `*ret` has, 2 to 6. */
const char *pci_class_parse(const char *text, uint32_t *ret, uint8_t *ret_digits);

#define PCI_MODALIAS_FIELDS 7

/*
 * Parses one of the fields of a modalias or of a pattern for one, which follow each other:
 * v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00 (modalias_show() in drivers/pci/pci-sysfs.c,
 * do_pci_entry() in scripts/mod/file2alias.c of Linux). Returns the end of the field, or NULL if it
 * is something else. In a pattern a field can be "*" for any value: then the result is at the star,
 * and `*ret` is not set.
 */
const char *pci_modalias_field(const char *text, int field, uint32_t *ret);

/*
 * Sets the ID, subsystem and class from a function's modalias attribute. Returns false, and sets
 * nothing, if the text is not complete.
 */
bool pci_modalias_parse(const char *text, struct pci_function *ret);

/* The path in where a function's link in /sys/bus/pci/devices leads. False if there is none. */
bool pci_link_parse(const char *link, struct pci_path *ret);

/*
 * The Device Serial Number in a function's extended configuration space, the `length` bytes of
 * its `config` attribute from 0x100 on (PCI Express Base Specification, 7.9.3); 0 without one.
 */
uint64_t pci_extended_serial(const uint8_t *space, size_t length);

/* `buffer` has PCI_ADDRESS_SIZE bytes; it is returned, or the end of what was written. */
const char *pci_address_format(const struct pci_address *address, char *buffer);
char *pci_address_put(const struct pci_address *address, char *buffer);
/* `buffer` has PCI_ID_SIZE bytes; it is returned. */
const char *pci_id_format(const struct pci_id *id, char *buffer);
/* `buffer` has PCI_PATH_SIZE bytes; it is returned. */
const char *pci_path_format(const struct pci_path *path, char *buffer);

/* Puts the functions in the order of their addresses. */
void pci_snapshot_sort(struct pci_snapshot *snapshot);

int pci_address_compare(const struct pci_address *a, const struct pci_address *b);
bool pci_path_equal(const struct pci_path *a, const struct pci_path *b);
bool pci_class_has_prefix(uint32_t class, uint32_t prefix, uint8_t digits);

static inline bool pci_id_equal(const struct pci_id *a, const struct pci_id *b)
{
	return a->vendor == b->vendor && a->device == b->device;
}

/*
 * Returns whether two functions are on the same card: they have the same domain, bus and device
 * number. With ARI (PCI Express Base Specification, 6.13) the device number belongs to the function
 * number, and the bus has only one card. `ari` must be known (PCI_CARD).
 */
bool pci_same_card(const struct pci_function *a, const struct pci_function *b);

/* Returns whether only the header type shows if this is a bridge. */
bool pci_may_be_bridge(const struct pci_function *function);

/*
 * Returns whether the function is a bridge as vfio-pci understands it: header type 1 or 2, which
 * vfio_pci_core_register_device() refuses. The kernel accepts the classes 0604 and 0607 with such a
 * header only (pci_setup_device() in drivers/pci/probe.c); for other bridge classes `header_type`
 * must be known (PCI_HEADER). An NVSwitch has class 0680 and header type 0: not a bridge.
 */
bool pci_is_bridge(const struct pci_function *function);

/*
 * Returns whether the function is a host bridge or an ISA bridge (classes 0600 and 0601). with=
 * never adds one, because the host's chipset depends on it; a line can still name it.
 */
bool pci_is_chipset(const struct pci_function *function);

/* Is it either of them? Only a line that names it can select it. */
bool pci_is_infrastructure(const struct pci_function *function);

/* Base class 01: what rescue=release gives back. */
static inline bool pci_class_is_storage(uint32_t class)
{
	return class >> 16 == 0x01;
}

/* Base class 03. */
bool pci_is_display(const struct pci_function *function);

/* The function at `address`, or NULL. */
struct pci_function *pci_find(const struct pci_snapshot *snapshot,
			      const struct pci_address *address);

#endif
