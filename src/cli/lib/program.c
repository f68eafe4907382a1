/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs, run by fork and execvp: no shell ever sees a word of ours. */

#include "lib/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/interrupt.h"
#include "lib/printable.h"

#define PLACES "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/sbin:/bin"
#define EXIT_NOT_RUN 127 /* the shells' */

/* PATH, with the places of the superuser's programs behind what it has. */
static char *search_path(void)
{
	const char *path = getenv("PATH");
	char *all;

	if (!path || !*path)
		return strdup(PLACES);
	return asprintf(&all, "%s:" PLACES, path) < 0 ? NULL : all;
}

static bool is_in(const char *directory, const char *name)
{
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return false;
	}
	return access(path, X_OK) == 0;
}

bool program_exists(const char *name)
{
	_cleanup_(freep) char *path = search_path();
	char *rest;

	if (!path)
		return false;
	for (char *directory = strtok_r(path, ":", &rest); directory;
	     directory = strtok_r(NULL, ":", &rest))
		if (is_in(directory, name))
			return true;
	return false;
}

/* The child: never returns. `standard_error` -1: output is left as it is. */
static void execute(const char *const *arguments, const char *directory, int standard_error)
{
	_cleanup_(freep) char *path = search_path();

	if (standard_error >= 0) {
		int nowhere = open("/dev/null", O_RDWR);

		if (nowhere < 0 || dup2(nowhere, STDIN_FILENO) < 0 ||
		    dup2(nowhere, STDOUT_FILENO) < 0 || dup2(standard_error, STDERR_FILENO) < 0)
			_exit(EXIT_NOT_RUN);
	}
	if ((directory && chdir(directory) < 0) || !path || setenv("PATH", path, 1) < 0)
		_exit(EXIT_NOT_RUN);
	execvp(arguments[0], (char *const *)arguments);
	_exit(EXIT_NOT_RUN);
}

static int explain(int status)
{
	if (status < 0)
		return status;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status) == EXIT_NOT_RUN ? -ENOENT : WEXITSTATUS(status);
}

int program_run(const char *const *arguments, bool quiet)
{
	pid_t child;
	int status;

	fflush(NULL); /* what was said before comes before */
	interrupt_hold();
	child = interrupt_fork();
	if (child == 0 && quiet && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(EXIT_NOT_RUN);
	if (child == 0)
		execute(arguments, NULL, -1);
	status = child < 0 ? child : interrupt_wait(child);
	interrupt_release();
	return explain(status);
}

/* Keeps the last line that has something in it, at most as long as `line`. */
static void read_last_line(int fd, char *line, size_t size)
{
	size_t used = 0;
	bool ended = true;
	char piece[512];
	ssize_t length;

	while ((length = read(fd, piece, sizeof(piece))) > 0 || (length < 0 && errno == EINTR))
		for (ssize_t i = 0; i < length; i++) {
			if (piece[i] == '\n') {
				ended = true;
				continue;
			}
			used = ended ? 0 : used;
			ended = false;
			if (used + 1 < size)
				line[used++] = piece[i];
			line[used] = '\0';
		}
}

int program_run_quietly(const char *const *arguments, const char *directory, struct text *complaint)
{
	char line[256] = "";
	int ends[2], status;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fflush(NULL);
	interrupt_hold();
	child = interrupt_fork();
	if (child == 0)
		execute(arguments, directory, ends[1]);
	close(ends[1]);
	if (child > 0)
		read_last_line(ends[0], line, sizeof(line));
	close(ends[0]);
	status = child < 0 ? child : interrupt_wait(child);
	interrupt_release();
	printable_add(complaint, line);
	return explain(status);
}

void program_add_line(const char *const *arguments, struct text *text)
{
	for (size_t i = 0; arguments[i]; i++)
		text_add(text, i ? " " : "", arguments[i]);
}

void program_add_end(int result, struct text *text)
{
	if (result < 0) {
		text_add(text, strerror(-result));
		return;
	}
	text_add(text, result > 128 ? "killed by signal " : "exit status ");
	text_add_number(text, result > 128 ? result - 128 : result, 10, 1);
}
