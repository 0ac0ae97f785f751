// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads that AppArmor confines: the first by the profile under which the program was
 * started, another one by the profile that it has changed to. Both know by what they
 * are told, and by what they are denied.
 */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../program.h"

static sem_t changed, looks;
static pthread_t thread;

static bool has_label(const char *label)
{
	char text[256] = "";
	int fd = open("/proc/thread-self/attr/apparmor/current", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 && !strncmp(text, label, strlen(label));
}

static bool is_denied(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EACCES;
}

static void look(const char *label, const char *denied, const char *allowed)
{
	check(has_label(label));
	check(is_denied(denied));
	check(!is_denied(allowed));
}

static void *other(void *arg)
{
	static const char to[] = "changeprofile livemig-other";
	int fd = open("/proc/thread-self/attr/apparmor/current", O_WRONLY);

	check(write(fd, to, strlen(to)) == (ssize_t)strlen(to));
	close(fd);
	sem_post(&changed);
	sem_wait(&looks);
	look("livemig-other", "/etc/services", "/etc/protocols");
	return arg;
}

static void set_labels(void)
{
	sem_init(&changed, 0, 0);
	sem_init(&looks, 0, 0);
	look("livemig-first", "/etc/protocols", "/etc/services");
	check(!pthread_create(&thread, NULL, other, NULL));
	sem_wait(&changed);
	check(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void get_labels(void)
{
	struct rlimit files;

	/* (run.sh has seen to it that it could open nothing meanwhile) */
	check(!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur == 0);
	files.rlim_cur = files.rlim_max;
	check(!setrlimit(RLIMIT_NOFILE, &files));
	check(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	look("livemig-first", "/etc/protocols", "/etc/services");
	sem_post(&looks);
	check(!pthread_join(thread, NULL));
}

static const struct test tests[] = {
	{ "labels", set_labels, get_labels },
	{ 0 }
};

const struct test *const all_tests[] = { tests, NULL };
