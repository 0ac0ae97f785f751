// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the family refuses: with which errno, and always with a reason in words.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box.h"
#include "fam.h"
#include "ktap.h"

static struct fam nl;
static struct box box;
static int session;

/* One request with attributes from a list: what each entry adds. */
struct add {
	int attr;
	enum { U32, S32, STR, RAW } type;
	long value;
	const char *str;
};

#define SESSION	{ LIVEMIG_A_SESSION, U32, session, NULL }

static int request(int cmd, int flags, const struct add *add, int n)
{
	struct nl_msg *msg = fam_request(&nl, cmd, flags);
	int i;

	for (i = 0; i < n; i++) {
		switch (add[i].type) {
		case U32:
			nla_put_u32(msg, add[i].attr, add[i].value);
			break;
		case S32:
			nla_put_s32(msg, add[i].attr, add[i].value);
			break;
		case STR:
			nla_put_string(msg, add[i].attr, add[i].str);
			break;
		case RAW:
			nla_put(msg, add[i].attr, add[i].value, add[i].str);
			break;
		}
	}
	return fam_call(&nl, msg, NULL, NULL);
}

/* refused(name, errno, command, flags, attribute...): the request fails so, and
 * says why. Two steps, as NEW and PAGES below stand for several arguments.
 */
#define refused(...) refused_(__VA_ARGS__)
#define refused_(name, err, cmd, flags, ...) do {			\
	const struct add add_[] = { __VA_ARGS__ };			\
	int r_ = request(cmd, flags, add_, sizeof(add_) / sizeof(*add_)); \
									\
	printf("# %s, \"%s\"\n", strerror(-r_), nl.text);		\
	check(r_ == -(err) && nl.text[0], name);			\
} while (0)

