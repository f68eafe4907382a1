/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The init of the benchmark's guest: lets contestants bind the same functions in one boot, and
 * tells how far the clock went for each. With -icount shift=0 the clock is a count: one tick of the
 * TSC is one instruction of the guest, the kernel's included.
 *
 * /bench/plan has a line a run, its words separated by blanks:
 *
 *	KIND NAME COUNT COMMAND...
 *
 * KIND is "cold" (no vfio module is loaded), "warm" (all are) or "graph" (cold, and the kernel
 * notes which of its functions loading takes). COUNT picks the directory /bench/COUNT, which
 * /bench/now is linked to. A word @FILE stands for the words in that file. Before each run the
 * functions are unbound, their overrides are cleared, and the modules are unloaded. A run that does
 * not end with COUNT functions bound to vfio-pci is reported with what it did bind.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <x86intrin.h>

#define FUNCTIONS "/sys/bus/pci/devices"
#define TRACING "/sys/kernel/tracing/"
#define WORDS_MAX 256
#define TEXT_MAX (1 << 16)
#define EDU "0x11e8\n"

static const char *const events[] = {
	"events/raw_syscalls/enable",
	"events/sched/sched_process_exec/enable",
	"events/sched/sched_process_exit/enable",
	"events/kprobes/enable",
};

static int frames;

static char *file_text(const char *path)
{
	static char text[TEXT_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return text;
}

__attribute__((format(printf, 2, 3))) static bool put(const char *path, const char *format, ...)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	char text[PATH_MAX];
	bool fine;
	va_list values;
	int length;

	va_start(values, format);
	length = vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	fine = fd >= 0 && write(fd, text, length) == length;
	if (fd >= 0)
		close(fd);
	return fine;
}

static void send_text(const char *name, const char *text, size_t length)
{
	dprintf(frames, "=== %s %zu\n", name, length);
	while (length) {
		ssize_t written = write(frames, text, length);

		if (written <= 0)
			return;
		text += written;
		length -= written;
	}
}

static bool is_subject(const char *address)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), FUNCTIONS "/%s/device", address);
	return !strcmp(file_text(path), EDU);
}

static bool has_vfio(const char *address)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), FUNCTIONS "/%s/driver", address);
	length = readlink(path, link, sizeof(link) - 1);
	link[length > 0 ? length : 0] = '\0';
	return length > 0 && !strcmp(strrchr(link, '/'), "/vfio-pci");
}

static void free_function(const char *address)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), FUNCTIONS "/%s/driver/unbind", address);
	put(path, "%s", address);
	snprintf(path, sizeof(path), FUNCTIONS "/%s/driver_override", address);
	put(path, "\n");
}

/* Calls `work` for each subject, if there is one to call; how many of them vfio-pci has. */
static unsigned int for_each_subject(void (*work)(const char *address))
{
	struct dirent *entry;
	unsigned int bound = 0;
	DIR *directory = opendir(FUNCTIONS);

	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.' || !is_subject(entry->d_name))
			continue;
		bound += has_vfio(entry->d_name);
		if (work)
			work(entry->d_name);
	}
	closedir(directory);
	return bound;
}

/* Splits at blanks and newlines, in place. */
static size_t split(char *text, char **words, size_t room)
{
	size_t count = 0;

	for (char *word; count < room && (word = strsep(&text, " \n"));)
		if (*word)
			words[count++] = word;
	return count;
}

static void insert_modules(void)
{
	char *paths[WORDS_MAX], *text = strdup(file_text("/bench/modules"));
	size_t count = split(text, paths, WORDS_MAX);

	for (size_t i = 0; i < count; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		syscall(SYS_finit_module, fd, "", 0);
		close(fd);
	}
	free(text);
}

/* Every module that nothing uses goes, until none is left that could. */
static void remove_modules(void)
{
	for (bool again = true; again;) {
		char *text = strdup(file_text("/proc/modules"));

		again = false;
		for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
			char name[WORDS_MAX];

			if (sscanf(line, "%255s", name) == 1 &&
			    (strstr(name, "vfio") || !strcmp(name, "irqbypass")))
				again |= !syscall(SYS_delete_module, name, O_NONBLOCK);
		}
		free(text);
	}
}

static void reset(const char *count, bool with_modules)
{
	char now[PATH_MAX];

	for_each_subject(free_function);
	remove_modules();
	if (with_modules)
		insert_modules();
	snprintf(now, sizeof(now), "/bench/%s", count);
	unlink("/bench/now");
	if (symlink(now, "/bench/now") < 0)
		abort();
	unlink("/run/vfio-early/report");
	unlink("/run/vfio-early/etc/vfio-early.conf");
	rmdir("/run/vfio-early/etc");
	rmdir("/run/vfio-early");
}

