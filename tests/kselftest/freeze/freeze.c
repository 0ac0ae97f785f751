// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * FREEZE and THAW: who stops, who does not, and what is undone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box.h"
#include "fam.h"
#include "ktap.h"

static struct fam nl;

static int freeze(int session, uint32_t timeout_ms)
{
	return fam_session_u32(&nl, LIVEMIG_CMD_FREEZE, session,
			       LIVEMIG_A_TIMEOUT_MS, timeout_ms);
}

static int thaw(int session)
{
	return fam_session(&nl, LIVEMIG_CMD_THAW, session);
}

static void del(int session)
{
	fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, session);
}

static bool gone(int session)
{
	return fam_state(&nl, session) == -ENOENT;
}

static void *spin(void *arg)
{
	volatile uint64_t *count = arg;

	for (;;)
		++*count;
	return NULL;
}

static void threads(void *arg)
{
	pthread_t t;
	int i;

	for (i = 0; i < 7; i++)
		pthread_create(&t, NULL, spin, arg);
	spin(arg);
}

/* A new child all the time: one is always being born. */
static void forker(void *arg)
{
	volatile uint64_t *count = arg;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		pid = fork();
		if (!pid)
			_exit(0);
		++*count;
	}
}

static void stopper(void *arg)
{
	volatile uint64_t *count = arg;

	for (;; usleep(1000))
		++*count;
}

static void everyone(void)
{
	static struct dump d;
	bool stood = true, ran = true, consistent = true;
	struct box b, below;
	int id, i;

	box_open(&b, "lm-freeze", 2);
	box_add(&b, threads, (void *)&b.count[b.n]);
	box_add(&b, forker, (void *)&b.count[b.n]);
	box_open(&below, "lm-freeze/below", 2);
	id = fam_session_new(&nl, b.fd, NULL, 0);
	need(id > 0, "a session");
	for (i = 0; i < 10; i++) {
		if (freeze(id, 60000)) {
			printf("# %s\n", nl.text);
			stood = false;
			break;
		}
		stood = stood && box_frozen(&b) && box_frozen(&below);
		if (i % 5 == 0)
			stood = stood && box_stands(&b) && box_stands(&below);
		/* Children may be zombies now, but no thread comes or goes. */
		if (fam_dump(&nl, id, &d) || d.broken)
			consistent = false;
		if (thaw(id) || !box_moves(&b) || !box_moves(&below))
			ran = false;
	}
	check(stood, "threads, forkers and cgroups below freeze, 10 times");
	check(consistent, "each time they can be dumped");
	check(ran, "and run again, 10 times");

	check(!thaw(id), "THAW of a running container is no error");
	check(!freeze(id, 60000) && !freeze(id, 60000) && box_frozen(&b),
	      "FREEZE of a frozen container is no error");
	check(!thaw(id) && box_moves(&b), "one THAW is enough then");
	del(id);
	box_close(&below);
	box_close(&b);
}

static void empty(void)
{
	static struct dump d;
	struct box b;
	int id;

	box_open(&b, "lm-empty", 0);
	id = fam_session_new(&nl, b.fd, NULL, 0);
	check(!freeze(id, 60000) && fam_state(&nl, id) == LIVEMIG_STATE_FROZEN,
	      "an empty cgroup freezes");
	check(!fam_dump(&nl, id, &d) && d.npids == 0, "and has no processes");
	box_add(&b, stopper, (void *)&b.count[0]);
	check(!fam_dump(&nl, id, &d) || nl.err == -EAGAIN,
	      "a task that moves in is either frozen or noticed");
	check(!thaw(id) && box_moves(&b), "it runs after THAW");
	del(id);
	box_close(&b);
}

static void stopped(void)
{
	struct box b;
	int id, status;

	box_open(&b, "lm-stopped", 1);
	kill(b.pid[0], SIGSTOP);
	waitpid(b.pid[0], &status, WUNTRACED);
	id = fam_session_new(&nl, b.fd, NULL, 0);
	check(!freeze(id, 60000), "a stopped process freezes");
	check(!thaw(id) && box_stands(&b), "after THAW it is still stopped");
	kill(b.pid[0], SIGCONT);
	check(box_moves(&b), "SIGCONT lets it run");
	del(id);
	box_close(&b);
}

