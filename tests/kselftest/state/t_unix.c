// SPDX-License-Identifier: GPL-2.0-or-later
/* Unix sockets: pairs and their queues, listeners, names. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "lm.h"

#define TCP_ESTABLISHED	1
#define TCP_LISTEN	10

static struct obj sock_of(const struct dump *d, pid_t pid, int fd,
			  uint32_t *file)
{
	const struct obj *f = find_fd(d, pid, fd, NULL);

	if (!f || attr_u32(f, LIVEMIG_FILE_A_TYPE) != LIVEMIG_FILE_SOCKET)
		bail("fd %d is no socket", fd);
	if (file)
		*file = attr_u32(f, LIVEMIG_FILE_A_ID);
	return attr_nest(f, LIVEMIG_FILE_A_SOCK);
}

/* 60 and 61: two ends, nothing else open of them. */
static void pair(int type)
{
	int p[2];

	if (socketpair(AF_UNIX, type, 0, p))
		_exit(1);
	dup2(p[0], 60);
	dup2(p[1], 61);
	close(p[0]);
	close(p[1]);
}

static char big[100000];

static void stream_child(void)
{
	char buf[3000];
	size_t i;

	for (i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + (i >> 8));
	pair(SOCK_STREAM);
	for (i = 0; i < sizeof(big); i += 5000)
		if (write(60, big + i, 5000) != 5000)
			_exit(1);
	if (read(61, buf, sizeof(buf)) != sizeof(buf))
		_exit(1);
	ready();
}

static void test_stream(void)
{
	static char buf[200000];
	const struct ucred *uc;
	uint32_t file;
	size_t i, n, bad = 0;
	struct dump d;
	struct obj a, b;
	pid_t pid = spawn(stream_child);

	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	a = sock_of(&d, pid, 60, NULL);
	b = sock_of(&d, pid, 61, &file);
	CHECK_EQ(attr_u32(&a, LIVEMIG_SOCK_FAMILY), AF_UNIX);
	CHECK_EQ(attr_u32(&a, LIVEMIG_SOCK_TYPE), SOCK_STREAM);
	CHECK_EQ(attr_u32(&a, LIVEMIG_SOCK_STATE), TCP_ESTABLISHED);
	CHECK_EQ(attr_u64(&a, LIVEMIG_SOCK_PEER_INO),
		 attr_u64(&b, LIVEMIG_SOCK_INO));
	CHECK_EQ(attr_u64(&b, LIVEMIG_SOCK_PEER_INO),
		 attr_u64(&a, LIVEMIG_SOCK_INO));
	CHECK(!attr(&a, LIVEMIG_SOCK_LOCAL));
	CHECK_EQ(attr_u32(&b, LIVEMIG_SOCK_QUEUED), 20);
	uc = attr_data(&a, LIVEMIG_SOCK_PEER_CRED, NULL);
	if (CHECK(uc))
		CHECK_EQ(uc->pid, pid);
	n = gather(&d, file, LIVEMIG_QUEUE_RECV, buf, sizeof(buf));
	CHECK_EQ(n, 97000);
	for (i = 0; i < n; i++)
		bad += buf[i] != (char)((i + 3000) * 7 + ((i + 3000) >> 8));
	CHECK_EQ(bad, 0);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

static void message_child(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	memcpy(un.sun_path, "\0state-sender", 13);
	memset(big, 'B', sizeof(big));
	pair(told->n[0]);
	if (told->n[0] == SOCK_DGRAM && bind(60, (void *)&un, 2 + 13))
		_exit(1);
	if (send(60, "first", 5, 0) < 0 || send(60, "", 0, 0) < 0 ||
	    send(60, big, 40000, 0) < 0 || send(60, "last", 4, 0) < 0)
		_exit(1);
	ready();
}

static void messages(int type)
{
	static const size_t want[] = { 5, 0, 40000, 4 };
	size_t len[4] = {}, n;
	uint32_t file;
	struct dump d;
	struct obj s;
	pid_t pid;
	int i, pieces = 0;

	told->n[0] = type;
	pid = spawn(message_child);
	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	s = sock_of(&d, pid, 61, &file);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_TYPE), type);
	for (i = 0; i < d.nr; i++) {
		const struct obj *o = &d.objs[i];
		const char *name;

		if (o->type != LIVEMIG_OBJ_DATA ||
		    attr_u32(o, LIVEMIG_DATA_FILE) != file)
			continue;
		if (!CHECK(attr_u64(o, LIVEMIG_DATA_OFFSET) < 4))
			break;
		CHECK(attr(o, LIVEMIG_DATA_BYTES));
		attr_data(o, LIVEMIG_DATA_BYTES, &n);
		len[attr_u64(o, LIVEMIG_DATA_OFFSET)] += n;
		pieces++;
		if (type == SOCK_DGRAM && attr_u64(o, LIVEMIG_DATA_OFFSET) == 0) {
			name = attr_data(o, LIVEMIG_DATA_NAME, &n);
			CHECK(n == 15 && !memcmp(name + 2, "\0state-sender", 13));
		}
	}
	CHECK_EQ(pieces, 6);
	for (i = 0; i < 4; i++)
		CHECK_EQ(len[i], want[i]);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