static void malformed(void)
{
	char name64[65] = "";
	int cmds[] = { LIVEMIG_CMD_SESSION_DEL, LIVEMIG_CMD_SESSION_GET,
		       LIVEMIG_CMD_SESSION_SET, LIVEMIG_CMD_FREEZE,
		       LIVEMIG_CMD_THAW, LIVEMIG_CMD_TRACK_START,
		       LIVEMIG_CMD_TRACK_STOP, LIVEMIG_CMD_PAGES };
	struct add none = { LIVEMIG_A_SESSION, U32, 12345, NULL };
	bool missing = true, unknown = true;
	unsigned int i;

	memset(name64, 'x', 64);
	for (i = 0; i < sizeof(cmds) / sizeof(*cmds); i++) {
		missing = missing && request(cmds[i], 0, NULL, 0) == -EINVAL &&
			  strstr(nl.text, "SESSION is missing");
		unknown = unknown && request(cmds[i], 0, &none, 1) == -ENOENT &&
			  strstr(nl.text, "12345");
	}
	check(missing, "commands without SESSION");
	check(unknown, "commands with an unknown session");
	refused("TASK_GET without SESSION", EINVAL, LIVEMIG_CMD_TASK_GET,
		NLM_F_DUMP);
	refused("TASK_GET of an unknown session", ENOENT, LIVEMIG_CMD_TASK_GET,
		NLM_F_DUMP, none);
	check(request(LIVEMIG_CMD_TASK_GET, 0, &none, 1) == -EOPNOTSUPP,
	      "TASK_GET without the dump flag");
	check(request(LIVEMIG_CMD_FREEZE, NLM_F_DUMP, &none, 1) == -EOPNOTSUPP,
	      "FREEZE with the dump flag");
	check(request(LIVEMIG_CMD_EVENT, 0, NULL, 0) == -EOPNOTSUPP,
	      "EVENT, which only the kernel sends");
	check(request(200, 0, NULL, 0) == -EOPNOTSUPP, "an unknown command");

	refused("an unknown attribute", EINVAL, LIVEMIG_CMD_THAW, 0, SESSION,
		{ 60, U32, 1, NULL });
	refused("an attribute of another command", EINVAL, LIVEMIG_CMD_THAW, 0,
		SESSION, { LIVEMIG_A_TIMEOUT_MS, U32, 1, NULL });
	refused("an attribute for GET_INFO, which takes none", EINVAL,
		LIVEMIG_CMD_GET_INFO, 0, SESSION);
	refused("SESSION of 2 bytes", EINVAL, LIVEMIG_CMD_THAW, 0,
		{ LIVEMIG_A_SESSION, RAW, 2, "\1\0" });
	refused("SESSION of 8 bytes", EINVAL, LIVEMIG_CMD_THAW, 0,
		{ LIVEMIG_A_SESSION, RAW, 8, "\1\0\0\0\0\0\0" });
	refused("SESSION 0", ERANGE, LIVEMIG_CMD_THAW, 0,
		{ LIVEMIG_A_SESSION, U32, 0, NULL });
	refused("TIMEOUT_MS 0", ERANGE, LIVEMIG_CMD_FREEZE, 0, SESSION,
		{ LIVEMIG_A_TIMEOUT_MS, U32, 0, NULL });
	refused("TIMEOUT_MS 600001", ERANGE, LIVEMIG_CMD_FREEZE, 0, SESSION,
		{ LIVEMIG_A_TIMEOUT_MS, U32, 600001, NULL });
	refused("SESSION_SET without SESSION_FLAGS", EINVAL,
		LIVEMIG_CMD_SESSION_SET, 0, SESSION);
	refused("SESSION_SET with an unknown flag", EINVAL,
		LIVEMIG_CMD_SESSION_SET, 0, SESSION,
		{ LIVEMIG_A_SESSION_FLAGS, U32, 2, NULL });

	refused("SESSION_NEW without CGROUP_FD", EINVAL,
		LIVEMIG_CMD_SESSION_NEW, 0);
#define FD { LIVEMIG_A_CGROUP_FD, S32, box.fd, NULL }
	refused("CGROUP_FD -1", ERANGE, LIVEMIG_CMD_SESSION_NEW, 0,
		{ LIVEMIG_A_CGROUP_FD, S32, -1, NULL });
	refused("NAME \"\"", EINVAL, LIVEMIG_CMD_SESSION_NEW, 0, FD,
		{ LIVEMIG_A_NAME, STR, 0, "" });
	refused("NAME with a blank", EINVAL, LIVEMIG_CMD_SESSION_NEW, 0, FD,
		{ LIVEMIG_A_NAME, STR, 0, "a b" });
	refused("NAME with a slash", EINVAL, LIVEMIG_CMD_SESSION_NEW, 0, FD,
		{ LIVEMIG_A_NAME, STR, 0, "a/b" });
	refused("NAME beyond ASCII", EINVAL, LIVEMIG_CMD_SESSION_NEW, 0, FD,
		{ LIVEMIG_A_NAME, STR, 0, "\303\244" });
	refused("NAME of 64 bytes", EINVAL, LIVEMIG_CMD_SESSION_NEW, 0, FD,
		{ LIVEMIG_A_NAME, STR, 0, name64 });
	refused("NAME without an end", EINVAL, LIVEMIG_CMD_SESSION_NEW, 0, FD,
		{ LIVEMIG_A_NAME, RAW, 4, "abcd" });
	refused("an unknown session flag", EINVAL, LIVEMIG_CMD_SESSION_NEW, 0,
		FD, { LIVEMIG_A_SESSION_FLAGS, U32, 0x80000000, NULL });
#undef FD
}

#define NEW(fd) LIVEMIG_CMD_SESSION_NEW, 0, \
	{ LIVEMIG_A_CGROUP_FD, S32, fd, NULL }

