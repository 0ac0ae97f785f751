// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a process and its threads have set about themselves: all of it to odd
 * values, written down as text before and after.
 */
#include <asm/prctl.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/futex.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/membarrier.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

/* (<linux/sched/types.h> and <sched.h> do not go together) */
struct sched_attr {
	uint32_t size, sched_policy;
	uint64_t sched_flags;
	int32_t sched_nice;
	uint32_t sched_priority;
	uint64_t sched_runtime, sched_deadline, sched_period;
	uint32_t sched_util_min, sched_util_max;
};
#define SCHED_FLAG_RESET_ON_FORK	0x01
#define SCHED_FLAG_UTIL_CLAMP_MIN	0x20
#define SCHED_FLAG_UTIL_CLAMP_MAX	0x40

#define UID	1111
#define GID	2222

struct text {
	char buf[16384];
	size_t len;
};

static struct text before, after;

static __attribute__((format(printf, 2, 3)))
void say(struct text *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	t->len += vsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, fmt, args);
	va_end(args);
	if (t->len > sizeof(t->buf))
		t->len = sizeof(t->buf);
}

static void put_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);

	check(fd >= 0 && write(fd, text, strlen(text)) >= 0);
	close(fd);
}

/* The whole of a file; zeros become spaces. */
static void say_file(struct text *t, const char *file)
{
	char buf[4096];
	int fd = open(file, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	for (ssize_t i = 0; i < n; i++)
		if (!buf[i])
			buf[i] = ' ';
	buf[n > 0 ? n : 0] = 0;
	say(t, "%s: %s\n", file, buf);
}

/* Those lines of status that do not change by themselves. */
static void say_status(struct text *t)
{
	static const char *const keys[] = {
		"Name", "Umask", "Pid", "TracerPid", "Uid", "Gid", "Groups",
		"THP_enabled", "Threads", "SigPnd", "ShdPnd", "SigBlk", "SigIgn",
		"SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
		"NoNewPrivs", "Seccomp", "Seccomp_filters", "Cpus_allowed",
		"Mems_allowed", "Speculation_Store_Bypass",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		say(t, "%s: %s\n", keys[i], status_line(gettid(), keys[i]));
}

/* Those that a thread sets about itself. */
static void say_prctl(struct text *t)
{
	int tsc = -1;

	for (int i = PR_SPEC_STORE_BYPASS; i <= PR_SPEC_L1D_FLUSH; i++)
		say(t, "speculation %d %#x\n", i,
		    prctl(PR_GET_SPECULATION_CTRL, i, 0, 0, 0));
	say(t, "I/O flusher %d\n", prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));
	say(t, "memory errors %d\n", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	prctl(PR_GET_TSC, &tsc);
	say(t, "time stamp counter %d\n", tsc);
	say(t, "CPUID %ld\n", syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0));
}

/* The slice and the limits are the kernel's where they cannot be set. */
static void say_schedule(struct text *t)
{
	struct sched_attr a = { 0 };

	check(!syscall(SYS_sched_getattr, gettid(), &a, sizeof(a), 0));
	say(t, "schedule %u %#llx %d %u %llu %u %u\n", a.sched_policy,
	    (unsigned long long)a.sched_flags, a.sched_nice, a.sched_priority,
	    (unsigned long long)a.sched_runtime, a.sched_util_min, a.sched_util_max);
}

static void set_schedule(const struct sched_attr *a, unsigned int clamps)
{
	struct sched_attr with = *a;

	with.size = sizeof(with);
	check(!syscall(SYS_sched_setattr, 0, &with, 0));
	with.sched_flags |= clamps;
	if (syscall(SYS_sched_setattr, 0, &with, 0))
		check(errno == EOPNOTSUPP);	/* without CONFIG_UCLAMP_TASK */
}

static void say_thread(struct text *t)
{
	struct sched_param param = { 0 };
	unsigned long cpus[16] = { 0 };
	void *head = NULL;
	size_t len = 0;
	int sig = -1;

	say(t, "tid %d\n", gettid());
	say_status(t);
	say(t, "timer slack %d\n", prctl(PR_GET_TIMERSLACK));
	say(t, "personality %#x\n", personality(0xffffffff));
	say(t, "securebits %#x\n", prctl(PR_GET_SECUREBITS));
	prctl(PR_GET_PDEATHSIG, &sig);
	say(t, "pdeath_sig %d\n", sig);
	say(t, "nice %d\n", getpriority(PRIO_PROCESS, gettid()));
	sched_getparam(gettid(), &param);
	say(t, "policy %#x %d\n", sched_getscheduler(gettid()), param.sched_priority);
	syscall(SYS_sched_getaffinity, gettid(), sizeof(cpus), cpus);
	say(t, "affinity %lx %lx\n", cpus[0], cpus[1]);
	say(t, "ioprio %#lx\n", syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, gettid()));
	say(t, "fsuid %d fsgid %d\n", (int)syscall(SYS_setfsuid, -1),
	    (int)syscall(SYS_setfsgid, -1));
	syscall(SYS_get_robust_list, 0, &head, &len);
	say(t, "robust list %p %zu\n", head, len);
	say_schedule(t);
	say_prctl(t);
}

