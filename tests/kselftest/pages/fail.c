// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rounds that are refused or fail half-way: each with its errno and words, the
 * container runs on, and the next round is complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/livemig.h>
#include "box.h"
#include "ktap.h"
#include "round.h"

#define ADDR	0x100000000UL
#define PAGES	2048
#define TAG	0x7461670000000001ULL

static struct fam nl;
static struct box box;
static int session;

/* Counts, and has 8 MB. */
static void process(void *arg)
{
	volatile uint64_t *count = arg;
	uint64_t *p = mmap((void *)ADDR, PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			   0);
	int i;

	for (i = 0; i < PAGES; i++)
		p[i * 512] = TAG + i;
	for (;;) {
		++*count;
		usleep(1000);
	}
}

static bool refused(int fd, uint32_t flags, int err)
{
	int ret = round_call(&nl, session, fd, flags, NULL);

	if (ret != err || !nl.text[0])
		printf("# %d instead of %d: %s\n", ret, err, nl.text);
	return ret == err && nl.text[0];
}

/* The container runs, and a round has everything. */
static bool sound(void)
{
	struct shadow *s = shadow_new();
	uint32_t id;
	int i, err = round_apply(&nl, session, 0, s, NULL);
	bool ok;

	id = shadow_find(s, LIVEMIG_PAGES_SPACE_MM, ADDR / PAGE, TAG);
	for (i = 0; i < PAGES; i++) {
		const char *p = shadow_page(s, LIVEMIG_PAGES_SPACE_MM, id,
					    ADDR / PAGE + i);

		if (!p || *(uint64_t *)p != TAG + i)
			break;
	}
	ok = !err && i == PAGES && box_moves(&box);
	if (!ok)
		printf("# err %d, %d of %d pages\n", err, i, PAGES);
	shadow_free(s);
	return ok;
}

static void refusals(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), null, ro, p[2];

	check(refused(-1, 0, -EINVAL), "no FD");
	check(refused(fd, LIVEMIG_PAGES_F_COUNT, -EINVAL), "COUNT with an FD");
	check(refused(-1, LIVEMIG_PAGES_F_COUNT | LIVEMIG_PAGES_F_ALL, -EINVAL),
	      "COUNT with ALL");
	check(round_call(&nl, session, fd, 1 << 9, NULL) == -EINVAL,
	      "an unknown flag");
	check(refused(fd, LIVEMIG_PAGES_F_FINAL, -EBUSY), "FINAL, not frozen");
	check(refused(fd, LIVEMIG_PAGES_F_UNSAFE_NOVMA, -EPERM),
	      "UNSAFE flags without the module's parameter");
	check(refused(999, 0, -EBADF), "an FD that is not open");
	ro = open("/bin/true", O_RDONLY);
	check(refused(ro, 0, -EBADF), "an FD open for reading");
	null = open("/dev/null", O_WRONLY);
	check(refused(null, 0, -EINVAL), "a device");
	lseek(fd, 100, SEEK_SET);
	check(refused(fd, 0, -EINVAL) && lseek(fd, 0, SEEK_CUR) == 100 &&
	      !lseek(fd, 0, SEEK_END), "a position that is not aligned");
	lseek(fd, 0, SEEK_SET);
	fcntl(fd, F_SETFL, O_APPEND);
	check(refused(fd, 0, -EINVAL), "O_APPEND");
	if (!socketpair(AF_UNIX, SOCK_DGRAM, 0, p))
		check(refused(p[1], 0, -EINVAL), "a datagram socket");
	close(p[0]);
	close(p[1]);
	close(ro);
	close(null);
	close(fd);
}

static void no_space(void)
{
	int fd;

	mkdir("/tmp/small", 0700);
	if (mount("small", "/tmp/small", "tmpfs", 0, "size=1m")) {
		printf("ok %d a full file system # SKIP cannot mount\n", ++ktap_n);
		return;
	}
	fd = open("/tmp/small/f", O_CREAT | O_RDWR, 0600);
	check(refused(fd, 0, -ENOSPC) && !lseek(fd, 0, SEEK_CUR),
	      "a full file system");
	close(fd);
	umount("/tmp/small");
	check(sound(), "and after it");
}

static void closed(void)
{
	int p[2];

	signal(SIGPIPE, SIG_IGN);
	if (!pipe(p)) {
		close(p[0]);
		check(refused(p[1], 0, -EPIPE), "a pipe that nobody reads");
		close(p[1]);
	}
	if (!socketpair(AF_UNIX, SOCK_STREAM, 0, p)) {
		close(p[0]);
		check(refused(p[1], 0, -EPIPE), "a socket that nobody reads");
		close(p[1]);
	}
	check(sound(), "and after it");
}

/* A reader that goes half-way. */
static void reader_killed(void)
{
	char buf[65536];
	pid_t pid;
	int p[2];

	if (pipe(p))
		return;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(p[1]);
		for (int i = 0; i < 10 && read(p[0], buf, sizeof(buf)) > 0; i++)
			;
		_exit(0);
	}
	close(p[0]);
	check(refused(p[1], LIVEMIG_PAGES_F_ALL, -EPIPE),
	      "a reader that goes half-way");
	close(p[1]);
	waitpid(pid, NULL, 0);
	check(sound(), "and after it");
}

/* The caller is killed while the reader is slow; the session belongs to it. */
static void caller_killed(void)
{
	struct fam own;
	pid_t pid;
	int p[2], ready[2], st = 0, i;
	char c;

	fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, session);
	if (pipe(p) || pipe(ready))
		return;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		int id;

		if (fam_open(&own))
			_exit(1);
		id = fam_session_new(&own, box.fd, NULL, 0);
		fam_session(&own, LIVEMIG_CMD_TRACK_START, id);
		if (write(ready[1], "", 1) < 0)
			_exit(1);
		round_call(&own, id, p[1], 0, NULL);
		_exit(0);	/* nobody reads: not reached */
	}
	if (read(ready[0], &c, 1) < 0)
		return;
	usleep(300000);
	check(!waitpid(pid, &st, WNOHANG), "a round waits for its reader");
	kill(pid, SIGKILL);
	for (i = 0; i < 6000 && !waitpid(pid, &st, WNOHANG); i++)
		usleep(10000);
	check(i < 6000 && WIFSIGNALED(st), "its caller can be killed");
	close(p[0]);
	close(p[1]);
	for (i = 0; i < 6000; i++) {	/* the old session is being taken down */
		session = fam_session_new(&nl, box.fd, NULL, 0);
		if (session > 0)
			break;
		usleep(10000);
	}
	check(session > 0 && sound(), "and the container is free and runs");
}

static void unprivileged(void)
{
	struct fam own;
	pid_t pid;
	int st;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (setresuid(65534, 65534, 65534) || fam_open(&own))
			_exit(2);
		_exit(round_call(&own, session, 1, 0, NULL) == -EPERM ? 0 : 1);
	}
	waitpid(pid, &st, 0);
	check(WIFEXITED(st) && !WEXITSTATUS(st), "without privilege");
}

int main(void)
{
	ktap_begin();
	need(!fam_open(&nl), "the family is there");
	box_open(&box, "fail", 0);
	box_add(&box, process, (void *)&box.count[0]);
	box_moves(&box);
	session = fam_session_new(&nl, box.fd, NULL, 0);
	need(session > 0, "a session");
	refusals();
	unprivileged();
	check(sound(), "nothing of this did harm");
	check(!fam_session(&nl, LIVEMIG_CMD_TRACK_START, session), "tracked");
	no_space();
	closed();
	reader_killed();
	caller_killed();
	fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, session);
	box_close(&box);
	return ktap_end();
}
