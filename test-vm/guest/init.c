/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The init of the test's root file system: tells the world outside what the kernel saw,
 * and ends the machine.
 *
 * It sends frames through the second serial port, each a line "=== NAME LENGTH" and
 * LENGTH bytes: the kernel's trace, the PCI functions with their drivers, the report of
 * vfio-early, the kernel log, what the VFIO client and our host program said. The last
 * frame is "end": without it the guest died on the way.
 *
 * As a program with an argument WORD it only sends the functions and the trace, as frames with
 * _WORD behind their names, and ends: for a moment in between.
 *
 * Kernel command line (an unknown name with a dot in it bothers nobody):
 *	vmtest.client=ADDRESS|DRIVER
 *		run the VFIO client on this function, or on all that this driver has
 *	vmtest.ask=COMMAND
 *		run `vfio-early COMMAND --json`; the frame has the command's name
 *	vmtest.ask=image
 *		run `vfio-early image` for this kernel, as the hook of an image generator
 *		does; the frame "keep" has the keep lines that it wrote
 *	vmtest.inner=ADDRESS
 *		give this function to the machine that QEMU, as /inner/command has it with one
 *		argument a line, starts in here; the frame "inner" has what that machine says
 *	vmtest.contend=DRIVER:VENDOR:DEVICE[:...]
 *		give this ID to a driver that is loaded (`new_id`), so that it tries every
 *		unbound function that it may have
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "modules.h"

#define FRAMES "/dev/ttyS1"
#define FUNCTIONS "/sys/bus/pci/devices"
#define TRACE "/sys/kernel/tracing/trace"
#define CLIENT "/sbin/vfio-client"
#define PROGRAM "/sbin/vfio-early"
#define CONFIG "/etc/vfio-early.conf"
#define BOOT_CONFIG "/run/vfio-early" CONFIG
#define IMAGE "/run/vmtest-image"
#define IMAGE_KEEP IMAGE "/usr/lib/vfio-early/keep.conf"
#define INNER_COMMAND "/inner/command"
#define INNER_MODULES "/inner/modules"
#define ARGUMENTS_MAX 64
#define WORD_MAX 256
#define ANSWER_S 60 /* a program of ours may say nothing for this long before it counts as hung */
#define FOR_EVER -1

/* linux/syslog.h isn't for programs: 3 reads the whole kernel log. */
#define SYSLOG_READ_ALL 3

struct buffer {
	char *data;
	size_t length;
};

static void buffer_add(struct buffer *buffer, const char *data, size_t length)
{
	buffer->data = realloc(buffer->data, buffer->length + length + 1);
	if (!buffer->data)
		abort();
	memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

static void buffer_print(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void buffer_print(struct buffer *buffer, const char *format, ...)
{
	char line[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length > 0)
		buffer_add(buffer, line, strlen(line));
}

static void write_all(int fd, const char *data, size_t length)
{
	ssize_t written;

	for (; length; data += written, length -= written) {
		written = write(fd, data, length);
		if (written < 0)
			return;
	}
}

/*
 * Copies what can be read from @fd, until its end or an error; @echo hears it at once. Returns
 * false if nothing came for @patience_ms.
 */
static bool buffer_copy(struct buffer *buffer, int fd, int echo, int patience_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char block[65536];
	ssize_t length;

	for (;;) {
		if (patience_ms != FOR_EVER && poll(&wait, 1, patience_ms) == 0)
			return false;
		length = read(fd, block, sizeof(block));
		if (length <= 0)
			return true;
		buffer_add(buffer, block, length);
		if (echo >= 0)
			write_all(echo, block, length);
	}
}

static void buffer_read(struct buffer *buffer, int fd)
{
	buffer_copy(buffer, fd, -1, FOR_EVER);
}

/* Sends one frame and frees what was in @buffer. */
static void send_frame(int frames, const char *name, struct buffer *buffer)
{
	char head[WORD_MAX];

	snprintf(head, sizeof(head), "=== %s %zu\n", name, buffer->length);
	write_all(frames, head, strlen(head));
	write_all(frames, buffer->data, buffer->length);
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}

/* Sends a file, if it's there: what is missing is for the judge to miss. */
static void send_file(int frames, const char *name, const char *path)
{
	struct buffer buffer = { 0 };
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return;
	buffer_read(&buffer, fd);
	close(fd);
	send_frame(frames, name, &buffer);
}

/* First line of a function's attribute; "-" if there is none. */
static void attribute(const char *function, const char *name, char *ret_word)
{
	char path[WORD_MAX];
	ssize_t length = -1;
	int fd;

	snprintf(path, sizeof(path), FUNCTIONS "/%s/%s", function, name);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		length = read(fd, ret_word, WORD_MAX - 1);
		close(fd);
	}
	ret_word[length > 0 ? length : 0] = '\0';
	ret_word[strcspn(ret_word, "\n")] = '\0';
	if (!*ret_word)
		strcpy(ret_word, "-");
}

/* Last part of what a function's symbolic link points to; "-" if there is none. */
static void link_name(const char *function, const char *name, char *ret_word)
{
	char path[WORD_MAX], target[WORD_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), FUNCTIONS "/%s/%s", function, name);
	length = readlink(path, target, sizeof(target) - 1);
	target[length > 0 ? length : 0] = '\0';
	snprintf(ret_word, WORD_MAX, "%s", length > 0 ? strrchr(target, '/') + 1 : "-");
}

