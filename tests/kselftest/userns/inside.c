// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inside KIND FILE [CGROUP] - user namespaces of a container. What is to be the same
 * afterwards is noted before FILE.ready is made and after FILE.go is there (meanwhile
 * it is dumped, killed and restored); then it tries what it may and may not do, and
 * writes "ok" or what is wrong to FILE.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <linux/securebits.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#include "inside.h"

#define USER	1000		/* somebody inside */

char wrong[1024];
static const char *file, *self;
static char notes[65536], before[65536];
static size_t len;

/* ---- what is noted ---- */

void note_begin(void)
{
	len = 0;
}

void note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	len += vsnprintf(notes + len, sizeof(notes) - len, format, ap);
	va_end(ap);
	if (len >= sizeof(notes))
		_exit(8);
}

/* Lines of a file in /proc that begin with one of @words, without the first
 * @skip words.
 */
static void note_lines(const char *path, const char *const *words, int skip)
{
	char line[1024];
	FILE *f = fopen(path, "r");

	check(f);
	while (f && fgets(line, sizeof(line), f)) {
		char *p = line;

		for (int i = 0; i < skip; i++)
			p = strchr(p, ' ') + 1;
		for (const char *const *w = words; *w; w++)
			if (!strncmp(p, *w, strlen(*w)) || (skip && strstr(p, *w)))
				note("%s: %s", path, p);
	}
	if (f)
		fclose(f);
}

static void note_owners(pid_t pid)
{
	static const char *const kinds[] = { "uts", "ipc", "net", "mnt", "pid", "cgroup" };
	char path[64];
	struct stat st, owner;
	int fd, user;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	check(!stat(path, &st));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kinds[i]);
		fd = open(path, O_RDONLY);
		user = ioctl(fd, NS_GET_USERNS);
		if (user >= 0 && fstat(user, &owner))
			_exit(8);
		note("%s: %s\n", path, user < 0 ? "of nobody inside" :
		     owner.st_ino == st.st_ino ? "its own" : "another's");
		if (user >= 0)
			close(user);
		close(fd);
	}
}

void note_process(pid_t pid)
{
	static const char *const status[] = {
		"Name", "Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Threads", NULL
	};
	static const char *const all[] = { "", NULL };
	static const char *const maps[] = { "uid_map", "gid_map", "projid_map", "setgroups" };
	char path[64];
	struct dirent *d;
	struct stat st;
	DIR *dir;

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, maps[i]);
		note_lines(path, all, 0);
	}
	snprintf(path, sizeof(path), "/proc/%d", pid);
	check(!stat(path, &st));
	note("%s: owner %d:%d\n", path, st.st_uid, st.st_gid);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	check(dir);
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/status", pid, d->d_name);
		if (*d->d_name != '.')
			note_lines(path, status, 0);
	}
	if (dir)
		closedir(dir);
	if (pid == getpid())
		note("securebits %#x\n", prctl(PR_GET_SECUREBITS));
}

/* ---- the test ---- */

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
}

void map_of(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY);
	check(fd >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
}

static char *beside(const char *suffix)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s%s", file, suffix);
	return path;
}

void wait_for_move(void)
{
	write_file(beside(".ready"), wrong);
	while (access(beside(".go"), F_OK))
		usleep(10000);
}

static void compare(void (*take)(void))
{
	note_begin();
	take();
	if (!strcmp(notes, before))
		return;
	write_file(beside(".before"), before);
	write_file(beside(".after"), notes);
	check(!"the same as before");
}

static void move(void (*take)(void))
{
	note_begin();
	take();
	memcpy(before, notes, sizeof(before));
	wait_for_move();
	compare(take);
}

static int answer(void)
{
	write_file(beside(""), *wrong ? wrong : "ok");
	return 0;
}

/* A child that calls @fn when it is asked, with the result for an answer. */
struct kid {
	pid_t pid;
	int fd;
};

static struct kid kid_begin(void (*become)(void), bool (*fn)(void))
{
	int sv[2];
	struct kid k;
	char c;

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	k.fd = sv[0];
	k.pid = fork();
	if (k.pid) {
		close(sv[1]);
		return k;
	}
	become();
	if (*wrong)
		write_file(beside(".ready"), wrong);
	for (;;) {
		c = fn ? fn() : 1;
		if (write(sv[1], &c, 1) != 1 || read(sv[1], &c, 1) != 1)
			_exit(0);
	}
}

static bool kid_ready(struct kid *k)
{
	char c;

	return read(k->fd, &c, 1) == 1;
}

static struct kid kid(void (*become)(void), bool (*fn)(void))
{
	struct kid k = kid_begin(become, fn);

	check(kid_ready(&k));
	return k;
}