static void by_others(void)
{
	struct box b, below;
	int id;

	box_open(&b, "lm-others", 1);
	id = fam_session_new(&nl, b.fd, NULL, 0);
	box_write(&b, "cgroup.freeze", "1");
	check(!freeze(id, 60000) && fam_state(&nl, id) == LIVEMIG_STATE_FROZEN,
	      "FREEZE of what somebody else froze");
	check(!thaw(id) && box_frozen(&b) && box_stands(&b),
	      "THAW leaves it frozen");
	check(!freeze(id, 60000), "FREEZE again");
	del(id);
	check(box_frozen(&b), "the end of the session leaves it frozen");
	box_write(&b, "cgroup.freeze", "0");
	check(box_moves(&b), "somebody else thaws it");

	id = fam_session_new(&nl, b.fd, NULL, 0);
	freeze(id, 60000);
	box_write(&b, "cgroup.freeze", "0");
	check(box_moves(&b) && fam_state(&nl, id) == LIVEMIG_STATE_RUNNING,
	      "a container that somebody else thawed is told as running");
	check(!freeze(id, 60000) && box_frozen(&b) && box_stands(&b),
	      "FREEZE freezes it again");
	check(!thaw(id) && box_moves(&b), "and THAW thaws it");
	del(id);

	/* Frozen from above: the session's own freeze must not undo that. */
	box_open(&below, "lm-others/below", 1);
	id = fam_session_new(&nl, below.fd, NULL, 0);
	box_write(&b, "cgroup.freeze", "1");
	check(!freeze(id, 60000) && !thaw(id) && box_frozen(&below) &&
	      box_stands(&below), "a cgroup frozen from above stays frozen");
	box_write(&b, "cgroup.freeze", "0");
	check(box_moves(&below), "and runs when that is thawed");
	del(id);
	box_close(&below);
	box_close(&b);
}

/*
 * A system call that copies from memory whose page nobody delivers: signals do
 * not end it, so the task cannot be frozen.
 */
static void stuck(void *arg)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC), null;
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	reg.range.start = (uintptr_t)page;
	reg.range.len = 4096;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg))
		_exit(1);
	null = open("/dev/zero", O_RDONLY);
	*(volatile uint64_t *)arg = 1;
	_exit(read(null, page, 4096) != 4096);
}

/* Is it in read()? */
static bool reads(pid_t pid)
{
	char path[64], line[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	f = fopen(path, "r");
	if (!f || !fgets(line, sizeof(line), f))
		*line = 0;
	if (f)
		fclose(f);
	return !strncmp(line, "0 ", 2);
}

static void timeout(void)
{
	struct box b;
	char pid[16];
	int id, fd, status;
	pid_t child;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0) {
		printf("ok %d - a task that cannot stop # SKIP no userfaultfd\n", ++ktap_n);
		return;
	}
	close(fd);
	box_open(&b, "lm-stuck", 1);
	box_add(&b, stuck, (void *)&b.count[1]);
	while (!b.count[1] || !reads(b.pid[1]))
		usleep(1000);
	snprintf(pid, sizeof(pid), "pid %d ", b.pid[1]);
	id = fam_session_new(&nl, b.fd, NULL, 0);
	/* (so long that all others have stopped) */
	check(freeze(id, 3000) == -ETIMEDOUT, "a task that cannot stop: a timeout");
	printf("# %s\n", nl.text);
	check(strstr(nl.text, pid), "that names the task");
	b.n = 1;		/* only the counter has to run */
	check(fam_state(&nl, id) == LIVEMIG_STATE_RUNNING && box_moves(&b) &&
	      !box_frozen(&b), "and the others run again");

	child = fork();
	if (!child) {
		struct fam mine;

		fam_open(&mine);
		fam_session_u32(&mine, LIVEMIG_CMD_FREEZE, id,
				LIVEMIG_A_TIMEOUT_MS, 600000);
		_exit(0);
	}
	while (fam_state(&nl, id) != LIVEMIG_STATE_FREEZING)
		usleep(1000);
	check(!waitpid(child, &status, WNOHANG), "FREEZE waits, the session says so");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	check(WIFSIGNALED(status) && fam_state(&nl, id) == LIVEMIG_STATE_RUNNING &&
	      box_moves(&b), "killed while it waits: the container runs");
	del(id);
	b.n = 2;
	box_close(&b);
}

/* vfork: the parent waits inside of its system call, and counts as frozen. */
static void vforker(void *arg)
{
	volatile uint64_t *count = arg;

	if (!vfork()) {
		for (;; usleep(1000))
			++*count;
	}
	_exit(0);
}

static void vforked(void)
{
	static struct dump d;
	struct box b;
	int id;

	box_open(&b, "lm-vfork", 0);
	box_add(&b, vforker, (void *)&b.count[0]);
	check(box_moves(&b), "a process waits in vfork()");
	id = fam_session_new(&nl, b.fd, NULL, 0);
	check(!freeze(id, 60000), "it freezes");
	check(!fam_dump(&nl, id, &d) && d.objs[LIVEMIG_OBJ_UNSUPPORTED] &&
	      strstr(d.unsupported, "vfork()"), "but the dump says that it cannot be moved");
	/* Its child goes on alone, and is killed with its cgroup. */
	del(id);
	check(box_moves(&b), "it goes on");
	box_write(&b, "cgroup.kill", "1");
	box_close(&b);
}

static void zombie(void *arg)
{
	volatile uint64_t *count = arg;

	if (!fork())
		_exit(3);
	usleep(20000);
	for (;; usleep(1000))
		++*count;
}

