// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client: generic netlink, one session, its objects. Kept apart from the
 * tools' own client, so that a mistake in one of them shows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include "lm.h"

#define BUF	65536

static struct mnl_socket *nl;
static int family;
static uint32_t session;
static unsigned int seq;
int lm_cgroup_fd = -1;
char lm_cgroup[64];

static struct nlmsghdr *start(char *buf, int fam, int cmd, int flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g;

	nlh->nlmsg_type = fam;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = 1;
	return nlh;
}

static int talk(struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
	static char buf[BUF];
	int n, ret = 1;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (ret > 0) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		ret = mnl_cb_run(buf, n, seq, mnl_socket_get_portid(nl), cb, arg);
	}
	return ret < 0 ? -errno : 0;
}

static int get_u32(const struct nlmsghdr *nlh, void *arg)
{
	uint32_t *want = arg;	/* [0] attribute, [1] value */
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == want[0])
			want[1] = mnl_attr_get_payload_len(a) == 2 ?
				  mnl_attr_get_u16(a) : mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static void open_family(void)
{
	uint32_t want[2] = { CTRL_ATTR_FAMILY_ID, 0 };
	char buf[BUF];
	struct nlmsghdr *nlh;
	int err;

	nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		bail("netlink: %m");
	nlh = start(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, LIVEMIG_GENL_NAME);
	err = talk(nlh, get_u32, want);
	if (err || !want[1])
		bail("the family livemig: %s", strerror(-err));
	family = want[1];
}

static int command(int cmd, int timeout_ms)
{
	char buf[BUF];
	struct nlmsghdr *nlh = start(buf, family, cmd, NLM_F_ACK);

	mnl_attr_put_u32(nlh, LIVEMIG_A_SESSION, session);
	if (timeout_ms)
		mnl_attr_put_u32(nlh, LIVEMIG_A_TIMEOUT_MS, timeout_ms);
	return talk(nlh, NULL, NULL);
}

void lm_begin(void)
{
	uint32_t want[2] = { LIVEMIG_A_SESSION, 0 };
	char buf[BUF];
	struct nlmsghdr *nlh;
	static int count;
	int err;

	snprintf(lm_cgroup, sizeof(lm_cgroup), "/sys/fs/cgroup/state-%d-%d",
		 getpid(), count++);
	if (mkdir(lm_cgroup, 0755))
		bail("%s: %m", lm_cgroup);
	lm_cgroup_fd = open(lm_cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	open_family();
	nlh = start(buf, family, LIVEMIG_CMD_SESSION_NEW, NLM_F_ACK);
	mnl_attr_put_u32(nlh, LIVEMIG_A_CGROUP_FD, lm_cgroup_fd);
	err = talk(nlh, get_u32, want);
	if (err || !want[1])
		bail("SESSION_NEW: %s", strerror(-err));
	session = want[1];
}

void lm_end(void)
{
	int i;

	if (nl)
		mnl_socket_close(nl);
	nl = NULL;
	close(lm_cgroup_fd);
	/* Children that were killed leave it a moment later. */
	for (i = 0; i < 6000 && rmdir(lm_cgroup) && errno == EBUSY; i++)
		usleep(10000);
}

void lm_freeze(void)
{
	int err = command(LIVEMIG_CMD_FREEZE, 60000);

	if (err)
		bail("FREEZE: %s", strerror(-err));
}

void lm_thaw(void)
{
	int err = command(LIVEMIG_CMD_THAW, 0);

	if (err)
		bail("THAW: %s", strerror(-err));
}

uint32_t lm_info_u32(int attr)
{
	uint32_t want[2] = { attr, 0 };
	char buf[BUF];
	int err = talk(start(buf, family, LIVEMIG_CMD_GET_INFO, NLM_F_ACK),
		       get_u32, want);

	if (err)
		bail("GET_INFO: %s", strerror(-err));
	return want[1];
}

struct collect {
	struct dump *d;
	uint32_t seq, cookie;
	int gaps;
};

static int collect_obj(const struct nlmsghdr *nlh, void *arg)
{
	struct collect *c = arg;
	struct dump *d = c->d;
	const struct nlattr *a;
	uint32_t n = ~0U, cookie = 0;
	struct obj o = {};

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(a)) {
		case LIVEMIG_A_OBJ_TYPE:
			o.type = mnl_attr_get_u32(a);
			break;
		case LIVEMIG_A_SEQ:
			n = mnl_attr_get_u32(a);
			break;
		case LIVEMIG_A_COOKIE:
			cookie = mnl_attr_get_u32(a);
			break;
		case LIVEMIG_A_OBJ:
			o.len = mnl_attr_get_payload_len(a);
			o.attrs = memcpy(malloc(o.len + 1),
					 mnl_attr_get_payload(a), o.len);
			break;
		}
	}
	if (!c->cookie)
		c->cookie = cookie;
	if (n != c->seq++ || cookie != c->cookie)
		c->gaps++;
	d->objs = realloc(d->objs, (d->nr + 1) * sizeof(*d->objs));
	d->objs[d->nr++] = o;
	return MNL_CB_OK;
}