static bool says_yes(struct kid *k)
{
	char c = 0;

	return write(k->fd, "?", 1) == 1 && read(k->fd, &c, 1) == 1 && c == 1;
}

/* ---- a container ---- */

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

static void own_proc(void)
{
	check(!mount("", "/", "", MS_REC | MS_PRIVATE, ""));
	check(!mount("proc", "/proc", "proc", 0, ""));
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

/* As runtimes do it: from outside of the box, which gets the child, a program of @kind. */
static int found(const char *kind, const char *cgroup)
{
	int p[2];
	char c, text[16];
	pid_t pid;

	if (pipe(p))
		return 1;
	pid = syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
		      CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET, 0, 0, 0, 0);
	if (!pid) {
		close(p[1]);
		if (read(p[0], &c, 1) != 1 || setgroups(0, NULL) || setresgid(0, 0, 0) ||
		    setresuid(0, 0, 0) || unshare(CLONE_NEWCGROUP))
			_exit(1);
		execl(self, self, kind, file, NULL);
		_exit(1);
	}
	map_of(pid, "uid_map", "0 100000 2000\n3000 150000 10");
	map_of(pid, "gid_map", "0 200000 2000");
	snprintf(text, sizeof(text), "%d", pid);
	write_file(cgroup, text);
	return write(p[1], "", 1) == 1 && !*wrong ? 0 : 1;
}

/* ---- no more than that, by somebody who is nobody ---- */

static void take_self(void)
{
	uid_t owner = -1;
	int fd = open("/proc/self/ns/user", O_RDONLY);

	check(!ioctl(fd, NS_GET_OWNER_UID, &owner));
	close(fd);
	note_process(getpid());
	note_owners(getpid());
	note("its creator is %u\n", owner);
}

static void be_alone(void)
{
	static const gid_t groups[] = { 1000, 27 };

	check(!setgroups(2, groups) && !setresgid(1000, 1000, 1000) &&
	      !setresuid(1000, 1000, 1000) && !prctl(PR_SET_DUMPABLE, 1));
	check(!unshare(CLONE_NEWUSER | CLONE_NEWUTS));
	map_of(getpid(), "setgroups", "deny");
	map_of(getpid(), "uid_map", "0 1000 1");
	map_of(getpid(), "gid_map", "0 1000 1");
}

static int run_alone(void)
{
	be_alone();
	move(take_self);
	check(setgroups(0, NULL) && errno == EPERM);
	check(!sethostname("alone", 5));
	check_limits();
	return answer();
}

/* ---- some processes of a container ---- */

static struct kid first, second, unwritten;

static void own_uts(void)
{
	check(!unshare(CLONE_NEWUSER | CLONE_NEWUTS));
}

static void own_user(void)
{
	check(!unshare(CLONE_NEWUSER));
}

static bool renames(void)
{
	char name[64] = "";

	return !sethostname("first", 5) && !gethostname(name, sizeof(name)) &&
	       !strcmp(name, "first");
}

/* What is not its user namespace's. */
static bool renames_not(void)
{
	return sethostname("no", 2) && errno == EPERM;
}

static void take_some(void)
{
	const struct kid *all[] = { &first, &second, &unwritten };

	note_process(getpid());
	for (int i = 0; i < 3; i++) {
		note_process(all[i]->pid);
		note_owners(all[i]->pid);
	}
}

static int run_some(void)
{
	first = kid(own_uts, renames);
	second = kid(own_user, NULL);
	unwritten = kid(own_user, NULL);
	map_of(first.pid, "uid_map", "0 0 1\n10 300000 5");
	map_of(first.pid, "gid_map", "0 0 1");
	map_of(second.pid, "uid_map", "5 0 10");
	move(take_some);
	check(says_yes(&first) && says_yes(&second) && says_yes(&unwritten));
	return answer();
}

/* ---- one in another one ---- */

static struct kid outer, inner;
static pid_t *inner_pid;	/* shared: only its parent is told */

/* As somebody who has an id in all of them. */
static void be_inner(void)
{
	static const gid_t group = 2;

	check(!unshare(CLONE_NEWUSER | CLONE_NEWUTS));
	check(!raise(SIGSTOP));		/* until it has maps */
	check(!setgroups(1, &group) && !setresgid(1, 1, 1));
	check(!prctl(PR_SET_KEEPCAPS, 1) && !setresuid(1, 1, 1));
	check(!prctl(PR_SET_DUMPABLE, 1));
}

static bool inner_may(void)
{
	return setresuid(7, -1, -1) && getuid() == 1;	/* (7 is nobody there) */
}

