/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person enters to give devices to a guest, in the words of the programs that run guests. */

#include "guest.h"

#include <string.h>

static void add_function(const struct pci_function *function, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];

	text_add(text, pci_address_format(&function->address, address));
}

bool guest_has(const struct guest_functions *functions, const struct pci_function *function)
{
	for (size_t i = 0; i < functions->count; i++)
		if (functions->items[i] == function)
			return true;
	return false;
}

static bool is_whole_card(const struct guest_functions *functions)
{
	return functions->card && functions->count > 1;
}

void guest_add_address(const struct guest_functions *functions, struct text *text)
{
	char address[PCI_ADDRESS_SIZE];

	pci_address_format(&functions->items[0]->address, address);
	if (is_whole_card(functions))
		*strrchr(address, '.') = '\0';
	text_add(text, address);
}

/*
 * Several functions that are not all of their card are joined with ";", which a shell must not
 * see.
 */
void guest_add_proxmox(const struct guest_functions *functions, struct text *text)
{
	bool quoted = functions->count > 1 && !functions->card;

	text_add(text, "qm set VMID -hostpci0 ", quoted ? "'" : "");
	guest_add_address(functions, text);
	for (size_t i = 1; quoted && i < functions->count; i++) {
		text_add(text, ";");
		add_function(functions->items[i], text);
	}
	text_add(text, ",pcie=1", quoted ? "'" : "");
}

static void add_part(const char *name, uint32_t value, int digits, struct text *text)
{
	text_add(text, " ", name, "='0x");
	text_add_number(text, value, 16, digits);
	text_add(text, "'");
}

/* managed='no': the device has its driver, and libvirt must not give it to another one. */
void guest_add_libvirt(const struct guest_functions *functions, struct text *text)
{
	for (size_t i = 0; i < functions->count; i++) {
		const struct pci_address *address = &functions->items[i]->address;

		text_add(text, i ? "\n" : "",
			 "<hostdev mode='subsystem' type='pci' managed='no'>\n  <source><address");
		add_part("domain", address->domain, 4, text);
		add_part("bus", address->bus, 2, text);
		add_part("slot", address->device, 2, text);
		add_part("function", address->function, 1, text);
		text_add(text, "/></source>\n</hostdev>");
	}
}

void guest_add_qemu(const struct guest_functions *functions, struct text *text)
{
	for (size_t i = 0; i < functions->count; i++) {
		text_add(text, i ? " " : "", "-device vfio-pci,host=");
		add_function(functions->items[i], text);
	}
}