static const struct {
	int command, registers;
} barriers[] = {
	{ MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED },
	{ MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE,
	  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE },
	{ MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ,
	  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ },
	{ 0, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED },	/* the last one tells */
};

static void say_process(struct text *t)
{
	int reaper = -1;

	say(t, "dumpable %d\n", prctl(PR_GET_DUMPABLE));
	say(t, "THP disabled %d\n", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	say(t, "no new code %d\n", prctl(PR_GET_MDWE, 0, 0, 0, 0));
	say(t, "merged %d\n", prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0));
	prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	say(t, "subreaper %d\n", reaper);
	/* Those that nobody has registered for are refused. */
	for (int i = 0; i < 3; i++)
		say(t, "barrier %ld\n", syscall(SYS_membarrier, barriers[i].command, 0, 0));
	say(t, "barriers %ld\n", syscall(SYS_membarrier, 1 << 9 /* GET_REGISTRATIONS */, 0, 0));
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit l;

		getrlimit(i, &l);
		say(t, "limit %d %lu %lu\n", i, l.rlim_cur, l.rlim_max);
	}
	say_file(t, "/proc/self/cmdline");
	say_file(t, "/proc/self/environ");
	say_file(t, "/proc/self/oom_score_adj");
	say_file(t, "/proc/self/coredump_filter");
	say_file(t, "/proc/self/loginuid");
	say_file(t, "/proc/self/comm");
}

static void compare(void)
{
	const char *a = before.buf, *b = after.buf;

	while (*a || *b) {
		int la = strcspn(a, "\n"), lb = strcspn(b, "\n");

		if (la != lb || memcmp(a, b, la)) {
			snprintf(wrong, sizeof(wrong), "was \"%.*s\", is \"%.*s\"",
				 la, a, lb, b);
			return;
		}
		a += la + !!a[la];
		b += lb + !!b[lb];
	}
}

/* ---- a thread that has other credentials and another policy ---- */

static pthread_t thread;
static volatile int turn, done;

static void *other(void *arg)
{
	gid_t groups[] = { 7, 77, 777 };

	check(!prctl(PR_SET_NAME, "an odd thread"));
	check(!prctl(PR_SET_TIMERSLACK, 7654321));
	check(!setpriority(PRIO_PROCESS, gettid(), -7));
	set_schedule(&(struct sched_attr){
		.sched_policy = SCHED_FIFO, .sched_priority = 3, .sched_util_max = 222,
		.sched_flags = SCHED_FLAG_RESET_ON_FORK,
	}, SCHED_FLAG_UTIL_CLAMP_MAX);
	check(!syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		       IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 2)));
	check(!prctl(PR_SET_PDEATHSIG, SIGUSR2));
	check(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	check(!prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0));
	check(!prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	check(!prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0));
	/* (what not every CPU has) */
	prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0);
	prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, PR_SPEC_FORCE_DISABLE, 0, 0);
	syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
	/* The system calls themselves: the library's change all threads. */
	check(!syscall(SYS_setgroups, 3, groups));
	check(!syscall(SYS_setresgid, GID, GID + 1, GID + 2));
	check(!syscall(SYS_setresuid, UID, UID + 1, UID + 2));
	for (int next = 1; ; next++) {
		done = next;
		while (turn < next)
			usleep(1000);
		say_thread(turn == 1 ? &before : &after);
	}
	return NULL;
}

static void ask_thread(void)
{
	turn++;
	while (done <= turn)
		usleep(1000);
}

/* What setproctitle() does: the program's own words where they were. */
static void rename_program(void)
{
	char buf[4096], *start = (char *)stat_field(getpid(), 48);
	char *end = (char *)stat_field(getpid(), 49);

	snprintf(buf, sizeof(buf), "renamed: odd title");
	check(end > start);
	memset(start, 0, end - start);
	strncpy(start, buf, end - start - 1);
}

static void set_attrs(void)
{
	struct rlimit limit = { 123, 4567 };
	gid_t groups[] = { 5, 55, 555, 5555 };

	check(!personality(ADDR_NO_RANDOMIZE | STICKY_TIMEOUTS));
	check(!setrlimit(RLIMIT_MSGQUEUE, &limit));
	check(!setpriority(PRIO_PROCESS, 0, 5));
	set_schedule(&(struct sched_attr){
		.sched_policy = SCHED_BATCH, .sched_nice = 5, .sched_runtime = 7777777,
		.sched_util_min = 111, .sched_util_max = 999,
	}, SCHED_FLAG_UTIL_CLAMP_MIN | SCHED_FLAG_UTIL_CLAMP_MAX);
	check(!syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		       IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6)));
	check(!prctl(PR_SET_TIMERSLACK, 123456));
	check(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	check(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	check(!prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0));
	prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE_NOEXEC, 0, 0);
	check(!prctl(PR_SET_NAME, "odd) R 1 (name"));
	for (int i = 0; i < 4; i++)
		check(!syscall(SYS_membarrier, barriers[i].registers, 0, 0));
	put_file("/proc/self/oom_score_adj", "123");
	put_file("/proc/self/coredump_filter", "0x1d");
	put_file("/proc/self/loginuid", "4321");
	rename_program();
	umask(0146);
	check(!setgroups(4, groups));
	check(!pthread_create(&thread, NULL, other, NULL));
	while (!done)
		usleep(1000);
	check(!prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_KEEP_CAPS |
		     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED));
	check(!prctl(PR_CAPBSET_DROP, 33 /* CAP_MAC_ADMIN */, 0, 0, 0));
	check(!prctl(PR_SET_DUMPABLE, 0));
	say_process(&before);
	say_thread(&before);
	ask_thread();
}

