// SPDX-License-Identifier: GPL-2.0-or-later
/* The PROCESS object against what the program did and what /proc says. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lm.h"

static const struct obj *process(const struct dump *d, pid_t pid)
{
	const struct obj *o = find_obj(d, LIVEMIG_OBJ_PROCESS,
				       LIVEMIG_PROCESS_PID, pid);

	if (!o)
		bail("no PROCESS object for %d", pid);
	return o;
}

static void handler(int sig)
{
}

static void restorer_of(int sig)
{
	struct { void *h; unsigned long f; void *r; unsigned long m; } sa = {};

	syscall(13 /* rt_sigaction */, sig, NULL, &sa, 8);
	told->n[0] = (uint64_t)sa.h;
	told->n[1] = sa.f;
	told->n[2] = (uint64_t)sa.r;
	told->n[3] = sa.m;
}

static void facts_child(void)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct rlimit lim = { 77, 99 };
	struct itimerval it = { .it_value.tv_sec = 5000, .it_interval.tv_sec = 7 };
	struct itimerval prof = { .it_value.tv_sec = 3000, .it_interval.tv_sec = 2 };

	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	restorer_of(SIGUSR1);
	setrlimit(RLIMIT_NOFILE, &lim);
	setitimer(ITIMER_REAL, &it, NULL);
	setitimer(ITIMER_PROF, &prof, NULL);
	umask(0137);
	if (chdir("/usr/lib"))
		_exit(1);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_DUMPABLE, 0);
	ready();
}

static void test_facts(void)
{
	const struct livemig_sigaction *sa;
	const struct livemig_rlimit *lim;
	const struct livemig_itimer *it;
	const struct livemig_ns *ns;
	const struct obj *p;
	struct dump d;
	struct stat st;
	char path[64];
	size_t len;
	pid_t pid = spawn(facts_child);

	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	p = process(&d, pid);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_PPID), 0);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_PGID), pid);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_SID), pid);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_THREADS), 1);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_EXIT_SIGNAL), SIGCHLD);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_UMASK), 0137);
	CHECK_STR(attr_str(p, LIVEMIG_PROCESS_CWD), "/usr/lib");
	CHECK_STR(attr_str(p, LIVEMIG_PROCESS_ROOT), "/");
	CHECK_STR(attr_str(p, LIVEMIG_PROCESS_CGROUP), "");
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_DUMPABLE), 0);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_FLAGS), LIVEMIG_PROCESS_F_SUBREAPER);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_HOST_PID), pid);

	sa = attr_data(p, LIVEMIG_PROCESS_SIGACTIONS, &len);
	CHECK_EQ(len, 64 * sizeof(*sa));
	CHECK_EQ(sa[SIGUSR1 - 1].handler, told->n[0]);
	CHECK_EQ(sa[SIGUSR1 - 1].flags, told->n[1]);
	CHECK_EQ(sa[SIGUSR1 - 1].restorer, told->n[2]);
	CHECK_EQ(sa[SIGUSR1 - 1].mask, told->n[3]);
	CHECK_EQ(sa[SIGUSR1 - 1].mask, 1ULL << (SIGUSR2 - 1));
	CHECK_EQ(sa[SIGPIPE - 1].handler, 1);
	CHECK_EQ(sa[SIGTERM - 1].handler, 0);

	lim = attr_data(p, LIVEMIG_PROCESS_RLIMITS, &len);
	CHECK_EQ(len, 16 * sizeof(*lim));
	CHECK_EQ(lim[RLIMIT_NOFILE].cur, 77);
	CHECK_EQ(lim[RLIMIT_NOFILE].max, 99);

	it = attr_data(p, LIVEMIG_PROCESS_ITIMERS, &len);
	CHECK_EQ(len, 3 * sizeof(*it));
	CHECK(it[0].value > 4000000000000ULL && it[0].value <= 5000000000000ULL);
	CHECK_EQ(it[0].interval, 7000000000ULL);
	CHECK_EQ(it[1].value, 0);
	CHECK(it[2].value > 2000000000000ULL && it[2].value <= 3001000000000ULL);
	CHECK_EQ(it[2].interval, 2000000000ULL);

	ns = attr_data(p, LIVEMIG_PROCESS_NS, &len);
	CHECK_EQ(len, sizeof(*ns));
#define NS(field, name) do {						\
	snprintf(path, sizeof(path), "/proc/%d/ns/" name, pid);		\
	if (!stat(path, &st))						\
		CHECK_EQ(ns->field, st.st_ino);				\
} while (0)
	NS(uts, "uts");
	NS(ipc, "ipc");
	NS(pid, "pid");
	NS(net, "net");
	NS(user, "user");
	NS(cgroup, "cgroup");
	NS(time, "time");
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

