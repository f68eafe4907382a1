/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real root's init, for the boot's length: tells how long the processor was busy until the
 * initramfs had done its work, and how many functions vfio-pci has by then; and powers the machine
 * off.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

#define DRIVER "/sys/bus/pci/drivers/vfio-pci"

/* The links to functions are what has a colon in its name. */
static unsigned int count_bound(void)
{
	DIR *directory = opendir(DRIVER);
	struct dirent *entry;
	unsigned int count = 0;

	while (directory && (entry = readdir(directory)))
		count += entry->d_name[0] == '0';
	return count;
}

/*
 * How long tasks ran, in nanoseconds: the 7th number of the processor. The clock itself would not
 * do: it jumps where the guest waits for its disk.
 */
static long long read_running(void)
{
	FILE *file = fopen("/proc/schedstat", "r");
	long long running = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "cpu0 %*d %*d %*d %*d %*d %*d %lld", &running) == 1)
			break;
	return running;
}

int main(void)
{
	struct termios raw;
	char text[64];
	int frames, length;
	long long running;

	mount("proc", "/proc", "proc", 0, NULL);
	running = read_running();
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	frames = open("/dev/ttyS1", O_WRONLY | O_NOCTTY);
	if (!tcgetattr(frames, &raw)) {
		cfmakeraw(&raw);
		tcsetattr(frames, TCSANOW, &raw);
	}
	length = snprintf(text, sizeof(text), "%lld %u\n", running, count_bound());
	dprintf(frames, "=== boot %d\n%s=== end 0\n", length, text);
	tcdrain(frames);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
