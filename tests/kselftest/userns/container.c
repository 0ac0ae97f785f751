// SPDX-License-Identifier: GPL-2.0-or-later
/* A whole container that a runtime began: files, mounts, sockets, queues, a zombie,
 * threads and children of several ids.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inside.h"

#define USER	1000		/* somebody inside */

static struct kid user, hidden;
static pid_t zombie;
static int listener, host_file, deleted, chowned;
static mqd_t queue;

/* With one capability. */
static void be_user(void)
{
	static const gid_t groups[] = { 5, 1005 };

	check(!prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE, 0, 0, 0));
	check(!prctl(PR_SET_KEEPCAPS, 1));
	check(!setgroups(2, groups) && !setresgid(USER, USER, USER) &&
	      !setresuid(USER, USER, USER));
	{
		struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
		struct __user_cap_data_struct d[2] = { {
			1U << CAP_NET_BIND_SERVICE,
			1U << CAP_NET_BIND_SERVICE | 1U << CAP_CHOWN,
			1U << CAP_NET_BIND_SERVICE } };

		check(!syscall(SYS_capset, &h, d));
	}
	check(!prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0));
	check(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	check(!prctl(PR_SET_DUMPABLE, 1));
}

static bool user_may(void)
{
	struct sockaddr_in6 { short f; unsigned short port; int x[6]; } a = {
		.f = AF_INET6, .port = __builtin_bswap16(81) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool ok = !bind(fd, (void *)&a, 28) && sethostname("no", 2) && errno == EPERM;

	close(fd);
	return ok;
}

static void hide(void)
{
	check(!prctl(PR_SET_DUMPABLE, 0));
}

/* Ids of its own; libc would change all threads. */
static void *thread(void *arg)
{
	static const gid_t group = 7;

	if (syscall(SYS_setgroups, 1, &group) || syscall(SYS_setresgid, -1, 8, -1) ||
	    syscall(SYS_setresuid, USER, -1, USER))
		check(!"ids of a thread");
	*(volatile bool *)arg = true;
	for (;;)
		pause();
	return NULL;
}

static void take_container(void)
{
	static const char *const mine[] = { " /mnt", NULL };
	struct mq_attr a;
	struct stat st;

	note_process(getpid());
	note_owners(getpid());
	note_process(user.pid);
	note_process(hidden.pid);
	note_lines("/proc/self/mountinfo", mine, 3);
	check(!stat("/mnt/user", &st));
	note("/mnt/user %d:%d\n", st.st_uid, st.st_gid);
	check(!fstat(host_file, &st));
	note("file of the host %d:%d\n", st.st_uid, st.st_gid);
	check(!fstat(deleted, &st));
	note("deleted %d:%d\n", st.st_uid, st.st_gid);
	check(!fstat(listener, &st) && !st.st_uid && !st.st_gid);
	check(!fstat(chowned, &st) && st.st_uid == USER && st.st_gid == 3);
	check(!stat("/mnt/socket", &st));
	note("socket %d:%d\n", st.st_uid, st.st_gid);
	check(!fstat(queue, &st) && !mq_getattr(queue, &a));
	note("queue %d:%d, %ld messages\n", st.st_uid, st.st_gid, a.mq_curmsgs);
}

static void set_up(void)
{
	struct sockaddr_un name = { AF_UNIX, "/mnt/socket" };
	static volatile bool told;
	siginfo_t info;
	pthread_t t;

	check(!sethostname("inside", 6));
	own_proc();
	check(!mount("mine", "/mnt", "tmpfs", 0, "size=1m,mode=755"));
	check(!mkdir("/mnt/pts", 0755) && !mkdir("/mnt/sub", 0755));
	check(!mount("devpts", "/mnt/pts", "devpts", 0, "newinstance,mode=620,gid=5"));
	write_file("/mnt/root", "root's");
	write_file("/mnt/user", "a user's");
	check(!chown("/mnt/user", USER, USER));
	chowned = socket(AF_INET, SOCK_DGRAM, 0);
	check(!fchown(chowned, USER, 3));
	deleted = open("/mnt/gone", O_RDWR | O_CREAT, 0600);
	check(write(deleted, "gone", 4) == 4 && !fchown(deleted, USER, 3) &&
	      !unlink("/mnt/gone"));
	host_file = open(beside(".mine"), O_RDWR | O_CREAT, 0600);
	check(host_file >= 0);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	check(!bind(listener, (void *)&name, sizeof(name)) && !listen(listener, 1));
	check(!chown("/mnt/socket", USER, 0));
	queue = mq_open("/inside", O_RDWR | O_CREAT, 0600, NULL);
	check(!mq_send(queue, "message", 8, 3));
	user = kid(be_user, user_may);
	hidden = kid(hide, NULL);
	zombie = fork();
	if (!zombie)
		_exit(setresuid(USER, USER, USER) ? 1 : 7);
	check(!waitid(P_PID, zombie, &info, WEXITED | WNOWAIT));
	pthread_create(&t, NULL, thread, (void *)&told);
	while (!told)
		usleep(1000);
}

static int connects(void)
{
	struct sockaddr_un name = { AF_UNIX, "/mnt/socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), ret;

	ret = connect(fd, (void *)&name, sizeof(name));
	close(fd);
	return ret;
}

static void look(void)
{
	char path[48], c[8192];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/environ", hidden.pid);
	fd = open(path, O_RDONLY);
	check(fd >= 0);
	close(fd);
	check(says_yes(&user));
	check(says_yes(&hidden));
	check_fixed();
	check(!connects());
	check(mq_receive(queue, c, sizeof(c), NULL) == 8 && !strcmp(c, "message"));
	check(!mq_send(queue, "message", 8, 3));
}

static int run_container(void)
{
	struct stat st;
	char path[48];
	siginfo_t info;

	set_up();
	look();
	move(take_container);
	snprintf(path, sizeof(path), "/proc/%d", zombie);
	check(!stat(path, &st) && st.st_uid == USER);
	check(!waitid(P_PID, zombie, &info, WEXITED) && info.si_status == 7);
	look();
	check_rights();
	check_limits();
	return answer();
}

const struct kind container_kinds[] = {
	{ "container", run_container },
	{ }
};
