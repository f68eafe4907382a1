/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Uses a PCI function through VFIO, as QEMU would: vfio-client ADDRESS.
 *
 * For any function: its group is viable, its device can be opened, its configuration
 * space and its BARs can be read, memory can be mapped for its DMA. For QEMU's `edu` device
 * more: its DMA engine copies memory to the device and back, each transfer ends with an
 * interrupt, the copy is compared, and a transfer to memory that nobody mapped must not
 * arrive there, but end as a fault in the kernel log.
 *
 * Each step prints a line "ok ..."; the first one that fails prints "failed ..." and ends
 * it all. References: linux/vfio.h, Documentation/driver-api/vfio.rst, QEMU's
 * docs/specs/edu.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define EDU_ID 0x11e81234
#define EDU_ALIVE 0x04
#define EDU_DMA_SOURCE 0x80
#define EDU_DMA_TARGET 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_IRQ_STATUS 0x24
#define EDU_IRQ_ACK 0x64
#define EDU_DMA_START 0x1
#define EDU_DMA_TO_MEMORY 0x2
#define EDU_DMA_INTERRUPT 0x4
#define EDU_MEMORY 0x40000

/* edu's DMA mask has 28 bits; of its 4096 bytes of memory, the last is out of reach. */
#define IOVA 0x100000
#define EDU_REACH (1 << 28)
#define PAGE 4096
#define LENGTH 2048
#define PAGEMAP_FRAME ((1ULL << 55) - 1)
#define PAGES_MAX (1 << 16)
#define PATIENCE_MS 20000

struct client {
	const char *address;
	int container;
	int group;
	int device;
	int interrupt;
	uint32_t id;
	uint64_t config;
	volatile uint32_t *bar;
	unsigned char *memory;
};

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	printf("failed ");
	vprintf(format, args);
	printf(": %s\n", strerror(error));
	va_end(args);
	exit(1);
}

static int open_group(const char *address)
{
	char link[PATH_MAX], target[PATH_MAX], path[PATH_MAX + 16];
	ssize_t length;
	int fd;

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", address);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		fail("%s", link);
	target[length] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(target, '/') + 1);
	fd = open(path, O_RDWR);
	if (fd < 0)
		fail("%s", path);
	return fd;
}

static void open_device(struct client *client)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	client->container = open("/dev/vfio/vfio", O_RDWR);
	if (client->container < 0)
		fail("/dev/vfio/vfio");
	client->group = open_group(client->address);
	if (ioctl(client->group, VFIO_GROUP_GET_STATUS, &status) < 0)
		fail("VFIO_GROUP_GET_STATUS");
	errno = EBUSY;
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		fail("the group is not viable");
	printf("ok group is viable\n");
	if (ioctl(client->group, VFIO_GROUP_SET_CONTAINER, &client->container) < 0)
		fail("VFIO_GROUP_SET_CONTAINER");
	if (ioctl(client->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		fail("VFIO_SET_IOMMU");
	client->device = ioctl(client->group, VFIO_GROUP_GET_DEVICE_FD, client->address);
	if (client->device < 0)
		fail("VFIO_GROUP_GET_DEVICE_FD");
	printf("ok device is open\n");
}

static struct vfio_region_info region_info(struct client *client, unsigned int index)
{
	struct vfio_region_info region = { .argsz = sizeof(region), .index = index };

	if (ioctl(client->device, VFIO_DEVICE_GET_REGION_INFO, &region) < 0)
		fail("VFIO_DEVICE_GET_REGION_INFO of region %u", index);
	return region;
}

/* Reads the identity and lets the function decode memory and master the bus. */
static void read_config(struct client *client)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	client->config = region_info(client, VFIO_PCI_CONFIG_REGION_INDEX).offset;
	if (pread(client->device, &client->id, sizeof(client->id), client->config) != 4)
		fail("reading the configuration space");
	if (pwrite(client->device, &command, sizeof(command), client->config + PCI_COMMAND) != 2)
		fail("writing the command register");
	printf("ok configuration space %04x:%04x\n", client->id & 0xffff, client->id >> 16);
}

/* Maps every BAR that can be mapped; keeps the first one. */
static void map_bars(struct client *client)
{
	unsigned int index;

	for (index = 0; index < VFIO_PCI_ROM_REGION_INDEX; index++) {
		struct vfio_region_info region = region_info(client, index);
		volatile uint32_t *bar;

		if (!region.size || !(region.flags & VFIO_REGION_INFO_FLAG_MMAP))
			continue;
		bar = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, client->device,
			   region.offset);
		if (bar == MAP_FAILED)
			fail("mapping BAR %u", index);
		printf("ok BAR %u mapped, first word %08x\n", index, bar[0]);
		client->bar = client->bar ? client->bar : bar;
	}
}

/* Two pages for the device at IOVA: what it shall read, and what it shall write. */
static void map_memory(struct client *client)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = IOVA,
		.size = 2 * PAGE,
	};

	client->memory =
		mmap(NULL, map.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (client->memory == MAP_FAILED)
		fail("memory");
	map.vaddr = (uintptr_t)client->memory;
	if (ioctl(client->container, VFIO_IOMMU_MAP_DMA, &map) < 0)
		fail("VFIO_IOMMU_MAP_DMA");
	printf("ok memory mapped for DMA\n");
}

/* Routes the function's first MSI to an eventfd. */
static void enable_interrupt(struct client *client)
{
	char room[sizeof(struct vfio_irq_set) + sizeof(int)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)room;

	client->interrupt = eventfd(0, EFD_CLOEXEC);
	*set = (struct vfio_irq_set){
		.argsz = sizeof(room),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.count = 1,
	};
	memcpy(set->data, &client->interrupt, sizeof(int));
	if (client->interrupt < 0 || ioctl(client->device, VFIO_DEVICE_SET_IRQS, set) < 0)
		fail("VFIO_DEVICE_SET_IRQS");
}

