/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver=auto: the variant driver with the fewest wildcards. */

#include <string.h>

#include "alias.h"
#include "machine.h"

#define NIC "02:00.0 15b3:101e 020000 subsystem=15b3:0001"
#define ANY "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
#define VENDOR "alias vfio_pci:v000015B3d*sv*sd*bc*sc*i* vendor_vfio_pci\n"
#define MODEL "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci\n"
#define BOARD "alias vfio_pci:v000015B3d0000101Esv000015B3sd00000001bc*sc*i* board_vfio_pci\n"
#define LONG "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" /* 55 characters */

struct alias_case {
	const char *name, *aliases, *driver;
};

static const struct alias_case rows[] = {
	{ "no aliases", "", "vfio-pci" },
	{ "vfio-pci's own line, whose module is not its driver's name", ANY, "vfio-pci" },
	{ "a variant", ANY MODEL, "mlx5_vfio_pci" },
	{ "the fewest stars win, last", VENDOR MODEL BOARD, "board_vfio_pci" },
	{ "the fewest stars win, first", BOARD MODEL VENDOR ANY, "board_vfio_pci" },
	{ "the first of two that are equal",
	  MODEL "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* second\n", "mlx5_vfio_pci" },
	{ "another model", "alias vfio_pci:v000015B3d0000101Fsv*sd*bc*sc*i* other\n", "vfio-pci" },
	{ "another vendor", "alias vfio_pci:v00008086d0000101Esv*sd*bc*sc*i* other\n", "vfio-pci" },
	{ "another subsystem",
	  "alias vfio_pci:v000015B3d0000101Esv000015B3sd00000002bc*sc*i* other\n", "vfio-pci" },
	{ "by class", "alias vfio_pci:v*d*sv*sd*bc02sc00i00 class_vfio_pci\n", "class_vfio_pci" },
	{ "another class", "alias vfio_pci:v*d*sv*sd*bc01sc08i02 other\n", "vfio-pci" },
	{ "host drivers' aliases do not count",
	  "alias pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_core\n", "vfio-pci" },
	{ "a line without its last newline",
	  "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci", "mlx5_vfio_pci" },
	{ "damaged lines are passed over",
	  "alias vfio_pci:v000015B3d0000101E\nalias vfio_pci:\n"
	  "alias vfio_pci:v15B3d101Esv*sd*bc*sc*i* short\n"
	  "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*x junk\n" MODEL,
	  "mlx5_vfio_pci" },
	{ "a name too long is cut",
	  "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* " LONG "nnnn\n", LONG },
};

static void test_best_driver(void **state)
{
	const struct alias_case *row = *state;
	char line[] = NIC, driver[PCI_DRIVER_SIZE];
	const struct pci_function function = machine_function(line);

	alias_best_driver(row->aliases, &function, driver);
	assert_string_equal(driver, row->driver);
}

int main(void)
{
	return RUN_TABLE(rows, test_best_driver) != 0;
}
