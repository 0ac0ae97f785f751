// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crew FILE THREADS CHILDREN - threads t1, t2, ... and children c1, c2, ..., who all wait.
 * FILE.ready is there when they do; at FILE.go all have to come, and "ok" is in FILE.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX	16

/* Makes @file with @text at once. */
static void tell(const char *file, const char *text)
{
	char tmp[600];
	int fd;

	snprintf(tmp, sizeof(tmp), "%s.new", file);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		_exit(9);
	close(fd);
	rename(tmp, file);
}

static void name(char kind, int nr)
{
	char text[16];

	snprintf(text, sizeof(text), "%c%d", kind, nr);
	prctl(PR_SET_NAME, text);
}

static pthread_barrier_t named, go;

static void *thread(void *nr)
{
	name('t', (long)nr);
	pthread_barrier_wait(&named);
	pthread_barrier_wait(&go);
	return nr;
}

static sigset_t usr1;

static pid_t child(int nr)
{
	int ends[2];
	int sig;
	pid_t pid;
	char c;

	if (pipe(ends))
		exit(9);
	pid = fork();
	if (!pid) {
		name('c', nr);
		close(ends[0]);
		close(ends[1]);
		sigwait(&usr1, &sig);
		_exit(nr);
	}
	close(ends[1]);
	/* until it has its name */
	if (pid < 0 || read(ends[0], &c, 1))
		exit(9);
	close(ends[0]);
	return pid;
}

int main(int argc, char **argv)
{
	int threads, children, status;
	pthread_t t[MAX + 1];
	pid_t pid[MAX + 1];
	char file[512];
	void *ret;

	if (argc < 4)
		return 9;
	threads = atoi(argv[2]);
	children = atoi(argv[3]);
	if (threads > MAX || children > MAX)
		return 9;
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	for (long i = 1; i <= children; i++)
		pid[i] = child(i);
	pthread_barrier_init(&named, NULL, threads + 1);
	pthread_barrier_init(&go, NULL, threads + 1);
	for (long i = 1; i <= threads; i++)
		if (pthread_create(&t[i], NULL, thread, (void *)i))
			return 9;
	pthread_barrier_wait(&named);
	snprintf(file, sizeof(file), "%s.ready", argv[1]);
	tell(file, "");
	snprintf(file, sizeof(file), "%s.go", argv[1]);
	while (access(file, F_OK))
		usleep(50000);
	pthread_barrier_wait(&go);
	for (long i = 1; i <= threads; i++)
		if (pthread_join(t[i], &ret) || ret != (void *)i)
			tell(argv[1], "a thread is missing");
	for (int i = 1; i <= children; i++)
		if (kill(pid[i], SIGUSR1) || waitpid(pid[i], &status, 0) != pid[i] || !WIFEXITED(status) ||
		    WEXITSTATUS(status) != i)
			tell(argv[1], "a child is missing");
	if (access(argv[1], F_OK))
		tell(argv[1], "ok");
	return 0;
}