static void edu_write(struct client *client, unsigned int where, uint32_t value)
{
	client->bar[where / 4] = value;
}

static uint32_t edu_read(struct client *client, unsigned int where)
{
	return client->bar[where / 4];
}

/* One DMA transfer, from its start to its interrupt. */
static void edu_transfer(struct client *client, uint32_t source, uint32_t target, uint32_t command)
{
	struct pollfd wait = { .fd = client->interrupt, .events = POLLIN };
	uint64_t count;

	edu_write(client, EDU_DMA_SOURCE, source);
	edu_write(client, EDU_DMA_TARGET, target);
	edu_write(client, EDU_DMA_COUNT, LENGTH);
	edu_write(client, EDU_DMA_COMMAND, EDU_DMA_START | EDU_DMA_INTERRUPT | command);
	errno = ETIMEDOUT;
	if (poll(&wait, 1, PATIENCE_MS) != 1 || read(wait.fd, &count, sizeof(count)) < 0)
		fail("no interrupt after a transfer");
	edu_write(client, EDU_IRQ_ACK, edu_read(client, EDU_IRQ_STATUS));
}

/* To the device, and from there to other memory: only real DMA makes the two equal. */
static void edu_copy(struct client *client)
{
	unsigned char *source = client->memory, *target = client->memory + PAGE;
	int i;

	for (i = 0; i < LENGTH; i++)
		source[i] = i * 7 + (i >> 8);
	edu_transfer(client, IOVA, EDU_MEMORY, 0);
	edu_transfer(client, EDU_MEMORY, IOVA + PAGE, EDU_DMA_TO_MEMORY);
	errno = EIO;
	if (memcmp(source, target, LENGTH))
		fail("the copy differs");
	printf("ok DMA copied %d bytes to the device and back\n", LENGTH);
}

/*
 * Waits for "DMAR: [DMA Write ...] Request device [...] fault addr ..." in the log. Linux 5.10
 * writes the address without 0x.
 */
static void await_fault(int log, const char *address, uint64_t where)
{
	struct pollfd wait = { .fd = log, .events = POLLIN };
	char record[2048], fault[32], old_fault[32], *end;
	ssize_t length;

	snprintf(fault, sizeof(fault), "fault addr 0x%" PRIx64 " ", where);
	snprintf(old_fault, sizeof(old_fault), "fault addr %" PRIx64 " ", where);
	errno = ETIMEDOUT;
	while (poll(&wait, 1, PATIENCE_MS) == 1) {
		length = read(log, record, sizeof(record) - 1);
		if (length < 0)
			continue;
		record[length] = '\0';
		end = strchr(record, '\n');
		if (end)
			*end = '\0';
		if ((strstr(record, fault) || strstr(record, old_fault)) &&
		    strstr(record, address + strlen("0000:"))) {
			printf("ok isolated: %s\n", strchr(record, ';') + 1);
			return;
		}
	}
	fail("no fault in the kernel log");
}

/*
 * Where a page lies in physical memory; 0 if nobody tells
 * (Documentation/admin-guide/mm/pagemap.rst).
 */
static uint64_t physical_address(const void *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, sizeof(entry), (uintptr_t)page / PAGE * 8) != 8)
		fail("/proc/self/pagemap");
	close(fd);
	return (entry & PAGEMAP_FRAME) * PAGE;
}

/* A page of ours that lies where edu could write to, if the IOMMU let it. */
static unsigned char *page_within_reach(uint64_t *ret_address)
{
	unsigned char *page;
	int i;

	for (i = 0; i < PAGES_MAX; i++) {
		page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (page == MAP_FAILED || mlock(page, PAGE) < 0)
			fail("memory");
		*ret_address = physical_address(page);
		if (*ret_address && *ret_address < EDU_REACH)
			return page;
	}
	errno = ENOMEM;
	fail("no page within reach");
}

/*
 * DMA to the physical address of memory that was not mapped for the device must not arrive.
 * Of the IOMMUs that QEMU emulates, Intel's makes the kernel say so.
 */
static void edu_stray(struct client *client)
{
	int i, log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	unsigned char *page;
	uint64_t address;

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		fail("/dev/kmsg");
	page = page_within_reach(&address);
	edu_transfer(client, EDU_MEMORY, address, EDU_DMA_TO_MEMORY);
	errno = EIO;
	for (i = 0; i < PAGE; i++)
		if (page[i])
			fail("DMA wrote to memory that was not mapped for it");
	printf("ok isolated: DMA did not reach physical memory\n");
	if (!access("/sys/class/iommu/dmar0", F_OK))
		await_fault(log, client->address, address);
	close(log);
}

static void use_edu(struct client *client)
{
	edu_write(client, EDU_ALIVE, 0x12345678);
	errno = EIO;
	if (edu_read(client, EDU_ALIVE) != ~0x12345678U)
		fail("edu does not answer");
	printf("ok edu is alive\n");
	enable_interrupt(client);
	edu_copy(client);
	edu_stray(client);
}

int main(int argc, char **argv)
{
	struct client client = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2) {
		fprintf(stderr, "usage: vfio-client ADDRESS\n");
		return 2;
	}
	client.address = argv[1];
	open_device(&client);
	read_config(&client);
	map_bars(&client);
	map_memory(&client);
	if (client.id == EDU_ID)
		use_edu(&client);
	return 0;
}