static void test_dgram(void)
{
	messages(SOCK_DGRAM);
}

static void test_seqpacket(void)
{
	messages(SOCK_SEQPACKET);
}

static void listener_child(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX,
				  .sun_path = "/tmp/state-socket" };
	struct sockaddr_un ab = { .sun_family = AF_UNIX };
	int s;

	unlink(un.sun_path);
	dup2(socket(AF_UNIX, SOCK_STREAM, 0), 60);
	if (bind(60, (void *)&un, sizeof(un)) || listen(60, 12))
		_exit(1);
	memcpy(ab.sun_path, "\0state-abstract", 15);
	dup2(socket(AF_UNIX, SOCK_SEQPACKET, 0), 61);
	if (bind(61, (void *)&ab, 2 + 15) || listen(61, 3))
		_exit(1);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(s, (void *)&un, sizeof(un)))
		_exit(1);
	dup2(s, 62);
	dup2(accept(60, NULL, NULL), 63);
	/* The other end is gone. */
	dup2(socket(AF_UNIX, SOCK_STREAM, 0), 64);
	if (connect(64, (void *)&un, sizeof(un)))
		_exit(1);
	close(accept(60, NULL, NULL));
	setsockopt(62, SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int));
	ready();
}

static void test_listener(void)
{
	const struct livemig_sock_options *o;
	const struct sockaddr_un *un;
	struct dump d;
	struct obj s;
	size_t len;
	pid_t pid = spawn(listener_child);

	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	s = sock_of(&d, pid, 60, NULL);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_STATE), TCP_LISTEN);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_BACKLOG), 12);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_UNACCEPTED), 0);
	un = attr_data(&s, LIVEMIG_SOCK_LOCAL, &len);
	CHECK(un && !strcmp(un->sun_path, "/tmp/state-socket"));
	s = sock_of(&d, pid, 61, NULL);
	un = attr_data(&s, LIVEMIG_SOCK_LOCAL, &len);
	CHECK(len == 17 && !memcmp(un->sun_path, "\0state-abstract", 15));
	s = sock_of(&d, pid, 62, NULL);
	un = attr_data(&s, LIVEMIG_SOCK_REMOTE, &len);
	CHECK(un && !strcmp(un->sun_path, "/tmp/state-socket"));
	o = attr_data(&s, LIVEMIG_SOCK_OPTIONS, NULL);
	CHECK(o->flags & LIVEMIG_SOCK_F_PASSCRED);
	s = sock_of(&d, pid, 64, NULL);
	CHECK_EQ(attr_u64(&s, LIVEMIG_SOCK_PEER_INO), 0);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
	unlink("/tmp/state-socket");
}

const struct test tests_unix[] = {
	{ "unix_stream", test_stream },
	{ "unix_dgram", test_dgram },
	{ "unix_seqpacket", test_seqpacket },
	{ "unix_listener", test_listener },
	{}
};