static void signals_child(void)
{
	union sigval v = { .sival_int = 4711 };
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigqueue(getpid(), SIGRTMIN + 1, v);
	v.sival_int = 4712;
	sigqueue(getpid(), SIGRTMIN + 1, v);
	kill(getpid(), SIGUSR1);
	ready();
}

static void test_signals(void)
{
	const siginfo_t *si;
	struct dump d;
	size_t len;
	pid_t pid = spawn(signals_child);

	lm_freeze();
	lm_dump(&d);
	si = attr_data(process(&d, pid), LIVEMIG_PROCESS_SIGPENDING, &len);
	if (CHECK_EQ(len, 3 * sizeof(*si))) {
		CHECK_EQ(si[0].si_signo, SIGRTMIN + 1);
		CHECK_EQ(si[0].si_code, SI_QUEUE);
		CHECK_EQ(si[0].si_value.sival_int, 4711);
		CHECK_EQ(si[0].si_pid, pid);
		CHECK_EQ(si[1].si_value.sival_int, 4712);
		CHECK_EQ(si[2].si_signo, SIGUSR1);
		CHECK_EQ(si[2].si_code, SI_USER);
	}
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* A parent in the container, with a child in a cgroup below. */
static void family_child(void)
{
	pid_t pid = fork();
	int p[2];
	char c;

	if (pipe(p))
		_exit(1);
	if (!pid) {
		setpgid(0, 0);
		prctl(PR_SET_NAME, "kid");
		for (;;)
			pause();
	}
	(void)c;
	told->n[0] = pid;
	usleep(1000);
	setpgid(pid, pid);
	ready();
}

static void test_family(void)
{
	const struct obj *p;
	struct dump d;
	char path[128], text[16];
	int fd, n;
	pid_t pid = spawn(family_child), kid = told->n[0];

	snprintf(path, sizeof(path), "%s/below", lm_cgroup);
	mkdir(path, 0755);
	strcat(path, "/cgroup.procs");
	fd = open(path, O_WRONLY);
	n = snprintf(text, sizeof(text), "%d", kid);
	if (write(fd, text, n) != n)
		bail("%s: %m", path);
	close(fd);
	lm_freeze();
	lm_dump(&d);
	p = process(&d, kid);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_PPID), pid);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_PGID), kid);
	CHECK_EQ(attr_u32(p, LIVEMIG_PROCESS_SID), pid);
	CHECK_STR(attr_str(p, LIVEMIG_PROCESS_CGROUP), "below");
	CHECK(attr_u32(p, LIVEMIG_PROCESS_MM_ID) !=
	      attr_u32(process(&d, pid), LIVEMIG_PROCESS_MM_ID));
	CHECK(attr_u64(p, LIVEMIG_PROCESS_START_NS) >=
	      attr_u64(process(&d, pid), LIVEMIG_PROCESS_START_NS));
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	lm_dump_free(&d);
	lm_thaw();
	kill(kid, SIGKILL);
	kill_child(pid);
	*strrchr(path, '/') = '\0';
	for (n = 0; n < 6000 && rmdir(path); n++)
		usleep(10000);
}

/* On a running container the same, without registers. */
static void test_running(void)
{
	const struct obj *t;
	struct dump d;
	pid_t pid = spawn(facts_child);

	lm_dump(&d);
	t = find_obj(&d, LIVEMIG_OBJ_THREAD, LIVEMIG_THREAD_TID, pid);
	CHECK(t);
	CHECK(!attr(t, LIVEMIG_THREAD_REGS));
	CHECK(!attr(t, LIVEMIG_THREAD_XSTATE));
	CHECK_STR(attr_str(process(&d, pid), LIVEMIG_PROCESS_CWD), "/usr/lib");
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	lm_dump_free(&d);
	kill_child(pid);
}

/* Children come and go, mappings and files too, while it is dumped. */
static void churn_child(void)
{
	ready();
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		close(open("/etc/passwd", O_RDONLY));
	}
}

static void test_churn(void)
{
	struct dump d;
	pid_t pid = spawn(churn_child);
	int i;

	for (i = 0; i < 200; i++) {
		lm_dump(&d);
		CHECK(process(&d, pid));
		lm_dump_free(&d);
	}
	kill_child(pid);
}

const struct test tests_process[] = {
	{ "process_facts", test_facts },
	{ "process_signals", test_signals },
	{ "process_family", test_family },
	{ "process_running", test_running },
	{ "process_churn", test_churn },
	{}
};
