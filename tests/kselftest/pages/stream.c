// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PAGES records: what comes out into a file, a pipe, a socket; what a second
 * round still has to say; counts and events.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/livemig.h>
#include "box.h"
#include "ktap.h"
#include "round.h"

#define MM	LIVEMIG_PAGES_SPACE_MM
#define SHMEM	LIVEMIG_PAGES_SPACE_SHMEM
#define ADDR	0x100000000UL
#define TAG	0x7461670000000001ULL
#define SHTAG	0x7461670000000002ULL
#define FDTAG	0x7461670000000003ULL
#define PAGES	600

/* What the process in the container does next, and that it did. */
static volatile int *step;
static struct fam nl;

static void next(int n)
{
	*step = n;
	while (*step == n)
		usleep(1000);
}

static void process(void *arg)
{
	uint64_t *p = mmap((void *)ADDR, PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			   0);
	uint64_t *sh = arg;
	int fd = memfd_create("unmapped", 0), i;
	uint64_t tag = FDTAG;

	madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (i = 0; i < PAGES; i++)
		p[i * 512] = i % 10 == 9 ? 0 : TAG + i;
	sh[0] = SHTAG;
	if (write(fd, &tag, sizeof(tag)) < 0)
		_exit(1);
	for (;;) {
		while (*step <= 0)
			usleep(1000);
		switch (*step) {
		case 1:		/* one page changes, one is rewritten as it was */
			p[512] = 1;
			((volatile uint64_t *)p)[1024] = TAG + 2;
			break;
		case 2:		/* pages go */
			madvise(p + 10 * 512, 5 * PAGE, MADV_DONTNEED);
			break;
		case 3:		/* shared memory changes, and goes */
			sh[512 * 3] = 77;
			if (ftruncate(fd, 0))
				_exit(1);
			break;
		case 4:
			execl("/bin/sleep", "sleep", "1000", NULL);
			_exit(1);
		}
		*step = 0;
	}
}

struct drain {
	int fd;
	struct shadow *s;
	struct records rec;
};

static void *drain(void *arg)
{
	struct drain *d = arg;

	records_read(d->fd, d->s, &d->rec);
	return NULL;
}

/* A round of everything through two connected fds. */
static void through(const char *name, int session, int fd[2])
{
	struct drain d = { .fd = fd[0], .s = shadow_new() };
	struct stats st;
	pthread_t t;
	uint32_t id;
	int err;

	pthread_create(&t, NULL, drain, &d);
	err = round_call(&nl, session, fd[1], LIVEMIG_PAGES_F_ALL, &st);
	close(fd[1]);
	pthread_join(t, NULL);
	close(fd[0]);
	id = shadow_find(d.s, MM, ADDR / PAGE, TAG);
	if (err || d.rec.error[0])
		printf("# err %d %s, stream: %s\n", err, nl.text, d.rec.error);
	check(!err && !d.rec.error[0] && id &&
	      d.rec.data == st.v[LIVEMIG_STATS_DATA] &&
	      shadow_page(d.s, MM, id, ADDR / PAGE + PAGES - 2), name);
	shadow_free(d.s);
}

/* Into a file that cannot be read back: there is nothing to take hashes from. */
static void write_only(int session)
{
	const char *path = "/tmp/pages-write-only";
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int in = open(path, O_RDONLY);
	struct shadow *s = shadow_new();
	struct records rec = {};
	int err = round_call(&nl, session, out, LIVEMIG_PAGES_F_ALL, NULL);

	if (!err)
		records_read(in, s, &rec);
	if (err || rec.error[0])
		printf("# err %d %s, stream: %s\n", err, nl.text, rec.error);
	check(!err && !rec.error[0] && shadow_find(s, MM, ADDR / PAGE, TAG),
	      "into a file that cannot be read back");
	shadow_free(s);
	close(in);
	close(out);
	unlink(path);
}

