/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The strict start, for "start init" in the config: a program in the place of the image's /init,
 * which runs the boot program before anything else of the image, and then becomes the /init that
 * was there. systemd, as /init, loads modules of its own before it starts any unit.
 *
 * Whatever fails here, the original /init is executed, with everything as the kernel left it.
 *
 * Started by a script of the image, it only runs the boot program, and ends in time whatever that
 * does: even if it hangs inside the kernel, where no signal reaches it.
 */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOOT "/usr/lib/vfio-early/vfio-early-boot"
#define NEXT "/init.vfio-early"

/* Above the boot program's own deadline, which is the one that normally counts. */
#define PATIENCE_SECONDS 30

/* What the boot program needs; only what was mounted here is taken away again. */
static struct {
	const char *type, *target;
	int mounted;
} mounts[] = { { "proc", "/proc", 0 }, { "sysfs", "/sys", 0 }, { "devtmpfs", "/dev", 0 } };

#define MOUNTS (sizeof(mounts) / sizeof(mounts[0]))

static void mount_all(void)
{
	for (size_t i = 0; i < MOUNTS; i++) {
		mkdir(mounts[i].target, 0755);
		/* Where it is mounted already the kernel says EBUSY. */
		mounts[i].mounted = !mount(mounts[i].type, mounts[i].target, mounts[i].type,
					   MS_NOSUID | MS_NOEXEC, NULL);
	}
}

static void unmount_all(void)
{
	for (size_t i = MOUNTS; i-- > 0;)
		if (mounts[i].mounted)
			umount2(mounts[i].target, MNT_DETACH);
}

/* Only there for its interrupting ppoll(). */
static void child_ended(int signal)
{
	(void)signal;
}

static void wait_for(pid_t child, const sigset_t *normal)
{
	const struct timespec patience = { .tv_sec = PATIENCE_SECONDS };

	while (waitpid(child, NULL, WNOHANG) == 0) {
		/* klibc's ppoll() takes a pointer to a timeout that it may change. */
		struct timespec timeout = patience;

		if (ppoll(NULL, 0, &timeout, normal) == 0) {
			kill(child, SIGKILL);
			return;
		}
	}
}

static void run_boot_program(void)
{
	struct sigaction action = { .sa_handler = child_ended }, before;
	sigset_t blocked, normal;
	pid_t child;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &normal);
	sigaction(SIGCHLD, &action, &before);
	child = fork();
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &normal, NULL);
		execl(BOOT, BOOT, (char *)NULL);
		_exit(127);
	}
	if (child > 0)
		wait_for(child, &normal);
	sigaction(SIGCHLD, &before, NULL);
	sigprocmask(SIG_SETMASK, &normal, NULL);
}

int main(int argc, char **argv)
{
	static const char failed[] = "<2>vfio-early: " NEXT " cannot be executed\n";

	(void)argc;
	if (getpid() != 1) {
		run_boot_program();
		return 0;
	}
	mount_all();
	run_boot_program();
	/* /run comes over what was written there: the hook's run of the program moves it. */
	rename("/run/vfio-early/report", "/usr/lib/vfio-early/report");
	unmount_all();
	execv(NEXT, argv);
	if (write(STDERR_FILENO, failed, strlen(failed)) > 0)
		execl("/bin/sh", "sh", (char *)NULL);
	return 1;
}
