/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, IDs, classes, paths and serial numbers, to and from text and bytes. */

#include <string.h>

#include "cases.h"
#include "pci.h"

#define NO_ADDRESS "not a PCI address (expected, for example, 01:00.0)"
#define NO_ID "not a vendor:device ID (expected, for example, 10de:1c03)"
#define NO_PATH "not a path (expected, for example, 00:1c.4/00.0 from lspci -P)"
#define NO_SERIAL \
	"not a serial number (expected, for example, 00-1b-21-ff-ff-a5-6c-0c from lspci -vv)"
#define NO_CLASS "not a class (expected, for example, 03, 0c03 or 0c0330)"

/* What a parser makes of a text: as it is formatted again, or the error. */
struct parse_case {
	const char *name, *text, *result;
};

static const struct parse_case addresses[] = {
	{ "address with a domain", "0000:01:00.0", "0000:01:00.0" },
	{ "address without a domain", "01:00.0", "0000:01:00.0" },
	{ "address with a long domain", "10000:e1:00.0", "10000:e1:00.0" },
	{ "address with the longest domain", "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
	{ "address in upper case", "ABCD:0E:1F.7", "abcd:0e:1f.7" },
	{ "address with a domain too long", "000000000:01:00.0", NO_ADDRESS },
	{ "address with a domain too short", "000:01:00.0", NO_ADDRESS },
	{ "address with a device too high", "01:20.0", NO_ADDRESS },
	{ "address with a function too high", "01:00.8", NO_ADDRESS },
	{ "address with a bus too high", "0000:100:00.0", NO_ADDRESS },
	{ "address with short numbers", "1:0.0", NO_ADDRESS },
	{ "address without a function", "0000:01:00", NO_ADDRESS },
	{ "address with a colon for the dot", "01:00:0", NO_ADDRESS },
	{ "address with more behind it", "01:00.0x", NO_ADDRESS },
	{ "address with a second function", "01:00.00", NO_ADDRESS },
	{ "address that is a path", "00:1c.4/00.0", NO_ADDRESS },
	{ "address with a bad digit", "0g:00.0", NO_ADDRESS },
	{ "address with a bad domain", "00x0:01:00.0", NO_ADDRESS },
	{ "address with a sign", "-000:01:00.0", NO_ADDRESS },
	{ "address of nothing", "", NO_ADDRESS },
};

static void test_address(void **state)
{
	const struct parse_case *row = *state;
	struct pci_address address = { 1, 2, 3, 4 };
	char buffer[PCI_ADDRESS_SIZE];
	const char *wrong = pci_address_parse(row->text, &address);

	assert_string_equal(wrong ? wrong : pci_address_format(&address, buffer), row->result);
	if (wrong)
		assert_string_equal(pci_address_format(&address, buffer), "0001:02:03.4");
}

static const struct parse_case ids[] = {
	{ "ID", "10de:1c03", "10de:1c03" },
	{ "ID in upper case", "10DE:1C03", "10de:1c03" },
	{ "ID of ones", "ffff:ffff", "ffff:ffff" },
	{ "ID with short numbers", "10de:1c0", NO_ID },
	{ "ID with long numbers", "10de:1c031", NO_ID },
	{ "ID without a device", "10de", NO_ID },
	{ "ID with any device", "10de:*", NO_ID },
	{ "ID with a bad digit", "10dg:1c03", NO_ID },
	{ "ID with 0x", "0x10de:0x1c03", NO_ID },
	{ "ID of nothing", "", NO_ID },
};

static void test_id(void **state)
{
	const struct parse_case *row = *state;
	struct pci_id id;
	char buffer[PCI_ID_SIZE];
	const char *wrong = pci_id_parse(row->text, &id);

	assert_string_equal(wrong ? wrong : pci_id_format(&id, buffer), row->result);
}

#define HOPS_8 "/01.0/02.1/03.2/04.3/05.4/06.5/07.6/1f.7"

static const struct parse_case paths[] = {
	{ "path of one hop", "00:1f.3", "0000:00:1f.3" },
	{ "path of two hops", "00:1c.4/00.0", "0000:00:1c.4/00.0" },
	{ "path with a domain", "10000:00:02.0/00.0", "10000:00:02.0/00.0" },
	{ "path of 24 hops", "00:1c.4" HOPS_8 HOPS_8 "/01.0/02.1/03.2/04.3/05.4/06.5/07.6",
	  "0000:00:1c.4" HOPS_8 HOPS_8 "/01.0/02.1/03.2/04.3/05.4/06.5/07.6" },
	{ "path of 25 hops", "00:1c.4" HOPS_8 HOPS_8 HOPS_8, NO_PATH },
	{ "path with a slash too much", "00:1c.4/", NO_PATH },
	{ "path with an empty hop", "00:1c.4//00.0", NO_PATH },
	{ "path with a bus in a hop", "00:1c.4/02:00.0", NO_PATH },
	{ "path with a device too high", "00:1c.4/20.0", NO_PATH },
	{ "path of nothing", "", NO_PATH },
};

static void test_path(void **state)
{
	const struct parse_case *row = *state;
	struct pci_path path;
	char buffer[PCI_PATH_SIZE];
	const char *wrong = pci_path_parse(row->text, &path);

	assert_string_equal(wrong ? wrong : pci_path_format(&path, buffer), row->result);
}

static const struct parse_case serials[] = {
	{ "serial", "00-1b-21-ff-ff-a5-6c-0c", "001b21ffffa56c0c" },
	{ "serial in upper case", "FF-FF-FF-FF-FF-FF-FF-FF", "ffffffffffffffff" },
	{ "serial of zeros, which means none", "00-00-00-00-00-00-00-00", NO_SERIAL },
	{ "serial with a pair too few", "00-1b-21-ff-ff-a5-6c", NO_SERIAL },
	{ "serial with a pair too many", "00-1b-21-ff-ff-a5-6c-0c-00", NO_SERIAL },
	{ "serial with colons", "00:1b:21:ff:ff:a5:6c:0c", NO_SERIAL },
	{ "serial without dashes", "001b21ffffa56c0c", NO_SERIAL },
	{ "serial of nothing", "", NO_SERIAL },
};

static void test_serial(void **state)
{
	const struct parse_case *row = *state;
	uint64_t serial;
	char buffer[NUMBER_SIZE];
	const char *wrong = pci_serial_parse(row->text, &serial);

	if (!wrong)
		number_format(buffer, serial, 16, 16);
	assert_string_equal(wrong ? wrong : buffer, row->result);
}

static const struct parse_case classes[] = {
	{ "base class", "03", "03" },
	{ "class with a subclass", "0c03", "0c03" },
	{ "class with an interface", "0C0330", "0c0330" },
	{ "class of odd length", "0c0", "0c0" },
	{ "class of one digit", "3", NO_CLASS },
	{ "class of seven digits", "0c03300", NO_CLASS },
	{ "class with a bad digit", "0z", NO_CLASS },
	{ "class with 0x", "0x03", NO_CLASS },
	{ "class of nothing", "", NO_CLASS },
};

static void test_class(void **state)
{
	const struct parse_case *row = *state;
	uint32_t class;
	uint8_t digits;
	char buffer[NUMBER_SIZE];
	const char *wrong = pci_class_parse(row->text, &class, &digits);

	if (!wrong)
		number_format(buffer, class, 16, digits);
	assert_string_equal(wrong ? wrong : buffer, row->result);
	if (!wrong)
		assert_int_equal(digits, strlen(row->result));
}

static void test_class_prefix(void **state)
{
	(void)state;
	assert_true(pci_class_has_prefix(0x0c0330, 0x0c, 2));
	assert_true(pci_class_has_prefix(0x0c0330, 0x0c0, 3));
	assert_true(pci_class_has_prefix(0x0c0330, 0x0c03, 4));
	assert_true(pci_class_has_prefix(0x0c0330, 0x0c0330, 6));
	assert_false(pci_class_has_prefix(0x0c0330, 0x03, 2));
	assert_false(pci_class_has_prefix(0x0c0330, 0x0c04, 4));
	assert_false(pci_class_has_prefix(0x0c0330, 0x0c0331, 6));
	assert_false(pci_class_has_prefix(0x030000, 0x0300, 6));
}

#define DISPLAY_ALIAS "pci:v000010DEd00001C03sv00001458sd00003702bc03sc00i00"

static void test_modalias_of_a_display(void **state)
{
	struct pci_function function = { .class = 42 };
	char id[PCI_ID_SIZE];

	(void)state;
	assert_true(pci_modalias_parse(DISPLAY_ALIAS, &function));
	assert_int_equal(function.class, 0x030000);
	assert_string_equal(pci_id_format(&function.id, id), "10de:1c03");
	assert_string_equal(pci_id_format(&function.subsystem, id), "1458:3702");
	assert_true(pci_is_display(&function));
	assert_false(pci_may_be_bridge(&function));
	assert_false(pci_is_bridge(&function));
}

struct text_case {
	const char *name, *text;
};

static const struct text_case bad_modaliases[] = {
	{ "modalias of nothing", "" },
	{ "modalias of another bus", "usb:v1D6Bp0002" },
	{ "modalias that is cut", "pci:v000010DEd00001C03sv00001458sd00003702bc03sc00i0" },
	{ "modalias with more behind it", DISPLAY_ALIAS "x" },
	{ "modalias with a pattern", "pci:v000010DEd*sv*sd*bc03sc*i*" },
	{ "modalias without its class", "pci:v000010DEd00001C03sv00001458sd00003702" },
};

static void test_bad_modalias(void **state)
{
	const struct text_case *row = *state;
	struct pci_function function = { .class = 42 };

	assert_false(pci_modalias_parse(row->text, &function));
	assert_int_equal(function.class, 42);
}

struct bridge_case {
	const char *name;
	uint32_t class;
	uint8_t header_type;
	bool bridge, chipset;
};

/* The kernel's rule is the header type; these classes cannot have another one. */
static const struct bridge_case bridges[] = {
	{ "PCI bridge", 0x060400, 1, true, false },
	{ "PCI bridge whose header was not read", 0x060401, 0, true, false },
	{ "CardBus bridge", 0x060700, 2, true, false },
	{ "NVSwitch", 0x068000, 0, false, false },
	{ "other bridge with the header of one", 0x068000, 1, true, false },
	{ "ISA bridge", 0x060100, 0, false, true },
	{ "host bridge", 0x060000, 0, false, true },
	{ "NIC", 0x020000, 0, false, false },
};

static void test_bridge(void **state)
{
	const struct bridge_case *row = *state;
	struct pci_function function = { .class = row->class, .header_type = row->header_type };

	assert_int_equal(pci_is_bridge(&function), row->bridge);
	assert_int_equal(pci_is_chipset(&function), row->chipset);
}

static const struct parse_case links[] = {
	{ "link to a function of the root bus", "../../../devices/pci0000:00/0000:00:1f.3",
	  "0000:00:1f.3" },
	{ "link behind a bridge", "../../../devices/pci0000:00/0000:00:1c.4/0000:02:00.0",
	  "0000:00:1c.4/00.0" },
	{ "link behind three bridges",
	  "../../../devices/pci0000:00/0000:00:1c.4/0000:02:00.0/0000:03:09.0/"
	  "0000:05:00.1",
	  "0000:00:1c.4/00.0/09.0/00.1" },
	{ "link to a second root bus", "../../../devices/pci0000:80/0000:80:01.0/0000:81:00.0",
	  "0000:80:01.0/00.0" },
	{ "link behind VMD starts in the domain of its own",
	  "../../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/"
	  "10000:e1:00.0",
	  "10000:e0:06.0/00.0" },
	{ "link of a platform's host bridge",
	  "../../../devices/platform/40000000.pcie/pci0000:00/0000:00:01.0/0000:01:00.0",
	  "0000:00:01.0/00.0" },
	{ "link that leads to no function", "../../../devices/virtual/net/lo", "" },
	{ "link of nothing", "", "" },
};

static void test_link(void **state)
{
	const struct parse_case *row = *state;
	struct pci_path path = { 0 };
	char buffer[PCI_PATH_SIZE];

	assert_int_equal(pci_link_parse(row->text, &path), *row->result != '\0');
	assert_string_equal(pci_path_format(&path, buffer), row->result);
}

static void test_a_link_of_too_many_hops_is_no_path(void **state)
{
	char link[16 + 25 * 13 + 1] = "/pci0000:00";
	struct pci_path path = { .hops = 3 };

	(void)state;
	for (int i = 0; i < 25; i++)
		string_join(link + strlen(link), 14, "/0000:00:01.0", NULL);
	assert_false(pci_link_parse(link, &path));
	assert_int_equal(path.hops, 3);
	link[strlen(link) - 13] = '\0';
	assert_true(pci_link_parse(link, &path));
	assert_int_equal(path.hops, 24);
}

/* Puts a capability's header, and the serial number behind it, at `position` of the space. */
static void put_capability(uint8_t *space, size_t position, uint16_t kind, uint16_t next,
			   uint64_t serial)
{
	uint64_t words[2] = { (uint64_t)next << 20 | 1 << 16 | kind, serial };

	for (size_t i = 0; i < 4; i++)
		space[position + i] = words[0] >> 8 * i;
	for (size_t i = 0; i < 8; i++)
		space[position + 4 + i] = words[1] >> 8 * i;
}

#define SERIAL 0x001b21ffffa56c0c

struct space_case {
	const char *name;
	struct {
		uint16_t position, kind, next;
	} capabilities[3];
	size_t length;
	uint64_t serial;
};

static const struct space_case spaces[] = {
	{ "the serial number is the first capability", { { 0, 3, 0 } }, 3840, SERIAL },
	{ "the serial number is behind others",
	  { { 0, 1, 0x148 }, { 0x48, 0x10, 0x1a0 }, { 0xa0, 3, 0x100 } },
	  3840,
	  SERIAL },
	{ "the list leads backwards",
	  { { 0, 1, 0xe00 }, { 0xd00, 2, 0x140 }, { 0x40, 3, 0 } },
	  3840,
	  SERIAL },
	{ "the two low bits of where the list goes on are reserved",
	  { { 0, 1, 0x14b }, { 0x48, 3, 0 } },
	  3840,
	  SERIAL },
	{ "there is no serial number", { { 0, 1, 0x148 }, { 0x48, 2, 0 } }, 3840, 0 },
	{ "there is no extended space", { { 0, 3, 0 } }, 0, 0 },
	{ "the space ends inside the serial number", { { 0, 3, 0 } }, 11, 0 },
	{ "the space ends with the serial number", { { 0, 3, 0 } }, 12, SERIAL },
	{ "the list leads out of the space", { { 0, 1, 0xff8 }, { 0x40, 3, 0 } }, 3840, 0 },
	{ "the list leads into the first 256 bytes", { { 0, 1, 0x40 } }, 3840, 0 },
	{ "the list is a loop", { { 0, 1, 0x148 }, { 0x48, 2, 0x100 } }, 3840, 0 },
	{ "a capability points to itself", { { 0, 1, 0x100 } }, 3840, 0 },
};

static void test_extended_serial(void **state)
{
	const struct space_case *row = *state;
	uint8_t *space = calloc(1, 3840);

	assert_non_null(space);
	for (size_t i = 0; i < 3; i++)
		if (row->capabilities[i].kind)
			put_capability(space, row->capabilities[i].position,
				       row->capabilities[i].kind, row->capabilities[i].next,
				       SERIAL);
	assert_true(pci_extended_serial(space, row->length) == row->serial);
	free(space);
}

/* The device that is gone, or asleep, answers with ones everywhere. */
static void test_a_space_of_ones_has_no_serial(void **state)
{
	uint8_t space[3840];

	(void)state;
	memset(space, 0xff, sizeof(space));
	assert_true(pci_extended_serial(space, sizeof(space)) == 0);
}

static struct pci_function function_at(const char *address)
{
	struct pci_function function = { 0 };

	assert_null(pci_address_parse(address, &function.address));
	return function;
}

static void test_sort_and_find(void **state)
{
	static const char *const order[] = { "0000:00:00.0", "0000:00:1f.0", "0000:00:1f.1",
					     "0000:01:00.0", "0001:00:00.0", "10000:00:00.0" };
	static const int shuffled[] = { 4, 2, 5, 0, 3, 1 };
	struct pci_function functions[ARRAY_SIZE(order)];
	struct pci_snapshot snapshot = { functions, ARRAY_SIZE(order) };
	struct pci_address missing = { 0, 1, 0, 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		functions[i] = function_at(order[shuffled[i]]);
	pci_snapshot_sort(&snapshot);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		struct pci_function function = function_at(order[i]);

		assert_ptr_equal(pci_find(&snapshot, &function.address), &functions[i]);
	}
	assert_null(pci_find(&snapshot, &missing));
	snapshot.count = 0;
	assert_null(pci_find(&snapshot, &missing));
}

static void test_same_card(void **state)
{
	struct pci_function a = function_at("01:00.0"), b = function_at("01:00.7");
	struct pci_function device = function_at("01:01.0"), bus = function_at("02:00.0");
	struct pci_function domain = function_at("0001:01:00.0");

	(void)state;
	assert_true(pci_same_card(&a, &b));
	assert_false(pci_same_card(&a, &device));
	assert_false(pci_same_card(&a, &bus));
	assert_false(pci_same_card(&a, &domain));
}

static void test_path_equal(void **state)
{
	struct pci_path a, b, shorter, unknown = { 0 };

	(void)state;
	assert_null(pci_path_parse("00:1c.4/00.0/01.0", &a));
	assert_null(pci_path_parse("0000:00:1c.4/00.0/01.0", &b));
	assert_null(pci_path_parse("00:1c.4/00.0", &shorter));
	assert_true(pci_path_equal(&a, &b));
	assert_false(pci_path_equal(&a, &shorter));
	assert_false(pci_path_equal(&unknown, &unknown));
	b.devfn[2]++;
	assert_false(pci_path_equal(&a, &b));
	b = a;
	b.domain = 1;
	assert_false(pci_path_equal(&a, &b));
	b = a;
	b.bus = 1;
	assert_false(pci_path_equal(&a, &b));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_class_prefix),
		cmocka_unit_test(test_modalias_of_a_display),
		cmocka_unit_test(test_a_link_of_too_many_hops_is_no_path),
		cmocka_unit_test(test_a_space_of_ones_has_no_serial),
		cmocka_unit_test(test_sort_and_find),
		cmocka_unit_test(test_same_card),
		cmocka_unit_test(test_path_equal),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	failed += RUN_TABLE(addresses, test_address);
	failed += RUN_TABLE(ids, test_id);
	failed += RUN_TABLE(paths, test_path);
	failed += RUN_TABLE(serials, test_serial);
	failed += RUN_TABLE(classes, test_class);
	failed += RUN_TABLE(bad_modaliases, test_bad_modalias);
	failed += RUN_TABLE(bridges, test_bridge);
	failed += RUN_TABLE(links, test_link);
	failed += RUN_TABLE(spaces, test_extended_serial);
	return failed != 0;
}
