// SPDX-License-Identifier: GPL-2.0-or-later
/* Message queues. */
#include <stdlib.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc.h"

#define KEY	0x4c4d0003
#define BIG	60000

static int id, full;
static pid_t child;

static struct {
	long type;
	char bytes[BIG];
} m;

static int send(int queue, long type, size_t len)
{
	m.type = type;
	for (size_t i = 0; i < len; i++)
		m.bytes[i] = i * 7 + type;
	return msgsnd(queue, &m, len, IPC_NOWAIT);
}

static bool got(int queue, long which, long type, size_t len)
{
	if (msgrcv(queue, &m, BIG, which, IPC_NOWAIT) != (ssize_t)len || m.type != type)
		return false;
	for (size_t i = 0; i < len; i++)
		if (m.bytes[i] != (char)(i * 7 + type))
			return false;
	return true;
}

/* One with all kinds of messages, one that holds more than it lets in now. */
static void set_msg(void)
{
	struct msqid_ds ds;

	write_file("/proc/sys/kernel/msgmax", "65536");
	write_file("/proc/sys/kernel/msgmnb", "131072");
	id = msgget(KEY, IPC_CREAT | IPC_EXCL | 0620);
	full = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	check(id >= 0 && full >= 0);
	check(!send(id, 5, 3) && !send(id, 1L << 40, 0) && !send(id, 7, BIG));
	check(!send(id, 5, 4));
	for (int i = 1; i <= 50; i++)
		check(!send(full, i, 100));
	check(!msgctl(full, IPC_STAT, &ds));
	ds.msg_qbytes = 1000;
	check(!msgctl(full, IPC_SET, &ds));
	child = fork();
	if (!child)	/* sleeps in there */
		_exit(msgrcv(id, &m, BIG, 99, 0) == 2 ? 33 : 1);
}

static void get_msg(void)
{
	struct msqid_ds ds;
	int status = 0;

	check(msgget(KEY, 0) == id);
	check(!msgctl(id, IPC_STAT, &ds) && ds.msg_qnum == 4);
	check(ds.msg_perm.mode == 0620 && ds.msg_perm.__key == KEY);
	check(ds.msg_qbytes == 131072);
	check(got(id, 0, 5, 3) && got(id, 7, 7, BIG));
	check(got(id, 0, 1L << 40, 0) && got(id, 0, 5, 4));
	check(msgrcv(id, &m, BIG, 0, IPC_NOWAIT) < 0 && errno == ENOMSG);
	check(!msgctl(full, IPC_STAT, &ds) && ds.msg_qbytes == 1000);
	check(send(full, 1, 1) && errno == EAGAIN);
	for (int i = 1; i <= 50; i++)
		check(got(full, 0, i, 100));
	check(!send(id, 99, 2) && waitpid(child, &status, 0) == child);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 33);
	check(!msgctl(id, IPC_RMID, NULL) && !msgctl(full, IPC_RMID, NULL));
}

const struct test msg_tests[] = {
	{ "msg", set_msg, get_msg },
	{ }
};