static int run(char **words)
{
	static char *environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LIST=/bench/now",
				       "ROOT=", NULL };
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		execve(words[0], words, environment);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Only for the contestant that needs it: it would work at every other's events, too. */
static void start_udev(void)
{
	char *start[] = { "/lib/systemd/systemd-udevd", "--daemon", NULL };
	char *settle[] = { "/bin/udevadm", "settle", NULL };

	run(start);
	run(settle);
}

static void stop_udev(void)
{
	char *stop[] = { "/bin/udevadm", "control", "--exit", NULL };

	run(stop);
}

/* Replaces each word @FILE by the words in it. */
static void expand(char **words, size_t count, char **all)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++) {
		if (words[i][0] != '@')
			all[total++] = words[i];
		else
			total += split(strdup(file_text(words[i] + 1)), all + total,
				       WORDS_MAX - 1 - total);
	}
	all[total] = NULL;
}

static void trace_events(bool on)
{
	if (on)
		put(TRACING "trace", "\n");
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), TRACING "%s", events[i]);
		put(path, "%d", on);
	}
}

static void trace_graph(bool on)
{
	put(TRACING "max_graph_depth", "3");
	put(TRACING "set_graph_function", "load_module");
	put(TRACING "current_tracer", on ? "function_graph" : "nop");
}

static void send_trace(void)
{
	size_t size = 1 << 24, length = 0;
	char *text = malloc(size);
	int fd = open(TRACING "trace", O_RDONLY | O_CLOEXEC);
	ssize_t more;

	while (text && (more = read(fd, text + length, size - length)) > 0)
		length += more;
	close(fd);
	send_text("trace", text, length);
	free(text);
}

static void run_line(char *line)
{
	char *words[WORDS_MAX], *all[WORDS_MAX], told[WORDS_MAX];
	size_t count = split(line, words, WORDS_MAX);
	unsigned long long start, end;
	bool traced, graph, udev;
	int status;

	if (count < 4)
		return;
	graph = !strcmp(words[0], "graph");
	traced = !strncmp(words[0], "traced-", 7);
	udev = !strncmp(words[1], "udev", 4);
	reset(words[2], strstr(words[0], "warm"));
	expand(words + 3, count - 3, all);
	if (udev)
		start_udev();
	if (traced)
		trace_events(true);
	if (graph)
		trace_graph(true);
	start = __rdtsc();
	status = run(all);
	end = __rdtsc();
	if (udev)
		stop_udev();
	if (traced)
		trace_events(false);
	snprintf(told, sizeof(told), "%s %s %s %llu %llu %u %d\n", words[0], words[1], words[2],
		 start, end, for_each_subject(NULL), status);
	send_text("run", told, strlen(told));
	printf("%s", told); /* a sign of life */
	fflush(stdout);
	if (traced || graph)
		send_trace();
	if (graph)
		trace_graph(false);
}

static void open_frames(void)
{
	struct termios raw;

	frames = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (frames >= 0 && !tcgetattr(frames, &raw)) {
		cfmakeraw(&raw);
		cfsetspeed(&raw, B115200);
		tcsetattr(frames, TCSANOW, &raw);
	}
}

/* The paths of the image's load plan, in a file for the floor: it reads nothing itself. */
static void list_modules(void)
{
	char *words[WORDS_MAX], *text = strdup(file_text("/usr/lib/vfio-early/modules"));
	size_t count = split(text, words, WORDS_MAX);
	FILE *file = fopen("/bench/modules", "w");

	for (size_t i = 0; file && i < count; i++)
		if (*words[i] == '/')
			fprintf(file, "%s\n", words[i]);
	if (file)
		fclose(file);
	free(text);
	text = file_text("/bench/modules");
	send_text("modules", text, strlen(text));
}

static void prepare(void)
{
	static const char *const places[] = { "/proc", "/sys", "/dev", "/run", "/tmp" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		mkdir(places[i], 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("tmpfs", "/run", "tmpfs", 0, NULL);
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	open_frames();
	list_modules();
	put(TRACING "trace_clock", "x86-tsc");
	put(TRACING "buffer_size_kb", "16384");
	put(TRACING "kprobe_events", "p:fence driver_set_override\nr:fenced driver_set_override\n"
				     "p:probe really_probe\nr:probed really_probe\n");
}

int main(void)
{
	char *plan;

	prepare();
	plan = strdup(file_text("/bench/plan"));
	for (char *line; (line = strsep(&plan, "\n"));)
		run_line(line);
	send_text("end", "", 0);
	tcdrain(frames);
	reboot(RB_POWER_OFF);
	return 1;
}