static void zombies(void)
{
	static struct dump d;
	struct box b;
	int id;

	box_open(&b, "lm-zombie", 0);
	box_add(&b, zombie, (void *)&b.count[0]);
	check(box_moves(&b), "a process does not wait for its child");
	id = fam_session_new(&nl, b.fd, NULL, 0);
	check(!freeze(id, 60000) && !fam_dump(&nl, id, &d) &&
	      !d.broken && d.npids == 2, "the dump has the zombie, too");
	del(id);
	box_close(&b);
}

/* What happens after the first message of a dump that needs many. */
enum meanwhile { NOTHING, REFREEZE, OTHERS_THAW, DELETE, LEAVE };

struct slow {
	struct dump d;
	struct box *b;
	enum meanwhile what;
};

static void slow_answer(struct fam *f, struct nlattr **attrs, void *arg)
{
	struct slow *s = arg;
	struct fam other;

	dump_answer(f, attrs, &s->d);
	if (s->d.next_seq != 1 || s->what == NOTHING)
		return;
	if (s->what == LEAVE)
		_exit(0);
	if (s->what == OTHERS_THAW) {
		box_write(s->b, "cgroup.freeze", "0");
		return;
	}
	fam_open(&other);
	if (s->what == DELETE) {
		fam_session(&other, LIVEMIG_CMD_SESSION_DEL, s->d.session);
	} else {
		fam_session(&other, LIVEMIG_CMD_THAW, s->d.session);
		fam_session(&other, LIVEMIG_CMD_FREEZE, s->d.session);
	}
	fam_close(&other);
}

static int slow_dump(struct fam *f, int id, struct slow *s, enum meanwhile what)
{
	struct nl_msg *msg = fam_request(f, LIVEMIG_CMD_TASK_GET, NLM_F_DUMP);

	memset(&s->d, 0, sizeof(s->d));
	s->d.session = id;
	s->what = what;
	nla_put_u32(msg, LIVEMIG_A_SESSION, id);
	return fam_call(f, msg, slow_answer, s);
}

static void meanwhile(void)
{
	static struct slow s;
	struct box b;
	int id;

	box_open(&b, "lm-slow", 60);
	s.b = &b;
	id = fam_session_new(&nl, b.fd, NULL, 0);
	freeze(id, 60000);
	check(!slow_dump(&nl, id, &s, NOTHING) && !s.d.broken && s.d.npids == 60,
	      "a dump of many messages");
	check(slow_dump(&nl, id, &s, REFREEZE) == -EAGAIN && nl.text[0] &&
	      s.d.npids < 60, "THAW and FREEZE during a dump: it fails");
	check(slow_dump(&nl, id, &s, OTHERS_THAW) == -EAGAIN && nl.text[0],
	      "thawed by somebody else during a dump: it fails");
	freeze(id, 60000);
	check(slow_dump(&nl, id, &s, DELETE) == -ENOENT && nl.text[0],
	      "SESSION_DEL during a dump: it fails");
	check(gone(id) && box_moves(&b), "and the container runs");

	id = fam_session_new(&nl, b.fd, NULL, 0);
	freeze(id, 60000);
	fflush(NULL);
	if (!fork()) {
		struct fam f;

		fam_open(&f);
		slow_dump(&f, id, &s, LEAVE);
		_exit(1);
	}
	wait(NULL);
	check(!slow_dump(&nl, id, &s, NOTHING) && !s.d.broken && s.d.npids == 60,
	      "a reader that goes away during a dump does no harm");
	del(id);
	box_close(&b);
}

/* The init of a pid namespace does not end before this has waited for the other one. */
static void parent_of_init(void *arg)
{
	volatile uint64_t *count = arg;
	pid_t pid[2];

	if (unshare(CLONE_NEWPID))
		_exit(1);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			for (;;)
				pause();
	}
	kill(pid[0], SIGKILL);
	/* (waits for none: the zombie is to stay) */
	waitid(P_PID, pid[1], &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	for (;; usleep(1000))
		++*count;
}

static void ending(void)
{
	static struct dump d;
	struct box b;
	int id, err;

	box_open(&b, "lm-ending", 0);
	box_add(&b, parent_of_init, (void *)&b.count[0]);
	check(box_moves(&b), "an init waits for what its parent has to wait for");
	id = fam_session_new(&nl, b.fd, NULL, 0);
	err = freeze(id, 60000);
	/* Kernels that do not count it any more are frozen. */
	check(err ? err == -EAGAIN :
	      !fam_dump(&nl, id, &d) && strstr(d.unsupported, "just ending"),
	      "it is not waited for, but said to be ending");
	del(id);
	check(box_moves(&b), "the container runs");
	box_write(&b, "cgroup.kill", "1");
	box_close(&b);
}

int main(void)
{
	ktap_begin();
	need(!fam_open(&nl), "the family is there");
	everyone();
	empty();
	stopped();
	by_others();
	timeout();
	vforked();
	zombies();
	ending();
	meanwhile();
	return ktap_end();
}