static void cgroups(void)
{
	struct box sub, other;
	int fd, own, id;

	fd = open("/tmp", O_RDONLY);
	refused("a directory that is no cgroup", EBADF, NEW(fd));
	close(fd);
	refused("an fd that is not open", EBADF, NEW(fd));
	fd = openat(box.fd, "cgroup.procs", O_RDONLY);
	refused("a file of a cgroup", EBADF, NEW(fd));
	close(fd);
	fd = open("/sys/fs/cgroup", O_RDONLY);
	refused("the root cgroup", EINVAL, NEW(fd));
	close(fd);

	box_open(&other, "lm-own", 0);
	own = fork();
	if (!own) {
		struct fam mine;

		box_write(&other, "cgroup.procs", "0");
		_exit(fam_open(&mine) ||
		      fam_session_new(&mine, other.fd, NULL, 0) != -EDEADLK ||
		      !mine.text[0]);
	}
	waitpid(own, &own, 0);
	check(!own, "a cgroup with the caller in it");

	refused("a cgroup that has a session", EBUSY, NEW(box.fd));
	box_open(&sub, "lm-refuse/below", 0);
	refused("one below it", EBUSY, NEW(sub.fd));
	id = fam_session_new(&nl, other.fd, "taken", 0);
	check(id > 0, "(one beside it is accepted)");
	box_close(&sub);
	fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, session);

	box_open(&sub, "lm-refuse/below", 0);
	session = fam_session_new(&nl, sub.fd, NULL, 0);
	check(session > 0, "(one below it, when it has none any more)");
	refused("one above a session", EBUSY, NEW(box.fd));
	refused("a name that is taken", EEXIST, LIVEMIG_CMD_SESSION_NEW, 0,
		{ LIVEMIG_A_CGROUP_FD, S32, box.fd, NULL },
		{ LIVEMIG_A_NAME, STR, 0, "taken" });
	box_close(&sub);
	refused("FREEZE when the cgroup was removed", ENODEV,
		LIVEMIG_CMD_FREEZE, 0, SESSION);
	refused("TASK_GET when the cgroup was removed", ENODEV,
		LIVEMIG_CMD_TASK_GET, NLM_F_DUMP, SESSION);
	check(!fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, session),
	      "(SESSION_DEL is still possible)");
	fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, id);

	fd = open(other.path, O_PATH);
	id = fam_session_new(&nl, fd, NULL, 0);
	check(id > 0, "(an O_PATH descriptor is accepted)");
	fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, id);
	close(fd);
	fd = open(other.path, O_RDONLY);
	box_close(&other);
	refused("a cgroup that was removed", ENOENT, NEW(fd));
	close(fd);

	session = fam_session_new(&nl, box.fd, NULL, 0);
}

#define PAGES(fd) LIVEMIG_CMD_PAGES, 0, SESSION, \
	{ LIVEMIG_A_FD, S32, fd, NULL }

static void pages(void)
{
	int fd, sv[2];

	refused("PAGES without FD", EINVAL, LIVEMIG_CMD_PAGES, 0, SESSION);
	refused("PAGES with FD -1", ERANGE, PAGES(-1));
	fd = open("/tmp", O_RDONLY);
	refused("PAGES to a directory", EBADF, PAGES(fd));
	close(fd);
	refused("PAGES to an fd that is not open", EBADF, PAGES(fd));
	fd = open("/proc/self/exe", O_RDONLY);
	refused("PAGES to a file open for reading", EBADF, PAGES(fd));
	close(fd);
	fd = openat(box.fd, "cgroup.freeze", O_WRONLY);
	refused("PAGES to a file of a cgroup", EINVAL, PAGES(fd));
	close(fd);
	fd = open("/dev/null", O_WRONLY);
	refused("PAGES to a device", EINVAL, PAGES(fd));
	close(fd);
	if (!socketpair(AF_UNIX, SOCK_DGRAM, 0, sv)) {
		refused("PAGES to a datagram socket", EINVAL, PAGES(sv[0]));
		close(sv[0]);
		close(sv[1]);
	}
	refused("PAGES to the netlink socket itself", EINVAL,
		PAGES(nl_socket_get_fd(nl.sk)));
	refused("PAGES with an unknown flag", EINVAL, LIVEMIG_CMD_PAGES, 0,
		SESSION, { LIVEMIG_A_PAGES_FLAGS, U32, 8, NULL });
	fd = open("/tmp/lm-pages", O_WRONLY | O_CREAT, 0600);
	refused("a final round of a running container", EBUSY, PAGES(fd),
		{ LIVEMIG_A_PAGES_FLAGS, U32, LIVEMIG_PAGES_F_FINAL, NULL });
	refused("a final round without FD, running", EBUSY, LIVEMIG_CMD_PAGES,
		0, SESSION, { LIVEMIG_A_PAGES_FLAGS, U32, LIVEMIG_PAGES_F_FINAL |
			      LIVEMIG_PAGES_F_COUNT, NULL });
	refused("FD with COUNT", EINVAL, PAGES(fd),
		{ LIVEMIG_A_PAGES_FLAGS, U32, LIVEMIG_PAGES_F_COUNT, NULL });
	close(fd);
	unlink("/tmp/lm-pages");
}

static void drop_caps(int keep)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = {};

	if (keep >= 0)
		d[0].effective = d[0].permitted = 1U << keep;
	syscall(SYS_capset, &h, d);
}