/* Not driver_override: it can't be read while the function's driver hangs. */
static void add_function(struct buffer *buffer, const char *function)
{
	char vendor[WORD_MAX], device[WORD_MAX], class[WORD_MAX];
	char driver[WORD_MAX], group[WORD_MAX];

	attribute(function, "vendor", vendor);
	attribute(function, "device", device);
	attribute(function, "class", class);
	link_name(function, "driver", driver);
	link_name(function, "iommu_group", group);
	buffer_print(buffer, "%s id=%s:%s class=%s driver=%s group=%s\n", function, vendor, device,
		     class, driver, group);
}

/* One line for each PCI function. */
static void send_functions(int frames, const char *name)
{
	struct buffer buffer = { 0 };
	struct dirent *entry;
	DIR *dir = opendir(FUNCTIONS);

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			add_function(&buffer, entry->d_name);
	send_frame(frames, name, &buffer);
}

static void send_kernel_log(int frames)
{
	static char log[1 << 20];
	struct buffer buffer = { 0 };
	int length = klogctl(SYSLOG_READ_ALL, log, sizeof(log));

	if (length > 0)
		buffer_add(&buffer, log, length);
	send_frame(frames, "log", &buffer);
}

/*
 * Adds what a program prints, which @echo hears, and a last line with how it ended. A program that
 * hangs inside the kernel can't be killed: nobody waits for it.
 */
static void run_heard(struct buffer *buffer, char **arguments, int echo, int patience_ms)
{
	int out[2], status;
	pid_t child;

	if (pipe(out) < 0 || (child = fork()) < 0)
		return;
	if (!child) {
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		close(out[0]);
		close(out[1]);
		execv(arguments[0], arguments);
		_exit(127);
	}
	close(out[1]);
	if (!buffer_copy(buffer, out[0], echo, patience_ms)) {
		kill(child, SIGKILL);
		close(out[0]);
		buffer_print(buffer, "hung\n");
		printf("vmtest: %s %s hangs\n", arguments[0], arguments[1]);
		return;
	}
	close(out[0]);
	waitpid(child, &status, 0);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	buffer_print(buffer, "status %d\n", status);
}

static void run_program(struct buffer *buffer, char **arguments)
{
	run_heard(buffer, arguments, -1, ANSWER_S * 1000);
}

/* The client on one function, under a line with its address. */
static void add_client(struct buffer *buffer, char *function)
{
	buffer_print(buffer, "client %s\n", function);
	run_program(buffer, (char *[]){ CLIENT, function, NULL });
}