/* First without maps, then it makes the inner one, from then on it asks that. */
static bool outer_may(void)
{
	static int calls;
	int status;

	switch (calls++) {
	case 0:
		return true;
	case 1:
		/* Not as root, with its capabilities. */
		if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) ||
		    setresgid(20, 20, 20) || setresuid(20, 20, 20) ||
		    prctl(PR_SET_DUMPABLE, 1) || !renames())
			return false;
		inner = kid_begin(be_inner, inner_may);
		*inner_pid = inner.pid;
		if (waitpid(inner.pid, &status, WUNTRACED) != inner.pid || !WIFSTOPPED(status))
			return false;
		map_of(inner.pid, "uid_map", "0 20 2\n4 10 3");
		map_of(inner.pid, "gid_map", "0 20 3");
		kill(inner.pid, SIGCONT);
		return kid_ready(&inner) && !*wrong;
	default:
		return renames() && says_yes(&inner);
	}
}

static void take_within(void)
{
	char path[64];
	struct stat parent, st;
	int fd, up;

	note_process(outer.pid);
	note_owners(outer.pid);
	note_process(*inner_pid);
	note_owners(*inner_pid);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", outer.pid);
	check(!stat(path, &parent));
	snprintf(path, sizeof(path), "/proc/%d/ns/user", *inner_pid);
	fd = open(path, O_RDONLY);
	up = ioctl(fd, NS_GET_PARENT);
	check(up >= 0 && !fstat(up, &st) && st.st_ino == parent.st_ino);
	close(up);
	close(fd);
}

static int run_within(void)
{
	inner_pid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	outer = kid(own_uts, outer_may);
	map_of(outer.pid, "uid_map", "0 0 1\n10 300000 50");
	map_of(outer.pid, "gid_map", "0 0 1\n10 400000 50");
	check(says_yes(&outer) && says_yes(&outer));
	move(take_within);
	check(says_yes(&outer));
	return answer();
}

/* ---- maps of many lines ---- */

#define UID_LINES	340	/* as many as a map may have, */
#define GID_LINES	125	/* one more than /proc shows in a page */

/* Every @first-th id is one of every @there-th above, the other way round: no line
 * continues another.
 */
static void map_many(pid_t of, const char *name, int lines, int first, int there)
{
	char text[4096];
	int n = 0;

	for (int i = 0; i < lines; i++)
		n += snprintf(text + n, sizeof(text) - n, "%d %d 1\n", first * i,
			      there * (lines - 1 - i));
	map_of(of, name, text);
}

/* Root is the last one that it knows, and it knows no odd ones. */
static bool knows_last(void)
{
	return getuid() == 2 * (UID_LINES - 1) && getgid() == 2 * (GID_LINES - 1) &&
	       setresuid(-1, 1, -1) && errno == EINVAL;
}

static bool inner_knows(void)
{
	static int calls;

	return !calls++ || (!getuid() && !getgid() && !setresuid(-1, UID_LINES - 1, -1) &&
			    !setresuid(-1, 0, -1));
}

/* First without maps, then it makes the inner one, from then on it asks that. */
static bool wide_may(void)
{
	static int calls;

	switch (calls++) {
	case 0:
		return true;
	case 1:
		inner = kid_begin(own_user, inner_knows);
		*inner_pid = inner.pid;
		if (!kid_ready(&inner))
			return false;
		map_many(inner.pid, "uid_map", UID_LINES, 1, 2);
		map_many(inner.pid, "gid_map", GID_LINES, 1, 2);
		return knows_last() && !*wrong;
	default:
		return knows_last() && says_yes(&inner);
	}
}

static void take_many(void)
{
	note_process(outer.pid);
	note_process(*inner_pid);
}