static void get_attrs(void)
{
	say_process(&after);
	say_thread(&after);
	ask_thread();
	compare();
	check(before.len > 1000 && before.len < sizeof(before.buf) &&
	      after.len == before.len);
}

/* ---- speculation, where the CPU and the kernel leave it to programs ---- */

static const char *no_choice(void)
{
	int is = prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0);

	return is > 0 && is & PR_SPEC_PRCTL ? NULL :
	       "speculation cannot be chosen on this CPU, or with mitigations=off";
}

static void *chooser(void *arg)
{
	done = 1;
	while (!turn)
		usleep(1000);
	check(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0) ==
	      (PR_SPEC_PRCTL | PR_SPEC_ENABLE));
	turn = 2;
	return NULL;
}

static void set_speculation(void)
{
	check(!pthread_create(&thread, NULL, chooser, NULL));
	while (!done)
		usleep(1000);
	check(!prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS,
		     PR_SPEC_FORCE_DISABLE, 0, 0));
}

static void get_speculation(void)
{
	check(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0) ==
	      (PR_SPEC_PRCTL | PR_SPEC_FORCE_DISABLE));
	turn = 1;
	while (turn == 1)
		usleep(1000);
}

/* ---- keys: they stay behind, and the program goes on without ---- */

static pid_t relative;

static long keyctl(int what, long a, long b)
{
	return syscall(SYS_keyctl, what, a, b, 0, 0);
}

static const char *no_keys(void)
{
	return keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0) >= 0 ||
	       errno != ENOSYS ? NULL : "this kernel has no keys";
}

static void set_keys(void)
{
	check(keyctl(KEYCTL_JOIN_SESSION_KEYRING, (long)"odd session", 0) > 0);
	for (int i = 0; i < 2; i++)
		check(syscall(SYS_add_key, "user", i ? "one" : "two", "secret", 6,
			      KEY_SPEC_SESSION_KEYRING) > 0);
	/* (of the user; it has what we do not know) */
	check(!keyctl(KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING));
	relative = waiter(NULL);
}

static void get_keys(void)
{
	check(!kill(relative, SIGUSR1) && status_of(relative) == 7 << 8);
}

/* ---- no memory becomes code any more ---- */

static const char *no_mdwe(void)
{
	return prctl(PR_GET_MDWE, 0, 0, 0, 0) >= 0 ? NULL :
	       "PR_SET_MDWE is there from Linux 6.3 on";
}

static char *plain;

static void set_mdwe(void)
{
	plain = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(plain != MAP_FAILED);
	check(!prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0));
}

static void get_mdwe(void)
{
	check(prctl(PR_GET_MDWE, 0, 0, 0, 0) == PR_MDWE_REFUSE_EXEC_GAIN);
	check(mprotect(plain, 4096, PROT_READ | PROT_EXEC) && errno == EACCES);
}

/* ---- all memory may be merged, but for what was taken out ---- */

static const char *no_merge(void)
{
	return prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) >= 0 ? NULL :
	       "PR_SET_MEMORY_MERGE is there from Linux 6.4 on";
}

static void set_merge(void)
{
	plain = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	check(plain != MAP_FAILED);
	check(!prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0));
	check(!madvise(plain + 4096, 4096, MADV_UNMERGEABLE));
}

/* Does the mapping at @p have the flag "mg"? */
static bool is_mergeable(const char *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool in = false, is = false;
	unsigned long start, end;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			in = (unsigned long)p >= start && (unsigned long)p < end;
		else if (in && !strncmp(line, "VmFlags:", 8))
			is = strstr(line, " mg");
	}
	if (f)
		fclose(f);
	return is;
}

static void get_merge(void)
{
	check(prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) == 1);
	check(is_mergeable(plain) && !is_mergeable(plain + 4096));
	plain = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(plain != MAP_FAILED && is_mergeable(plain));
}

const struct test attr_tests[] = {
	{ "attrs", set_attrs, get_attrs },
	{ "keys", set_keys, get_keys, no_keys },
	{ "speculation", set_speculation, get_speculation, no_choice },
	{ "mdwe", set_mdwe, get_mdwe, no_mdwe },
	{ "merge", set_merge, get_merge, no_merge },
	{ }
};