/* @who: an address, or a driver: the functions that it has. */
static void add_clients(struct buffer *buffer, char *who)
{
	char path[WORD_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%.128s", who);
	dir = opendir(path);
	if (!dir)
		add_client(buffer, who);
	while (dir && (entry = readdir(dir)))
		if (strchr(entry->d_name, ':'))
			add_client(buffer, entry->d_name);
}

static void add_image(struct buffer *buffer)
{
	struct utsname kernel;

	uname(&kernel);
	mkdir(IMAGE, 0755);
	run_program(buffer, (char *[]){ PROGRAM, "image", kernel.release, "--dest", IMAGE, NULL });
}

/* To the host program, the config that the boot used is the one that there is. */
static void send_answer(int frames, char *command)
{
	bool is_image = !strcmp(command, "image");
	struct buffer buffer = { 0 };

	mount(BOOT_CONFIG, CONFIG, NULL, MS_BIND, NULL);
	if (is_image)
		add_image(&buffer);
	else
		run_program(&buffer, (char *[]){ PROGRAM, command, "--json", NULL });
	send_frame(frames, command, &buffer);
	if (is_image)
		send_file(frames, "keep", IMAGE_KEEP);
}

/*
 * "DRIVER:VENDOR:DEVICE[:...]": lets a driver compete for a device that is not its own. What the
 * kernel takes behind the two is in Documentation/ABI/testing/sysfs-bus-pci, "new_id".
 */
static void contend(char *who)
{
	char path[2 * WORD_MAX], *id = strchr(who, ':'), *colon;
	int fd;

	if (!id)
		return;
	*id++ = '\0';
	while ((colon = strchr(id, ':')))
		*colon = ' ';
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/new_id", who);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, id, strlen(id)) < 0)
		printf("vmtest: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* The next `name=value` in @line; returns where to go on, or NULL at the end. */
static const char *next_option(const char *line, const char *name, char *ret_value)
{
	const char *found = strstr(line, name);

	if (!found || sscanf(found + strlen(name), "=%255s", ret_value) != 1)
		return NULL;
	return found + strlen(name);
}

/* Splits the lines of @text into @ret_words, of which the last one stays NULL. */
static int split_lines(char *text, char **ret_words)
{
	char *word = strtok(text, "\n");
	int count = 0;

	for (; word && count < ARGUMENTS_MAX - 1; word = strtok(NULL, "\n"))
		ret_words[count++] = word;
	return count;
}

/* Two arguments for each function on the command line. */
static void add_inner_functions(const char *line, char **arguments, int count)
{
	char value[WORD_MAX];

	while (count + 2 < ARGUMENTS_MAX && (line = next_option(line, "vmtest.inner", value))) {
		struct buffer words = { 0 };

		buffer_print(&words, "vfio-pci,host=%s,rombar=0", value);
		arguments[count++] = "-device";
		arguments[count++] = words.data;
	}
}

/* The console hears it: whoever watches the guest waits for new words there. */
static void send_inner(int frames, const char *line)
{
	char *arguments[ARGUMENTS_MAX] = { 0 };
	struct buffer command = { 0 }, said = { 0 };
	int fd = open(INNER_COMMAND, O_RDONLY);

	if (fd < 0)
		return;
	buffer_read(&command, fd);
	close(fd);
	load_modules(INNER_MODULES);
	add_inner_functions(line, arguments, split_lines(command.data, arguments));
	run_heard(&said, arguments, STDOUT_FILENO, FOR_EVER);
	send_frame(frames, "inner", &said);
}

static void read_command_line(struct buffer *line)
{
	int fd = open("/proc/cmdline", O_RDONLY);

	if (fd < 0)
		return;
	buffer_read(line, fd);
	close(fd);
}

static int open_frames(void)
{
	struct termios raw;
	int fd = open(FRAMES, O_WRONLY | O_NOCTTY);

	if (fd >= 0 && !tcgetattr(fd, &raw)) {
		cfmakeraw(&raw);
		cfsetspeed(&raw, B115200);
		tcsetattr(fd, TCSANOW, &raw);
	}
	return fd;
}

/* The initramfs moves what it mounted to here; EBUSY where it did is fine. */
static void mount_all(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
}

/*
 * At once, which ends QEMU: reboot() asks every device's driver first, and one that hangs in its
 * probe, or in letting go, would never answer.
 */
static void restart(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (fd < 0 || write(fd, "b", 1) != 1)
		printf("vmtest: cannot restart: %s\n", strerror(errno));
}

/* The frames of a moment in between. */
static void send_moment(int frames, const char *word)
{
	char name[WORD_MAX];

	snprintf(name, sizeof(name), "functions_%s", word);
	send_functions(frames, name);
	snprintf(name, sizeof(name), "trace_%s", word);
	send_file(frames, name, TRACE);
	tcdrain(frames);
}

int main(int argc, char **argv)
{
	struct buffer line = { 0 }, clients = { 0 };
	char value[WORD_MAX];
	const char *at;
	int frames;

	mount_all();
	frames = open_frames();
	if (frames < 0)
		printf("vmtest: %s: %s\n", FRAMES, strerror(errno));
	if (argc > 1 && getpid() != 1) {
		send_moment(frames, argv[1]);
		return 0;
	}
	read_command_line(&line);
	for (at = line.data; at;)
		if ((at = next_option(at, "vmtest.contend", value)))
			contend(value);
	for (at = line.data; at;)
		if ((at = next_option(at, "vmtest.client", value)))
			add_clients(&clients, value);
	send_frame(frames, "client", &clients);
	send_inner(frames, line.data);
	for (at = line.data; at;)
		if ((at = next_option(at, "vmtest.ask", value)))
			send_answer(frames, value);
	send_functions(frames, "functions");
	send_file(frames, "report", "/run/vfio-early/report");
	send_file(frames, "modules", "/proc/modules");
	send_kernel_log(frames);
	send_file(frames, "trace", TRACE);
	send_frame(frames, "end", &(struct buffer){ 0 });
	tcdrain(frames);
	restart();
	return 1;
}
