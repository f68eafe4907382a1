/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs, run by fork and execvp: no shell ever sees an argument. */

#include "lib/program.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
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

/* The child: never returns. `streams`: what becomes its descriptors 0 to 2; -1 leaves one. */
static void execute(const char *const *arguments, const char *directory, const int *streams)
{
	_cleanup_(freep) char *path = search_path();

	for (int i = 0; i < 3; i++)
		if (streams[i] >= 0 && dup2(streams[i], i) < 0)
			_exit(EXIT_NOT_RUN);
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

/* What a child prints on one of its streams, up to the end of the line. */
struct stream {
	int ends[2]; /* of the pipe; -1 when closed */
	struct text line;
};

static void close_end(struct stream *stream, int which)
{
	closep(&stream->ends[which]);
	stream->ends[which] = -1;
}

static void end_line(struct stream *stream, bool is_error, program_reader *read_line, void *context)
{
	read_line(context, is_error, text_string(&stream->line));
	text_done(&stream->line);
}

static void add_piece(struct stream *stream, bool is_error, const char *piece, size_t length,
		      program_reader *read_line, void *context)
{
	for (const char *end = piece + length; piece < end;) {
		const char *newline = memchr(piece, '\n', end - piece);

		text_add_bytes(&stream->line, piece, (newline ? newline : end) - piece);
		if (newline)
			end_line(stream, is_error, read_line, context);
		piece = newline ? newline + 1 : end;
	}
}

/* Reads what is there, and does not wait for more. */
static void read_stream(struct stream *stream, bool is_error, program_reader *read_line,
			void *context)
{
	char piece[4096];
	ssize_t length = 1;

	while (length > 0 && stream->ends[0] >= 0) {
		length = read(stream->ends[0], piece, sizeof(piece));
		if (length > 0)
			add_piece(stream, is_error, piece, length, read_line, context);
		else if (length == 0 || (errno != EAGAIN && errno != EINTR))
			close_end(stream, 0);
	}
}

/*
 * Reads until the child ends, or both streams do: what the child has left running may keep them
 * open. Before Linux 5.3 there is no descriptor of a process to wait for.
 */
static void read_streams(struct stream *streams, pid_t child, program_reader *read_line,
			 void *context)
{
	_cleanup_(closep) int process = syscall(SYS_pidfd_open, child, 0);
	struct pollfd polled[] = { { .events = POLLIN },
				   { .events = POLLIN },
				   { process, POLLIN, 0 } };

	while (!polled[2].revents && (streams[0].ends[0] >= 0 || streams[1].ends[0] >= 0)) {
		polled[0].fd = streams[0].ends[0];
		polled[1].fd = streams[1].ends[0];
		if (poll(polled, ARRAY_SIZE(polled), -1) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < 2; i++)
			read_stream(&streams[i], i, read_line, context);
	}
	for (int i = 0; i < 2; i++)
		if (streams[i].line.length)
			end_line(&streams[i], i, read_line, context);
}

static int open_stream(struct stream *stream)
{
	if (pipe2(stream->ends, O_CLOEXEC) < 0 || fcntl(stream->ends[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

static int run_with_streams(const char *const *arguments, struct stream *streams,
			    program_reader *read_line, void *context)
{
	const int fds[] = { -1, streams[0].ends[1], streams[1].ends[1] };
	pid_t child;
	int status;

	fflush(NULL); /* what was printed before comes before */
	interrupt_hold();
	child = interrupt_fork();
	if (child == 0)
		execute(arguments, NULL, fds);
	close_end(&streams[0], 1);
	close_end(&streams[1], 1);
	if (child > 0)
		read_streams(streams, child, read_line, context);
	status = child < 0 ? child : interrupt_wait(child);
	interrupt_release();
	return explain(status);
}

int program_run(const char *const *arguments, program_reader *read_line, void *context)
{
	struct stream streams[] = { { .ends = { -1, -1 } }, { .ends = { -1, -1 } } };
	int result = open_stream(&streams[0]);

	if (!result)
		result = open_stream(&streams[1]);
	if (!result)
		result = run_with_streams(arguments, streams, read_line, context);
	for (int i = 0; i < 2; i++) {
		close_end(&streams[i], 0);
		close_end(&streams[i], 1);
		text_done(&streams[i].line);
	}
	return result;
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
	_cleanup_(closep) int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	int streams[] = { nowhere, nowhere, -1 };
	char line[256] = "";
	int ends[2], status;
	pid_t child;

	if (nowhere < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	streams[2] = ends[1];
	fflush(NULL);
	interrupt_hold();
	child = interrupt_fork();
	if (child == 0)
		execute(arguments, directory, streams);
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