int lm_try_dump(struct dump *d)
{
	struct collect c = { .d = d };
	char buf[BUF];
	struct nlmsghdr *nlh;
	int err;

	memset(d, 0, sizeof(*d));
	nlh = start(buf, family, LIVEMIG_CMD_TASK_GET, NLM_F_DUMP);
	mnl_attr_put_u32(nlh, LIVEMIG_A_SESSION, session);
	err = talk(nlh, collect_obj, &c);
	if (c.gaps)
		bail("%d messages of the dump were lost", c.gaps);
	return err;
}

void lm_dump(struct dump *d)
{
	int err = lm_try_dump(d);

	if (err)
		bail("TASK_GET: %s", strerror(-err));
}

void lm_dump_free(struct dump *d)
{
	int i;

	for (i = 0; i < d->nr; i++)
		free((void *)d->objs[i].attrs);
	free(d->objs);
	memset(d, 0, sizeof(*d));
}

const struct nlattr *attr(const struct obj *o, int type)
{
	const struct nlattr *a;

	if (!o || !o->attrs)
		return NULL;
	for (a = o->attrs; mnl_attr_ok(a, (char *)o->attrs + o->len - (char *)a);
	     a = mnl_attr_next(a))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

const void *attr_data(const struct obj *o, int type, size_t *len)
{
	const struct nlattr *a = attr(o, type);

	if (len)
		*len = a ? mnl_attr_get_payload_len(a) : 0;
	return a ? mnl_attr_get_payload(a) : NULL;
}

uint32_t attr_u32(const struct obj *o, int type)
{
	const struct nlattr *a = attr(o, type);

	return a ? mnl_attr_get_u32(a) : ~0U;
}

uint64_t attr_u64(const struct obj *o, int type)
{
	const struct nlattr *a = attr(o, type);

	return a ? mnl_attr_get_u64(a) : ~0ULL;
}

const char *attr_str(const struct obj *o, int type)
{
	const struct nlattr *a = attr(o, type);

	return a ? mnl_attr_get_str(a) : NULL;
}

struct obj attr_nest(const struct obj *o, int type)
{
	struct obj nest = {};

	nest.attrs = attr_data(o, type, &nest.len);
	return nest;
}

const struct obj *find_obj(const struct dump *d, uint32_t type, int key,
			   uint32_t value)
{
	int i;

	for (i = 0; i < d->nr; i++)
		if (d->objs[i].type == type &&
		    attr_u32(&d->objs[i], key) == value)
			return &d->objs[i];
	return NULL;
}

const struct obj *thread_obj(const struct dump *d, pid_t tid)
{
	const struct obj *o = find_obj(d, LIVEMIG_OBJ_THREAD,
				       LIVEMIG_THREAD_TID, tid);

	if (!o)
		bail("no THREAD object for %d", tid);
	return o;
}

const struct user_regs_struct *thread_regs(const struct obj *t)
{
	size_t len;
	const struct user_regs_struct *r = attr_data(t, LIVEMIG_THREAD_REGS, &len);

	if (!r || len != sizeof(*r))
		bail("REGS has %zu bytes", len);
	return r;
}

const struct obj *find_refusal(const struct dump *d, pid_t pid, int fd,
			       const char *what)
{
	const struct obj *o;
	int i;

	for (i = 0; i < d->nr; i++) {
		o = &d->objs[i];
		if (o->type != LIVEMIG_OBJ_UNSUPPORTED ||
		    attr_u32(o, LIVEMIG_UNSUPPORTED_PID) != (uint32_t)pid)
			continue;
		if (fd != -2 &&
		    (int)attr_u32(o, LIVEMIG_UNSUPPORTED_FD) != fd)
			continue;
		if (!strncmp(attr_str(o, LIVEMIG_UNSUPPORTED_WHAT), what,
			     strlen(what)))
			return o;
	}
	return NULL;
}

int count_refusals(const struct dump *d)
{
	int i, n = 0;

	for (i = 0; i < d->nr; i++)
		n += d->objs[i].type == LIVEMIG_OBJ_UNSUPPORTED;
	return n;
}

void show_refusals(const struct dump *d)
{
	int i;

	for (i = 0; i < d->nr; i++)
		if (d->objs[i].type == LIVEMIG_OBJ_UNSUPPORTED)
			printf("#   refused: pid %u fd %d: %s\n",
			       attr_u32(&d->objs[i], LIVEMIG_UNSUPPORTED_PID),
			       (int)attr_u32(&d->objs[i], LIVEMIG_UNSUPPORTED_FD),
			       attr_str(&d->objs[i], LIVEMIG_UNSUPPORTED_WHAT));
}

const struct obj *find_fd(const struct dump *d, pid_t pid, int fd,
			  struct livemig_fd *entry)
{
	const struct obj *p = find_obj(d, LIVEMIG_OBJ_PROCESS,
				       LIVEMIG_PROCESS_PID, pid);
	uint32_t files = attr_u32(p, LIVEMIG_PROCESS_FILES_ID);
	const struct livemig_fd *list;
	size_t len, j;
	int i;

	for (i = 0; i < d->nr; i++) {
		if (d->objs[i].type != LIVEMIG_OBJ_FDS ||
		    attr_u32(&d->objs[i], LIVEMIG_FDS_FILES_ID) != files)
			continue;
		list = attr_data(&d->objs[i], LIVEMIG_FDS_LIST, &len);
		for (j = 0; j < len / sizeof(*list); j++) {
			if (list[j].fd != (uint32_t)fd)
				continue;
			if (entry)
				*entry = list[j];
			return find_obj(d, LIVEMIG_OBJ_FILE, LIVEMIG_FILE_A_ID,
					list[j].file);
		}
	}
	return NULL;
}

size_t gather(const struct dump *d, uint32_t file, uint32_t queue, char *buf,
	      size_t size)
{
	size_t len, have = 0;
	const void *bytes;
	int i;

	for (i = 0; i < d->nr; i++) {
		const struct obj *o = &d->objs[i];

		if (o->type != LIVEMIG_OBJ_DATA ||
		    attr_u32(o, LIVEMIG_DATA_FILE) != file ||
		    attr_u32(o, LIVEMIG_DATA_QUEUE) != queue)
			continue;
		bytes = attr_data(o, LIVEMIG_DATA_BYTES, &len);
		if (have + len > size)
			bail("more queued data than expected");
		if (attr_u64(o, LIVEMIG_DATA_OFFSET) != have)
			bail("a gap in queued data");
		memcpy(buf + have, bytes, len);
		have += len;
	}
	return have;
}