static uint64_t word(struct shadow *s, uint32_t space, uint32_t id, uint64_t index)
{
	const char *p = shadow_page(s, space, id, index);
	uint64_t v = ~0ULL;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

/* A round whose reply finds no room in our socket, like its acknowledgement. */
static void unanswered(int session)
{
	int sk = nl_socket_get_fd(nl.sk), fd = memfd_create("round", 0), i;
	int least = 1, normal = 1 << 20;
	struct nl_msg *msg;
	char buf[65536];

	nl_socket_disable_seq_check(nl.sk);
	setsockopt(sk, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	for (i = 0; i < 16; i++)
		fam_send(&nl, fam_request(&nl, LIVEMIG_CMD_GET_INFO, 0));
	msg = fam_request(&nl, LIVEMIG_CMD_PAGES, 0);
	nla_put_u32(msg, LIVEMIG_A_SESSION, session);
	nla_put_s32(msg, LIVEMIG_A_FD, fd);
	nla_put_u32(msg, LIVEMIG_A_PAGES_FLAGS, LIVEMIG_PAGES_F_ALL);
	fam_send(&nl, msg);
	check(lseek(fd, 0, SEEK_CUR) > 0, "a round whose reply is lost");
	close(fd);
	while (recv(sk, buf, sizeof(buf), MSG_DONTWAIT) > 0 || errno != EAGAIN)
		;
	setsockopt(sk, SOL_SOCKET, SO_RCVBUF, &normal, sizeof(normal));
}

static void incremental(int session)
{
	struct shadow *s = shadow_new();
	struct stats st, count;
	uint32_t mm, sh, fd;

	need(!fam_session(&nl, LIVEMIG_CMD_TRACK_START, session), "tracking starts");
	check(fam_session(&nl, LIVEMIG_CMD_TRACK_START, session) == -EALREADY &&
	      nl.text[0], "and starts only once");
	check(!round_apply(&nl, session, 0, s, &st) &&
	      st.v[LIVEMIG_STATS_DATA] >= PAGES - 60 &&
	      st.v[LIVEMIG_STATS_PRESENT] >= PAGES, "the first round is complete");
	mm = shadow_find(s, MM, ADDR / PAGE, TAG);
	sh = shadow_find(s, SHMEM, 0, SHTAG);
	fd = shadow_find(s, SHMEM, 0, FDTAG);
	check(mm && word(s, MM, mm, ADDR / PAGE + 9) == 0 &&
	      st.v[LIVEMIG_STATS_ZERO] >= PAGES / 10, "zeros are told as zeros");
	check(sh, "shared memory is an object of its own");
	check(fd, "a memfd that is not mapped is found");

	next(1);
	check(!round_call(&nl, session, -1, LIVEMIG_PAGES_F_COUNT, &count) &&
	      count.v[LIVEMIG_STATS_DIRTY] >= 2 &&
	      count.v[LIVEMIG_STATS_DIRTY] < 200 &&
	      !count.v[LIVEMIG_STATS_BYTES] && !count.v[LIVEMIG_STATS_DATA],
	      "COUNT counts what is dirty");
	check(!round_apply(&nl, session, 0, s, &st) &&
	      st.round == count.round &&
	      word(s, MM, mm, ADDR / PAGE + 1) == 1 &&
	      st.v[LIVEMIG_STATS_DATA] < 100, "and takes nothing away");
	check(st.v[LIVEMIG_STATS_SAME] >= 1, "a page rewritten as it was is not sent");
	next(2);
	check(!round_apply(&nl, session, 0, s, &st) &&
	      st.v[LIVEMIG_STATS_HOLE] >= 4 &&
	      !shadow_page(s, MM, mm, ADDR / PAGE + 10) &&
	      shadow_page(s, MM, mm, ADDR / PAGE + 15), "pages that went are holes");
	next(3);
	check(!round_apply(&nl, session, 0, s, &st) &&
	      word(s, SHMEM, sh, 3) == 77 && !shadow_page(s, SHMEM, fd, 0),
	      "changes of shared memory, and what is cut off");
	check(!round_apply(&nl, session, LIVEMIG_PAGES_F_ALL, s, &st) &&
	      st.v[LIVEMIG_STATS_DATA] >= PAGES - 70, "ALL sends everything again");
	unanswered(session);
	check(!round_apply(&nl, session, 0, s, &st) &&
	      st.v[LIVEMIG_STATS_DATA] >= PAGES - 70, "and the next writes all again");
	check(!fam_session(&nl, LIVEMIG_CMD_FREEZE, session) &&
	      !round_apply(&nl, session, LIVEMIG_PAGES_F_FINAL, s, &st),
	      "a final round");
	check(!round_apply(&nl, session, LIVEMIG_PAGES_F_FINAL, s, &st) &&
	      !st.v[LIVEMIG_STATS_DATA] && !st.v[LIVEMIG_STATS_BYTES],
	      "after which nothing is left to say");
	check(!fam_session(&nl, LIVEMIG_CMD_THAW, session), "thawed");
	shadow_free(s);
}

/* Until @pid is another program. */
static void wait_exec(pid_t pid, const char *name)
{
	char path[64], comm[32];
	size_t n = strlen(name);
	int fd, got;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	do {
		usleep(1000);
		fd = open(path, O_RDONLY);
		got = read(fd, comm, sizeof(comm));
		close(fd);
	} while (got != (int)n + 1 || memcmp(comm, name, n));
}

static int wait_event(struct fam *ev, int session, int event)
{
	int got;

	while ((got = fam_event(ev, session)) >= 0)
		if (got == event)
			break;
	return got;
}

int main(void)
{
	uint64_t *sh;
	struct fam ev;
	struct shadow *s;
	struct stats st;
	struct box b;
	int session, fd[2];
	pid_t pid;

	ktap_begin();
	need(!fam_open(&nl) && !fam_events_open(&ev), "the family is there");
	step = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	sh = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	box_open(&b, "pages", 0);
	*step = -1;
	pid = box_add(&b, process, sh);
	next(5);		/* it is ready when it answers */
	session = fam_session_new(&nl, b.fd, NULL, 0);
	need(session > 0, "a session");

	s = shadow_new();
	check(!round_apply(&nl, session, 0, s, &st) &&
	      shadow_find(s, MM, ADDR / PAGE, TAG), "untracked, into a file");
	check(wait_event(&ev, session, LIVEMIG_EVENT_ROUND) ==
	      LIVEMIG_EVENT_ROUND, "an event tells the round");
	shadow_free(s);
	write_only(session);
	if (!pipe(fd))
		through("into a pipe", session, fd);
	if (!socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		through("into a unix socket", session, fd);
	incremental(session);
	if (!socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		through("tracked, into a unix socket", session, fd);

	*step = 4;		/* exec: it does not answer */
	wait_exec(pid, "sleep");
	s = shadow_new();
	check(!round_apply(&nl, session, 0, s, &st), "a round after an exec");
	check(wait_event(&ev, session, LIVEMIG_EVENT_TRACKER_LOST) ==
	      LIVEMIG_EVENT_TRACKER_LOST, "an event tells the exec");
	shadow_free(s);
	fam_session(&nl, LIVEMIG_CMD_TRACK_STOP, session);
	check(!fam_session(&nl, LIVEMIG_CMD_TRACK_STOP, session),
	      "tracking stops, twice");
	box_close(&b);
	return ktap_end();
}
