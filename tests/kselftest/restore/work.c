// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * work MODE FILE - a program with state in memory, threads and attributes. It
 * makes FILE.ready, goes on until FILE.go is there, and writes "ok" or what is
 * wrong to FILE.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <immintrin.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../check.h"

#define THREADS	6
#define PAGE	4096

char wrong[1024];
static const char *base;
static atomic_int stop;

static const char *name(const char *suffix)
{
	static __thread char buf[512];

	snprintf(buf, sizeof(buf), "%s.%s", base, suffix);
	return buf;
}

static void write_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
}

/* ---- threads ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t robust;
static pthread_barrier_t all;
static __thread unsigned long own;
static unsigned long counter, turns[THREADS];
static int wake[2];

/* Registers keep a pattern that no other thread has while it spins. */
__attribute__((target("avx2"))) static int hold_avx(unsigned int seed)
{
	__m256i x = _mm256_set1_epi32(seed * 0x01010101), y = x;

	for (int i = 0; i < 20000; i++) {
		__asm__ volatile("vpaddd %1, %0, %0\n\tvpsubd %1, %0, %0"
				 : "+x"(x) : "x"(y));
	}
	x = _mm256_cmpeq_epi32(x, y);
	return _mm256_movemask_epi8(x) == -1;
}

static double hold_x87(double v)
{
	long double x = v;

	for (int i = 0; i < 20000; i++)
		__asm__ volatile("fchs\n\tfchs" : "+t"(x));
	return x;
}

static void *spin(void *arg)
{
	unsigned int id = (uintptr_t)arg;
	bool avx = __builtin_cpu_supports("avx2");

	own = id * 1000;
	pthread_barrier_wait(&all);
	while (!stop) {
		if (avx)
			check(hold_avx(id + 1));
		check(hold_x87(id + 0.5) == id + 0.5);
		pthread_mutex_lock(&mutex);
		counter++;
		turns[id]++;
		pthread_mutex_unlock(&mutex);
	}
	check(own == id * 1000);
	return (void *)(uintptr_t)(id * 3);
}