/* In a child: what fails with @err and a reason. Return: a check's outcome. */
static bool child(bool (*fn)(int arg), int arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(!fn(arg));
	waitpid(pid, &status, 0);
	return status == 0;
}

static int info(struct fam *f)
{
	return fam_call(f, fam_request(f, LIVEMIG_CMD_GET_INFO, 0), NULL, NULL);
}

static bool all_refused(struct fam *f, bool words)
{
	struct nl_msg *msg;
	static struct dump d;

	if (info(f) != -EPERM || (words && !f->text[0]))
		return false;
	if (fam_session(f, LIVEMIG_CMD_FREEZE, session) != -EPERM)
		return false;
	if (fam_dump(f, session, &d) != -EPERM || d.next_seq ||
	    (words && !f->text[0]))
		return false;
	msg = fam_request(f, LIVEMIG_CMD_SESSION_GET, NLM_F_DUMP);
	return fam_call(f, msg, NULL, NULL) == -EPERM;
}

static bool no_caps(int keep)
{
	struct fam f;

	drop_caps(keep);
	/* Without CAP_NET_ADMIN generic netlink itself refuses, wordless. */
	return !fam_open(&f) && all_refused(&f, keep == CAP_NET_ADMIN);
}

static bool opened_before(int keep)
{
	drop_caps(keep);
	return all_refused(&nl, keep == CAP_NET_ADMIN);
}

static bool user_ns(int unused)
{
	struct fam f;

	return !unshare(CLONE_NEWUSER) && !fam_open(&f) && all_refused(&f, false);
}

static bool net_ns(int unused)
{
	struct fam f;

	return !unshare(CLONE_NEWNET) && fam_open(&f) == -ENOENT;
}

static bool listen_refused(int keep)
{
	struct fam f;

	drop_caps(keep);
	return fam_events_open(&f) == -EPERM;
}

static void privileges(void)
{
	check(child(no_caps, -1), "everything, without any capability");
	check(child(no_caps, CAP_NET_ADMIN), "everything, with CAP_NET_ADMIN alone");
	check(child(no_caps, CAP_SYS_ADMIN), "everything, with CAP_SYS_ADMIN alone");
	check(child(opened_before, -1), "a socket from before the drop");
	check(child(opened_before, CAP_NET_ADMIN),
	      "such a socket, with CAP_NET_ADMIN alone");
	check(child(user_ns, 0), "everything, with all of a user namespace's");
	check(child(net_ns, 0), "in another network namespace there is no family");
	check(child(listen_refused, -1), "listening, without any capability");
	check(child(listen_refused, CAP_NET_ADMIN),
	      "listening, with CAP_NET_ADMIN alone");
}

static void unload(void)
{
	check(syscall(SYS_delete_module, "livemig", O_NONBLOCK) && errno == EWOULDBLOCK,
	      "unloading the module while there is a session");
}

/* Last: v1 hierarchies go only some time after they were unmounted. */
static void old_cgroups(void)
{
	int fd;

	mkdir("/tmp/v1", 0700);
	if (mount("v1", "/tmp/v1", "cgroup", 0, "none,name=lmtest")) {
		printf("ok %d - old cgroups # SKIP no cgroup v1 in this kernel\n", ++ktap_n);
	} else {
		mkdir("/tmp/v1/box", 0700);
		fd = open("/tmp/v1/box", O_RDONLY);
		refused("a cgroup v1 directory", EOPNOTSUPP, NEW(fd));
		close(fd);
		rmdir("/tmp/v1/box");
		umount("/tmp/v1");
	}
	fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, session);
	if (mount("v1", "/tmp/v1", "cgroup", 0, "freezer")) {
		printf("ok %d - old cgroups # SKIP no freezer v1 in this kernel\n", ++ktap_n);
	} else {
		refused("a hybrid host", EOPNOTSUPP, NEW(box.fd));
		umount("/tmp/v1");
	}
}

int main(void)
{
	ktap_begin();
	need(!fam_open(&nl), "the family is there");
	box_open(&box, "lm-refuse", 1);
	session = fam_session_new(&nl, box.fd, NULL, 0);
	need(session > 0, "a session is made");

	malformed();
	cgroups();
	pages();
	privileges();
	unload();
	check(!box_frozen(&box) && box_moves(&box), "the container runs all the time");
	old_cgroups();
	box_close(&box);
	return ktap_end();
}
