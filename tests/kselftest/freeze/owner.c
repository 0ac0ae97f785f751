// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whose a session is: what happens to a frozen container when its owner dies,
 * hands the session over, or the cgroup goes; and what many callers at once do.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box.h"
#include "fam.h"
#include "ktap.h"

static struct fam nl;

static int set(struct fam *f, int session, uint32_t flags)
{
	return fam_session_u32(f, LIVEMIG_CMD_SESSION_SET, session,
			       LIVEMIG_A_SESSION_FLAGS, flags);
}

/* A process that makes a session, freezes it, tells its id, and stays. */
static pid_t owner(struct box *b, uint32_t flags, bool frozen, int *id)
{
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		exit(1);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		struct fam f;
		int mine;

		fam_open(&f);
		mine = fam_session_new(&f, b->fd, NULL, flags);
		if (mine > 0 && frozen)
			fam_session(&f, LIVEMIG_CMD_FREEZE, mine);
		if (write(pipes[1], &mine, sizeof(mine)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(pipes[0], id, sizeof(*id)) != sizeof(*id))
		*id = -1;
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The end of a session takes a moment after the end of its owner. */
static bool soon_gone(int id)
{
	int i;

	for (i = 0; i < 3000; i++) {
		if (fam_state(&nl, id) == -ENOENT)
			return true;
		usleep(20000);
	}
	return false;
}

static void killed(struct box *b)
{
	pid_t pid;
	int id;

	pid = owner(b, 0, true, &id);
	check(id > 0 && box_frozen(b) && box_stands(b), "an owner froze it");
	end(pid);
	check(box_moves(b) && !box_frozen(b), "kill -9 of the owner: it runs on");
	check(soon_gone(id), "and the session is gone");

	pid = owner(b, 0, false, &id);
	end(pid);
	check(soon_gone(id) && box_moves(b), "the same with a running container");
}

static void persistent(struct box *b)
{
	struct fam other;
	pid_t pid;
	int id;

	pid = owner(b, LIVEMIG_SESSION_F_PERSISTENT, true, &id);
	end(pid);
	usleep(300000);
	check(fam_state(&nl, id) == LIVEMIG_STATE_FROZEN && box_stands(b),
	      "a persistent session outlives its owner, frozen");
	check(!set(&nl, id, 0), "SESSION_SET: somebody else takes it");
	fam_open(&other);
	check(set(&other, id, 0) == -EBUSY && other.text[0] &&
	      set(&other, id, LIVEMIG_SESSION_F_PERSISTENT) == -EBUSY,
	      "SESSION_SET from another socket is refused");
	check(!set(&nl, id, LIVEMIG_SESSION_F_PERSISTENT) && !set(&other, id, 0),
	      "until it is handed over");
	fam_close(&other);
	check(soon_gone(id) && box_moves(b), "it ends with its new owner");

	pid = owner(b, LIVEMIG_SESSION_F_PERSISTENT, true, &id);
	end(pid);
	check(!fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, id) && !box_frozen(b) &&
	      box_moves(b), "SESSION_DEL of a persistent session thaws");
	check(fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, id) == -ENOENT &&
	      nl.text[0], "once");
}

static void removed(void)
{
	struct box b;
	int id;

	box_open(&b, "lm-removed", 1);
	id = fam_session_new(&nl, b.fd, NULL, LIVEMIG_SESSION_F_PERSISTENT);
	box_close(&b);
	check(id > 0 && soon_gone(id),
	      "a persistent session ends when its cgroup is removed");
}

/* What a caller does among many: whatever comes out, nothing may break. */
static void caller(struct box *b, int n)
{
	static struct dump d;
	struct fam f;
	int i, id;

	fam_open(&f);
	srand(n);
	for (i = 0; i < 100; i++) {
		id = 0;
		/* Whichever session there is. */
		switch (rand() % 8) {
		case 0:
			fam_close(&f);
			fam_open(&f);
			break;
		case 1:
			fam_session_new(&f, b->fd, NULL, rand() % 2);
			break;
		default:
			id = 1;
		}
		if (!id)
			continue;
		id = fam_session_new(&f, b->fd, NULL, 0);
		if (id < 0) {	/* "session %u has this cgroup ..." */
			if (sscanf(f.text, "session %d", &id) != 1)
				continue;
		}
		switch (rand() % 6) {
		case 0:
			fam_session(&f, LIVEMIG_CMD_SESSION_DEL, id);
			break;
		case 1:
			fam_session(&f, LIVEMIG_CMD_THAW, id);
			break;
		case 2:
			set(&f, id, rand() % 2);
			break;
		case 3:
			fam_dump(&f, id, &d);
			break;
		default:
			fam_session(&f, LIVEMIG_CMD_FREEZE, id);
		}
	}
	_exit(0);
}

static void many(struct box *b)
{
	int i, id, status, bad = 0;

	fflush(NULL);
	for (i = 0; i < 6; i++)
		if (!fork())
			caller(b, i);
	/* And one that is killed all the time. */
	for (i = 0; i < 20; i++)
		end(owner(b, 0, true, &id));
	for (i = 0; i < 6; i++) {
		wait(&status);
		bad |= status;
	}
	/* A persistent one may be left. */
	for (i = 0; i < 3000; i++) {
		id = fam_session_new(&nl, b->fd, NULL, 0);
		if (id > 0)
			break;
		if (sscanf(nl.text, "session %d", &id) == 1)
			fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, id);
		usleep(20000);
	}
	check(!bad && id > 0, "many callers, some of them killed");
	check(!fam_session(&nl, LIVEMIG_CMD_FREEZE, id) && box_stands(b) &&
	      !fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, id) && box_moves(b),
	      "afterwards it freezes and runs as before");
}

int main(void)
{
	struct box b;
	int i;

	ktap_begin();
	need(!fam_open(&nl), "the family is there");
	box_open(&b, "lm-owner", 3);
	killed(&b);
	persistent(&b);
	removed();
	many(&b);
	box_close(&b);
	fam_close(&nl);
	/* Nobody has a session any more, so the module can go. */
	for (i = 0; i < 6000 && syscall(SYS_delete_module, "livemig", O_NONBLOCK); i++)
		usleep(20000);
	check(i < 6000, "the module can be unloaded");
	return ktap_end();
}