static void *wait_cond(void *arg)
{
	pthread_barrier_wait(&all);
	pthread_mutex_lock(&mutex);
	while (!stop)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void *wait_poll(void *arg)
{
	struct pollfd p = { .fd = wake[0], .events = POLLIN };

	pthread_setname_np(pthread_self(), "poller");
	pthread_barrier_wait(&all);
	check(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
	check(stop);
	return arg;
}

static void interrupt(int sig)
{
}

/* Sleeps until a signal comes, with less time left than in the beginning. */
static void *wait_sleep(void *arg)
{
	struct timespec t = { 1000, 0 }, left = { 2000, 0 };

	pthread_barrier_wait(&all);
	check(nanosleep(&t, &left) && errno == EINTR && stop);
	check(left.tv_sec > 0 && left.tv_sec < 1000);
	return arg;
}

static pthread_t thread[THREADS + 3];

static void set_threads(void)
{
	struct sigaction sa = { .sa_handler = interrupt };
	pthread_mutexattr_t attr;

	check(!sigaction(SIGUSR1, &sa, NULL));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	pthread_mutex_lock(&robust);
	check(!pipe(wake));
	pthread_barrier_init(&all, NULL, THREADS + 4);
	for (uintptr_t i = 0; i < THREADS; i++)
		check(!pthread_create(&thread[i], NULL, spin, (void *)i));
	check(!pthread_create(&thread[THREADS], NULL, wait_cond, NULL));
	check(!pthread_create(&thread[THREADS + 1], NULL, wait_poll, NULL));
	check(!pthread_create(&thread[THREADS + 2], NULL, wait_sleep, NULL));
	pthread_barrier_wait(&all);
	for (int i = 0; i < THREADS; i++)
		while (!*(volatile unsigned long *)&turns[i])
			usleep(1000);
}

static void get_threads(void)
{
	unsigned long sum = 0;
	void *ret;

	stop = 1;
	check(write(wake[1], "x", 1) == 1);
	pthread_mutex_lock(&mutex);
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	pthread_kill(thread[THREADS + 2], SIGUSR1);
	for (uintptr_t i = 0; i < THREADS + 3; i++) {
		check(!pthread_join(thread[i], &ret));
		check((uintptr_t)ret == (i < THREADS ? i * 3 : 0));
	}
	for (int i = 0; i < THREADS; i++) {
		check(turns[i]);
		sum += turns[i];
	}
	check(sum == counter);
	check(!pthread_mutex_unlock(&robust));
}

/* ---- memory ---- */

static unsigned char *mem, *locked, *file, *odd, *sealed;
static const size_t mem_len = 4 << 20;

static unsigned char pattern(size_t i)
{
	return i * 131 + i / 4096 * 17;
}

static void set_memory(void)
{
	int fd;

	mem = mmap(NULL, mem_len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < mem_len; i += 64)
		mem[i] = pattern(i);
	madvise(mem + (1 << 20), 1 << 20, MADV_DONTNEED);
	mprotect(mem + 8 * PAGE, PAGE, PROT_NONE);
	mprotect(mem + 10 * PAGE, PAGE, PROT_READ);
	madvise(mem + 20 * PAGE, PAGE, MADV_DONTFORK);
	madvise(mem + 30 * PAGE, PAGE, MADV_DONTDUMP);
	locked = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mlock(locked, 8 * PAGE);
	strcpy((char *)locked + 5 * PAGE, "locked");
	odd = mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		   MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	strcpy((char *)odd + (777 << 12), "sparse");
	write_file(name("map"), "0123456789");
	fd = open(name("map"), O_RDWR);
	file = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	file[3] = 'X';
	close(fd);
	sealed = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		      MAP_ANONYMOUS, -1, 0);
	strcpy((char *)sealed, "no access");
	mprotect(sealed, PAGE, PROT_NONE);
	check(sbrk(40 * PAGE) != (void *)-1);
	memset((char *)sbrk(0) - PAGE, 'b', PAGE);
}

static void get_memory(void)
{
	unsigned char vec[2] = { 0 };

	for (size_t i = 0; i < mem_len; i += 64) {
		if (i / PAGE == 8)
			continue;
		if (i >= 1 << 20 && i < 2 << 20)
			check(mem[i] == 0);
		else
			check(mem[i] == pattern(i));
	}
	mprotect(mem + 8 * PAGE, PAGE, PROT_READ);
	check(mem[8 * PAGE] == pattern(8 * PAGE));
	check(!strcmp((char *)locked + 5 * PAGE, "locked"));
	check(!strcmp((char *)odd + (777 << 12), "sparse"));
	check(!mincore(odd, PAGE, vec) && !(vec[0] & 1));
	check(!memcmp(file, "012X456789", 10));
	mprotect(sealed, PAGE, PROT_READ);
	check(!strcmp((char *)sealed, "no access"));
	check(*((char *)sbrk(0) - PAGE) == 'b');
	check(sbrk(PAGE) != (void *)-1);
}

/* ---- signals ---- */

static volatile sig_atomic_t seen, on_stack;
static char stack[65536];

static void handler(int sig, siginfo_t *si, void *ctx)
{
	char here;

	seen = si->si_value.sival_int;
	on_stack = &here >= stack && &here < stack + sizeof(stack);
}

static void set_signals(void)
{
	struct sigaction sa = { .sa_sigaction = handler,
				.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct itimerval it = { { 1000, 0 }, { 5000, 0 } };
	sigset_t set;

	check(!sigaltstack(&ss, NULL));
	sigaddset(&sa.sa_mask, SIGTERM);
	check(!sigaction(SIGRTMIN + 2, &sa, NULL));
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	check(!sigqueue(getpid(), SIGRTMIN + 2, (union sigval){ 4711 }));
	check(!pthread_kill(pthread_self(), SIGUSR2));
	check(!setitimer(ITIMER_REAL, &it, NULL));
}

static void get_signals(void)
{
	struct sigaction sa;
	struct itimerval it;
	sigset_t set;
	stack_t ss;
	int sig;

	check(!sigaltstack(NULL, &ss) && ss.ss_sp == stack &&
	      ss.ss_size == sizeof(stack));
	check(!getitimer(ITIMER_REAL, &it) && it.it_value.tv_sec > 4000 &&
	      it.it_value.tv_sec <= 5000 && it.it_interval.tv_sec == 1000);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	check(!sigwait(&set, &sig) && sig == SIGUSR2);
	check(!seen);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	check(seen == 4711 && on_stack);
	check(!sigaction(SIGHUP, NULL, &sa) && sa.sa_handler == SIG_IGN);
	check(!sigaction(SIGRTMIN + 2, NULL, &sa) && sa.sa_sigaction == handler &&
	      sigismember(&sa.sa_mask, SIGTERM) && sa.sa_flags & SA_ONSTACK);
}

/* ---- attributes: the script compares /proc before and after ---- */

static void set_attributes(void)
{
	struct rlimit l = { 100, 200 };
	gid_t groups[] = { 7, 70, 700 };
	cpu_set_t cpus;
	cap_t caps;

	check(!setrlimit(RLIMIT_NOFILE, &l));
	l.rlim_cur = 1 << 20;
	l.rlim_max = RLIM_INFINITY;
	check(!setrlimit(RLIMIT_CORE, &l));
	umask(027);
	check(!setpriority(PRIO_PROCESS, 0, 7));
	check(!prctl(PR_SET_NAME, "a (odd) name"));
	check(!prctl(PR_SET_TIMERSLACK, 123456));
	check(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	write_file("/proc/self/oom_score_adj", "321");
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	check(!sched_setaffinity(0, sizeof(cpus), &cpus));
	check(!prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT));
	check(!setgroups(3, groups));
	check(!setresgid(10, 11, 12));
	check(!prctl(PR_SET_KEEPCAPS, 1));
	check(!setresuid(1000, 1001, 1002));
	caps = cap_from_text("cap_net_admin,cap_kill=p cap_kill+ei");
	check(caps && !cap_set_proc(caps));
	cap_free(caps);
	check(!prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
	check(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	check(!prctl(PR_SET_DUMPABLE, 1));
	check(!prctl(PR_SET_PDEATHSIG, SIGWINCH));
}

static void get_attributes(void)
{
	int reaper = 0, sig = 0;

	/* (its parent is another one, whose end is nothing to be told) */
	check(!prctl(PR_GET_PDEATHSIG, &sig) && !sig);
	check(prctl(PR_GET_TIMERSLACK) == 123456);
	check(!prctl(PR_GET_CHILD_SUBREAPER, &reaper) && reaper == 1);
	check(prctl(PR_GET_DUMPABLE) == 1);
	check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 1);
}

/* ---- a tree ---- */

static pid_t kid[4];
static int ready[2] = { -1, -1 };	/* at its end once all of them sleep */

static void sleeper(void)
{
	close(ready[0]);
	close(ready[1]);
	while (access(name("end"), F_OK))
		usleep(20000);
	_exit(getpid() % 100);
}

static void set_tree(void)
{
	char c;

	check(!pipe(ready));
	if (!(kid[0] = fork()))
		sleeper();
	setpgid(kid[0], kid[0]);
	if (!(kid[1] = fork()))
		sleeper();
	setpgid(kid[1], kid[0]);
	check(!sched_setscheduler(kid[1], SCHED_RR, &(struct sched_param){ 3 }));
	if (!(kid[2] = fork())) {
		setsid();
		if (!fork()) {
			if (!fork()) {
				setpgid(0, 0);
				sleeper();
			}
			sleeper();
		}
		sleeper();
	}
	kid[3] = 0;
	close(ready[1]);
	check(read(ready[0], &c, 1) == 0);
	close(ready[0]);
}

static void get_tree(void)
{
	int status;

	check(getpgid(kid[1]) == kid[0] && getsid(kid[2]) == kid[2]);
	write_file(name("end"), "");
	for (int i = 0; i < 3; i++) {
		check(waitpid(kid[i], &status, 0) == kid[i]);
		check(WIFEXITED(status) && WEXITSTATUS(status) == kid[i] % 100);
	}
}

/* ---- stopped by a signal, to go on by another ---- */

static char state_of(pid_t pid)
{
	char path[64], buf[512] = "", *p;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0)
		return 0;
	close(fd);
	p = strrchr(buf, ')');
	return p ? p[2] : 0;
}

static void set_stopped(void)
{
	kid[0] = fork();
	if (!kid[0])
		sleeper();
	usleep(50000);
	kill(kid[0], SIGSTOP);
	while (state_of(kid[0]) != 'T')
		usleep(10000);
}

static void get_stopped(void)
{
	int status = 0;

	check(state_of(kid[0]) == 'T');
	write_file(name("end"), "");
	usleep(300000);		/* it would take notice of that now */
	check(state_of(kid[0]) == 'T');
	kill(kid[0], SIGCONT);
	check(waitpid(kid[0], &status, 0) == kid[0] && WIFEXITED(status));
}

/* ---- churn: everything changes while the rounds are taken ---- */

#define SLOTS	24

static struct slot {
	unsigned char *mem;
	size_t len;
	unsigned int seed;
} slots[SLOTS];
static pthread_t churner[2];
static volatile unsigned int changes, forks;

static unsigned char byte(unsigned int seed, size_t i)
{
	return seed * 37 + i / PAGE * 11 + 1;
}

/* Mostly at the place of what was there before, as something else. */
static void renew(struct slot *s, unsigned int seed)
{
	int kind = seed % 4, fd = -1;
	void *at = s->mem;

	if (s->mem)
		munmap(s->mem, s->len);
	s->len = (1 + seed % 13) * PAGE;
	s->seed = seed;
	if (kind == 1)
		fd = open(name("map"), O_RDONLY);
	s->mem = mmap(at, s->len, PROT_READ | PROT_WRITE,
		      (kind == 2 ? MAP_SHARED : MAP_PRIVATE) |
		      (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	if (s->mem == MAP_FAILED)
		abort();
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < s->len; i += PAGE)
		s->mem[i + seed % PAGE] = byte(seed, i);
	if (kind == 3)
		mprotect(s->mem, s->len, seed & 16 ? PROT_READ : PROT_NONE);
}

static void *churn(void *arg)
{
	for (unsigned int seed = 1; !stop; seed += 7) {
		pthread_mutex_lock(&mutex);
		renew(&slots[seed % SLOTS], seed);
		changes++;
		pthread_mutex_unlock(&mutex);
		if (changes % 8 == 0)
			usleep(1000);
	}
	return arg;
}

/* A child that lives for a while; every second one becomes another program. */
static void *breed(void *arg)
{
	while (!stop) {
		int status;
		pid_t pid;

		pid = fork();
		if (!pid) {
			if (forks % 2)
				execl("/bin/sleep", "sleep", "0.5", NULL);
			usleep(300000);
			_exit(0);
		}
		forks++;
		check(waitpid(pid, &status, 0) == pid && !status);
	}
	return arg;
}

static void set_churn(void)
{
	char text[16 * PAGE];

	memset(text, 'f', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	write_file(name("map"), text);
	check(!pthread_create(&churner[0], NULL, churn, NULL));
	check(!pthread_create(&churner[1], NULL, breed, NULL));
	usleep(500000);
}

static void get_churn(void)
{
	unsigned int was = changes;

	while (changes == was || !forks)	/* it goes on */
		usleep(10000);
	stop = 1;
	for (int i = 0; i < 2; i++)
		check(!pthread_join(churner[i], NULL));
	for (struct slot *s = slots; s < slots + SLOTS; s++) {
		if (!s->mem)
			continue;
		mprotect(s->mem, s->len, PROT_READ);
		for (size_t i = 0; i < s->len; i += PAGE)
			check(s->mem[i + s->seed % PAGE] == byte(s->seed, i));
	}
}

static const struct mode {
	const char *name;
	void (*set)(void), (*get)(void);
} modes[] = {
	{ "threads", set_threads, get_threads },
	{ "memory", set_memory, get_memory },
	{ "signals", set_signals, get_signals },
	{ "attributes", set_attributes, get_attributes },
	{ "tree", set_tree, get_tree },
	{ "stopped", set_stopped, get_stopped },
	{ "churn", set_churn, get_churn },
};

/* MODE exit: ends with status 42. MODE plain: nothing but itself. */
int main(int argc, char **argv)
{
	const struct mode *m = NULL;

	if (argc != 3)
		return 2;
	base = argv[2];
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(modes[i].name, argv[1]))
			m = &modes[i];
	write_file(name("pid"), "");
	if (m)
		m->set();
	write_file(name("ready"), wrong);
	while (access(name("go"), F_OK))
		usleep(20000);
	if (m && !*wrong)
		m->get();
	write_file(name("result"), *wrong ? wrong : "ok");
	rename(name("result"), base);
	return *wrong ? 1 : strcmp(argv[1], "exit") ? 0 : 42;
}