static int lines_of(pid_t pid, const char *name)
{
	char path[64], line[128];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

static int run_many(void)
{
	inner_pid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	outer = kid(own_user, wide_may);
	map_many(outer.pid, "uid_map", UID_LINES, 2, 1);
	map_many(outer.pid, "gid_map", GID_LINES, 2, 1);
	check(says_yes(&outer) && says_yes(&outer));
	check(lines_of(outer.pid, "uid_map") == UID_LINES);
	check(lines_of(*inner_pid, "gid_map") == GID_LINES);
	move(take_many);
	check(says_yes(&outer));
	return answer();
}

/* ---- threads in pid namespaces ---- */

static pid_t thread_tid;

static void *called(void *arg)
{
	__atomic_store_n(&thread_tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	for (;;)
		pause();
	return NULL;
}

/* Init of a pid namespace. */
static void with_thread(void)
{
	pthread_t t;

	check(getpid() == 1);
	check(!pthread_create(&t, NULL, called, NULL));
	while (!__atomic_load_n(&thread_tid, __ATOMIC_ACQUIRE))
		usleep(1000);
}

static bool called_as_before(void)
{
	return getpid() == 1 && thread_tid == 2 && !syscall(SYS_tgkill, 1, thread_tid, 0);
}

static struct kid deep;

static void take_deep(void)
{
	note_process(deep.pid);
	note_owners(deep.pid);
}

/* In one that is in that of the container; both belong to its user namespace. */
static int run_levels(void)
{
	own_proc();
	check(!unshare(CLONE_NEWPID));
	deep = kid(with_thread, called_as_before);
	check(says_yes(&deep));
	move(take_deep);
	check(says_yes(&deep));
	return answer();
}

/* ---- what is refused ---- */

/* The one that they are in belongs to their user namespace, the host's around it does
 * not.
 */
static int run_ancestor(void)
{
	check(!unshare(CLONE_NEWUSER | CLONE_NEWPID));
	deep = kid(with_thread, called_as_before);
	wait_for_move();
	check(says_yes(&deep));
	return answer();
}

/* The program was started in the container's user namespace, and goes on in another one
 * below that.
 */
static int run_above(void)
{
	deep = kid(own_user, renames_not);
	wait_for_move();
	check(says_yes(&deep));
	return answer();
}

static int run_nested(void)
{
	check(!unshare(CLONE_NEWUSER));
	map_of(getpid(), "uid_map", "0 0 1");
	map_of(getpid(), "setgroups", "deny");
	map_of(getpid(), "gid_map", "0 0 1");
	check(!unshare(CLONE_NEWUSER));
	wait_for_move();
	return answer();
}

static void *idle(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static int run_threads(void)
{
	pthread_t t;

	check(!unshare(CLONE_NEWUSER));
	check(!pthread_create(&t, NULL, idle, NULL));
	wait_for_move();
	return answer();
}

/* Two directories of its own tmpfs, one above the other. */
static int run_overlay(void)
{
	own_proc();
	check(!mount("mine", "/mnt", "tmpfs", 0, "size=1m,mode=755"));
	check(!mkdir("/mnt/low", 0755) && !mkdir("/mnt/high", 0755) && !mkdir("/mnt/over", 0755));
	write_file("/mnt/low/file", "low");
	check(!mount("mine", "/mnt/over", "overlay", 0, "lowerdir=/mnt/high:/mnt/low"));
	wait_for_move();
	check(!access("/mnt/over/file", R_OK));
	return answer();
}

/* A map that somebody outside writes, while @ask is read. */
static pid_t mapper(int ask)
{
	pid_t of = getpid(), pid = fork();
	char c;

	if (pid)
		return pid;
	if (read(ask, &c, 1) != 1)
		_exit(1);
	map_of(of, "uid_map", "0 100000 2000");
	map_of(of, "gid_map", "0 200000 2000");
	_exit(*wrong ? 1 : 0);
}

/* All threads were root of the host, whom the namespace does not know; the first one
 * has become root of the namespace. @procs: of the box.
 */
static int become_root(int procs)
{
	pthread_t t;

	check(getpid() == 1);
	check(write(procs, "0", 1) == 1);
	close(procs);
	check(!pthread_create(&t, NULL, idle, NULL));
	check(!syscall(SYS_setgroups, 0, NULL) && !syscall(SYS_setresgid, 0, 0, 0) &&
	      !syscall(SYS_setresuid, 0, 0, 0));
	wait_for_move();
	return answer();
}

/* Who is in the pid namespace above stays outside of the box: threads in there could not
 * be numbered either.
 */
static int found_strangers(const char *cgroup)
{
	int ask[2], procs = open(cgroup, O_WRONLY | O_CLOEXEC), status = 1;
	pid_t pid;

	check(procs >= 0 && !pipe(ask));
	pid = mapper(ask[0]);
	check(!unshare(CLONE_NEWUSER | CLONE_NEWPID));
	check(write(ask[1], "", 1) == 1);
	check(waitpid(pid, &status, 0) == pid && !status);
	pid = fork();
	if (!pid)
		_exit(become_root(procs));
	return pid > 0 && !*wrong ? 0 : 1;
}

static int run_waiting(void)
{
	wait_for_move();
	return answer();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} kinds[] = {
		{ "init", run_container }, { "alone", run_alone }, { "some", run_some },
		{ "within", run_within }, { "many", run_many }, { "levels", run_levels },
		{ "nested", run_nested }, { "threads", run_threads },
		{ "ancestor", run_ancestor }, { "above", run_above },
		{ "foreign", run_waiting }, { "overlay", run_overlay },
	};

	self = argv[0];
	file = argv[2];
	if (argc == 4 && !strcmp(argv[1], "strangers"))
		return found_strangers(argv[3]);
	if (argc == 4)
		return found(strcmp(argv[1], "container") ? argv[1] : "init", argv[3]);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(argv[1], kinds[i].name))
			return kinds[i].run();
	return 2;
}
