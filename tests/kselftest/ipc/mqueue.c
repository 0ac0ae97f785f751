// SPDX-License-Identifier: GPL-2.0-or-later
/* POSIX message queues. */
#include <fcntl.h>
#include <linux/livemig_dev.h>
#include <mqueue.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ipc.h"

#define LONG	6000	/* more than a page */
#define OWNER	1000
#define VALUE	0x123456789abcdef0UL

static mqd_t in, out, gone, gone_again, bell;

static mqd_t make(const char *queue, int flags, long maxmsg, long msgsize)
{
	struct mq_attr attr = { .mq_maxmsg = maxmsg, .mq_msgsize = msgsize };

	mq_unlink(queue);
	return mq_open(queue, flags | O_CREAT | O_EXCL, 0600, &attr);
}

static char pattern(int i)
{
	return i * 7 + i / 256;
}

static bool fails(int dev, const struct livemig_ioc_mqueue *how, int err)
{
	struct livemig_ioc_mqueue a = *how;

	return ioctl(dev, LIVEMIG_IOC_MQUEUE, &a) < 0 && errno == err;
}

/* The module is asked for what it must not answer. */
static void bad_requests(mqd_t q)
{
	static char buf[2 * LIVEMIG_MQUEUE_PIECE];
	const struct livemig_ioc_mqueue good = {
		.fd = q, .buf = (uintptr_t)buf, .len = sizeof(buf), .maxmsg = 6,
		.msgsize = LONG,
	};
	struct livemig_ioc_mqueue a = good;
	int dev = open("/dev/livemig", O_RDWR);

	check(!ioctl(dev, LIVEMIG_IOC_MQUEUE, &a) && a.waiting == 5 && a.len);
	a = good, a.fd = -1;
	check(fails(dev, &a, EBADF));
	a = good, a.fd = dev;
	check(fails(dev, &a, EINVAL));
	a = good, a.maxmsg++;
	check(fails(dev, &a, EOPNOTSUPP));
	a = good, a.maxmsg = 0;
	check(fails(dev, &a, EINVAL));
	a = good, a.msgsize = 1U << 31;
	check(fails(dev, &a, EINVAL));
	a = good, a.len = LIVEMIG_MQUEUE_PIECE - 1;
	check(fails(dev, &a, EINVAL));
	a = good, a.resv = 1;
	check(fails(dev, &a, EINVAL));
	a = good, a.buf = 8;
	check(fails(dev, &a, EFAULT));
	a = good, a.first = 1U << 31;
	check(!ioctl(dev, LIVEMIG_IOC_MQUEUE, &a) && a.waiting == 5 && !a.len);
	close(dev);
}

static void set_mqueue(void)
{
	static char text[LONG];
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1,
			       .sigev_value.sival_ptr = (void *)VALUE };
	sigset_t set;
	mqd_t q;

	for (int i = 0; i < LONG; i++)
		text[i] = pattern(i);
	umask(0);
	check(!setegid(OWNER + 1) && !seteuid(OWNER));
	out = make("/kept", O_WRONLY, 6, LONG);
	check(!seteuid(0) && !setegid(0));
	check(out >= 0 && !fchmod(out, 0640));
	in = mq_open("/kept", O_RDONLY | O_NONBLOCK);
	check(in >= 0);
	check(!mq_send(out, "three", 5, 3));
	check(!mq_send(out, text, LONG, 7));
	check(!mq_send(out, "", 0, 0));
	check(!mq_send(out, "again", 5, 3));
	check(!mq_send(out, "urgent", 6, 32767));
	bad_requests(out);

	q = make("/closed", O_WRONLY, 2, 16);
	check(q >= 0 && !mq_send(q, "nobody has it open", 16, 1) && !mq_close(q));

	gone = make("/gone", O_RDWR, 2, 16);
	check(gone >= 0 && !mq_send(gone, "first", 5, 1) && !mq_unlink("/gone"));
	gone_again = make("/gone", O_RDWR, 2, 16);
	check(gone_again >= 0 && !mq_send(gone_again, "second", 6, 1));

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	bell = make("/bell", O_WRONLY, 2, 16);
	check(bell >= 0 && !mq_notify(bell, &ev));
}

/* Is the next message of @q this one? */
static bool next_is(mqd_t q, const char *text, size_t len, unsigned int priority)
{
	char buf[LONG];
	unsigned int got;
	ssize_t n = mq_receive(q, buf, sizeof(buf), &got);

	return n == (ssize_t)len && got == priority && !memcmp(buf, text, len);
}

static bool limits_are(mqd_t q, long flags, long maxmsg, long msgsize, long waiting)
{
	struct mq_attr a;

	return !mq_getattr(q, &a) && a.mq_flags == flags && a.mq_maxmsg == maxmsg &&
	       a.mq_msgsize == msgsize && a.mq_curmsgs == waiting;
}

static void get_mqueue(void)
{
	struct timespec limit = { .tv_sec = 30 };
	static char text[LONG];
	siginfo_t info = { 0 };
	struct stat st;
	sigset_t set;
	mqd_t q;

	for (int i = 0; i < LONG; i++)
		text[i] = pattern(i);
	check(limits_are(in, O_NONBLOCK, 6, LONG, 5) && limits_are(out, 0, 6, LONG, 5));
	check(!fstat(in, &st) && st.st_mode == (S_IFREG | 0640) &&
	      st.st_uid == OWNER && st.st_gid == OWNER + 1);
	check(mq_send(in, "", 0, 0) < 0 && errno == EBADF);
	check(next_is(in, "urgent", 6, 32767) && next_is(in, text, LONG, 7));
	check(next_is(in, "three", 5, 3) && next_is(in, "again", 5, 3));
	check(next_is(in, "", 0, 0));
	check(mq_receive(in, text, LONG, NULL) < 0 && errno == EAGAIN);

	q = mq_open("/closed", O_RDWR);
	check(q >= 0 && limits_are(q, 0, 2, 16, 1) && next_is(q, "nobody has it op", 16, 1));

	check(!fstat(gone, &st) && !st.st_nlink && next_is(gone, "first", 5, 1));
	check(!fstat(gone_again, &st) && st.st_nlink == 1);
	q = mq_open("/gone", O_RDONLY);
	check(next_is(q, "second", 6, 1));

	/* It still waits for a message, and is told of one. */
	check(mq_notify(bell, &(struct sigevent){ .sigev_notify = SIGEV_NONE }) < 0 &&
	      errno == EBUSY);
	check(!mq_send(bell, "!", 1, 0));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	check(sigtimedwait(&set, &info, &limit) == SIGUSR1 && info.si_code == SI_MESGQ &&
	      info.si_ptr == (void *)VALUE && info.si_pid == getpid());
	check(!mq_unlink("/kept") && !mq_unlink("/closed") && !mq_unlink("/gone") &&
	      !mq_unlink("/bell"));
}

/* Notified by a thread, which a socket wakes. */
static void set_mqthread(void)
{
	static char cookie[32];
	int s = socket(AF_NETLINK, SOCK_RAW, 0);
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD, .sigev_signo = s,
			       .sigev_value.sival_ptr = cookie };

	bell = make("/bell", O_RDWR, 2, 16);
	check(bell >= 0 && !syscall(SYS_mq_notify, bell, &ev));
	close(s);
}

const struct test mqueue_tests[] = {
	{ "mqueue", set_mqueue, get_mqueue },
	{ "mqthread", set_mqthread, NULL },
	{ }
};
