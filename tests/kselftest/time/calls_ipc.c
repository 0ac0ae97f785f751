// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that wait for message queues, of System V and of POSIX. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/msg.h>
#include <time.h>

#include "calls.h"

static struct { long type; char text[4096]; } msg = { .type = 1 };

static void fill_msg(struct call *c)
{
	c->other = msgget(IPC_PRIVATE, 0600);
	while (!msgsnd(c->other, &msg, sizeof(msg.text), IPC_NOWAIT))
		;
	if (errno != EAGAIN)
		fail("msgsnd");
}

static int waits_msgsnd(struct call *c)
{
	return !msgsnd(c->other, &msg, sizeof(msg.text), 0);
}

static void take_msg(struct call *c)
{
	if (msgrcv(c->other, &msg, sizeof(msg.text), 0, 0) != sizeof(msg.text))
		fail("msgrcv");
}

static void make_msg(struct call *c)
{
	c->other = msgget(IPC_PRIVATE, 0600);
}

static int waits_msgrcv(struct call *c)
{
	return msgrcv(c->other, &msg, sizeof(msg.text), 7, 0) == 3;
}

static void put_msg(struct call *c)
{
	const struct { long type; char text[3]; } m = { 7, "abc" };

	if (msgsnd(c->other, &m, 3, 0))
		fail("msgsnd");
}

static void make_mq(struct call *c)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	char queue[32];

	snprintf(queue, sizeof(queue), "/%s", c->name);
	c->other = mq_open(queue, O_RDWR | O_CREAT, 0600, &attr);
	if (c->other < 0 || (c->name[3] == 's' && mq_send(c->other, "full", 4, 0)))
		fail("mq_open");
}

static int waits_mq_receive(struct call *c)
{
	char buf[8];

	return mq_receive(c->other, buf, sizeof(buf), NULL) == 2 && !memcmp(buf, "mq", 2);
}

static void put_mq(struct call *c)
{
	if (mq_send(c->other, "mq", 2, 0))
		fail("mq_send");
}

/* Until a time of day. */
static int waits_mq_send(struct call *c)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += FAR;
	return !mq_timedsend(c->other, "late", 4, 0, &t);
}

static void take_mq(struct call *c)
{
	char buf[8];

	if (mq_receive(c->other, buf, sizeof(buf), NULL) != 4)
		fail("mq_receive");
}

struct call ipc_calls[] = {
	{ "msgsnd", waits_msgsnd, fill_msg, take_msg, .fd = { -1, -1 } },
	{ "msgrcv", waits_msgrcv, make_msg, put_msg, .fd = { -1, -1 } },
	{ "mq_receive", waits_mq_receive, make_mq, put_mq, .fd = { -1, -1 } },
	{ "mq_send", waits_mq_send, make_mq, take_mq, .fd = { -1, -1 } },
	{ 0 }
};
