// SPDX-License-Identifier: LGPL-2.1-or-later
/* Entering a namespace without leaving one's own, and rtnetlink over libmnl. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "rtnl.h"

struct visit {
	int nsfd, flag, ret;
	lm_ns_fn fn;
	void *arg;
	struct lm_error *e;
};

static void *visitor(void *arg)
{
	struct visit *v = arg;

	/* (a mount namespace comes with a root, which threads share) */
	if ((v->flag == CLONE_NEWNS && unshare(CLONE_FS) < 0) ||
	    setns(v->nsfd, v->flag) < 0)
		v->ret = lm_fail_errno(v->e, LM_FAILED, "cannot enter the namespace");
	else
		v->ret = v->fn(v->arg, v->e);
	return NULL;
}

int lm_in_ns(int nsfd, int flag, lm_ns_fn fn, void *arg, struct lm_error *e)
{
	struct visit v = { .nsfd = nsfd, .flag = flag, .ret = -1, .fn = fn,
			   .arg = arg, .e = e };
	sigset_t all, old;
	pthread_t thread;
	int err;

	/* Signals are the caller's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, NULL, visitor, &v);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		errno = err;
		return lm_fail_errno(e, LM_FAILED, "cannot start a thread");
	}
	pthread_join(thread, NULL);
	return v.ret;
}

int lm_in_netns(int nsfd, lm_ns_fn fn, void *arg, struct lm_error *e)
{
	return nsfd < 0 ? fn(arg, e) : lm_in_ns(nsfd, CLONE_NEWNET, fn, arg, e);
}

struct socket_args {
	int family, type, protocol;
};

static int make_socket(void *arg, struct lm_error *e)
{
	struct socket_args *a = arg;
	int fd = socket(a->family, a->type | SOCK_CLOEXEC, a->protocol);

	if (fd < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot make a socket of family %d type %d",
				     a->family, a->type);
	return fd;
}

int lm_socket_in_netns(int nsfd, int family, int type, int protocol,
		       struct lm_error *e)
{
	struct socket_args a = { family, type, protocol };

	return lm_in_netns(nsfd, make_socket, &a, e);
}

uint32_t lm_ns_ino(int nsfd)
{
	struct stat st;

	return fstat(nsfd, &st) < 0 ? 0 : st.st_ino;
}

bool lm_netns_name(uint32_t ino, char *name, size_t len)
{
	struct stat dir, st;
	struct dirent *d;
	bool found = false;
	DIR *run;

	run = opendir("/run/netns");
	if (!run)
		return false;
	if (fstat(dirfd(run), &dir) < 0)
		dir.st_dev = 0;
	while (!found && (d = readdir(run))) {
		/* A name that nothing is mounted on has the directory's device. */
		if (d->d_name[0] == '.' || fstatat(dirfd(run), d->d_name, &st, 0) < 0 ||
		    st.st_dev == dir.st_dev || st.st_ino != ino)
			continue;
		found = snprintf(name, len, "%s", d->d_name) < (int)len;
	}
	closedir(run);
	return found;
}

int lm_rt_open(struct lm_rt *rt, int bus, struct lm_error *e)
{
	int on = 1;

	memset(rt, 0, sizeof(*rt));
	rt->nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!rt->nl)
		return lm_fail_errno(e, LM_FAILED, "cannot open a netlink socket (protocol %d)",
				     bus);
	mnl_socket_setsockopt(rt->nl, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(rt->nl, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(rt->nl, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (mnl_socket_bind(rt->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		lm_fail_errno(e, LM_FAILED, "cannot bind a netlink socket");
		lm_rt_close(rt);
		return -1;
	}
	rt->seq = time(NULL);
	return 0;
}

void lm_rt_close(struct lm_rt *rt)
{
	if (rt->nl)
		mnl_socket_close(rt->nl);
	rt->nl = NULL;
}

/* NETLINK_CAP_ACK: the attributes of an error follow the bare header, those of the end of
 * a list its status.
 */
static void note_extack(struct lm_rt *rt, const void *buf, int len)
{
	const struct nlmsghdr *h = buf;
	const struct nlattr *a;

	for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len)) {
		if ((h->nlmsg_type != NLMSG_ERROR && h->nlmsg_type != NLMSG_DONE) ||
		    !(h->nlmsg_flags & NLM_F_ACK_TLVS))
			continue;
		mnl_attr_for_each(a, h, h->nlmsg_type == NLMSG_DONE ? sizeof(int) :
				  sizeof(struct nlmsgerr))
			if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG &&
			    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
				snprintf(rt->text, sizeof(rt->text), ": %s",
					 mnl_attr_get_str(a));
	}
}

/* Why the kernel did not come to the end of a list (a negative errno): libmnl takes what
 * it has told by then for all of it.
 */
static int broken_off(const void *buf, int len)
{
	const struct nlmsghdr *h = buf;

	for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len))
		if (h->nlmsg_type == NLMSG_DONE && mnl_nlmsg_get_payload_len(h) >= sizeof(int))
			return *(const int *)mnl_nlmsg_get_payload(h);
	return 0;
}

int lm_rt_talk(struct lm_rt *rt, struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
	char buf[32768];
	int n, ret = MNL_CB_OK;

	rt->text[0] = 0;
	nlh->nlmsg_seq = ++rt->seq;
	nlh->nlmsg_flags |= NLM_F_REQUEST;
	/* NLM_F_EXCL is one of the two bits of NLM_F_DUMP. */
	if ((nlh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		nlh->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(rt->nl, nlh, nlh->nlmsg_len) < 0)
		return -1;
	while (ret > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(rt->nl, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		ret = mnl_cb_run(buf, n, rt->seq, mnl_socket_get_portid(rt->nl), cb, arg);
		if (ret == MNL_CB_STOP && broken_off(buf, n) < 0) {
			errno = -broken_off(buf, n);
			ret = MNL_CB_ERROR;
		}
		if (ret < 0) {
			int err = errno;

			note_extack(rt, buf, n);
			rt->interrupted |= err == EINTR;
			errno = err;
		}
	}
	return ret < 0 ? -1 : 0;
}

int lm_rt_do(struct lm_rt *rt, struct nlmsghdr *nlh, struct lm_error *e,
	     const char *fmt, ...)
{
	char what[256];
	va_list ap;
	int err;

	if (lm_rt_talk(rt, nlh, NULL, NULL) == 0)
		return 0;
	err = errno;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	errno = err;
	/* (that is how an older kernel answers to what only a newer one knows) */
	return lm_fail_errno(e, err == EINVAL || err == EOPNOTSUPP || err == ERANGE ?
			     LM_REFUSED : LM_FAILED, "%s%s", what, rt->text);
}

static void parse_linkinfo(const struct nlattr *info, struct lm_link *l)
{
	const struct nlattr *a, *d;

	mnl_attr_for_each_nested(a, info) {
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			snprintf(l->kind, sizeof(l->kind), "%.*s",
				 (int)mnl_attr_get_payload_len(a), mnl_attr_get_str(a));
		if (mnl_attr_get_type(a) == IFLA_INFO_DATA && !strcmp(l->kind, "macvlan"))
			mnl_attr_for_each_nested(d, a)
				if (mnl_attr_get_type(d) == IFLA_MACVLAN_MODE)
					l->mode = mnl_attr_get_u32(d);
	}
}

static void parse_link(const struct nlmsghdr *nlh, struct lm_link *l)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	memset(l, 0, sizeof(*l));
	l->index = ifi->ifi_index;
	l->flags = ifi->ifi_flags;
	l->lower_nsid = -1;
	if (ifi->ifi_flags & IFF_LOOPBACK)
		strcpy(l->kind, "lo");
	mnl_attr_for_each(a, nlh, sizeof(*ifi)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			snprintf(l->name, sizeof(l->name), "%s", mnl_attr_get_str(a));
			break;
		case IFLA_MTU:
			l->mtu = mnl_attr_get_u32(a);
			break;
		case IFLA_MASTER:
			l->master = mnl_attr_get_u32(a);
			break;
		case IFLA_LINK:
			l->lower = mnl_attr_get_u32(a);
			break;
		case IFLA_LINK_NETNSID:
			l->lower_nsid = (int)mnl_attr_get_u32(a);
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(a) == sizeof(l->mac)) {
				memcpy(l->mac, mnl_attr_get_payload(a), sizeof(l->mac));
				l->has_mac = true;
			}
			break;
		case IFLA_LINKINFO:
			parse_linkinfo(a, l);
			break;
		}
	}
}

static int one_link(const struct nlmsghdr *nlh, void *arg)
{
	parse_link(nlh, arg);
	return MNL_CB_OK;
}

struct nlmsghdr *lm_link_message(void *buf, uint16_t type, uint16_t flags, int index)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_index = index;
	return nlh;
}

int lm_rt_link(struct lm_rt *rt, const char *name, int index, struct lm_link *l)
{
	char buf[512];
	struct nlmsghdr *nlh = lm_link_message(buf, RTM_GETLINK, 0, name ? 0 : index);

	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return lm_rt_talk(rt, nlh, one_link, l);
}

struct link_list {
	struct lm_link *links;
	size_t n;
};

static int add_link(const struct nlmsghdr *nlh, void *arg)
{
	struct link_list *list = arg;
	struct lm_link *more = realloc(list->links, (list->n + 1) * sizeof(*more));

	if (!more)
		return MNL_CB_ERROR;
	list->links = more;
	parse_link(nlh, &more[list->n++]);
	return MNL_CB_OK;
}

int lm_rt_links(struct lm_rt *rt, struct lm_link **links, size_t *n)
{
	struct link_list list = { 0 };
	char buf[512];
	struct nlmsghdr *nlh = lm_link_message(buf, RTM_GETLINK, 0, 0);

	nlh->nlmsg_flags = NLM_F_DUMP;
	if (lm_rt_talk(rt, nlh, add_link, &list) < 0) {
		free(list.links);
		return -1;
	}
	*links = list.links;
	*n = list.n;
	return 0;
}

int lm_rt_flags(struct lm_rt *rt, int index, unsigned int flags, unsigned int mask)
{
	char buf[512];
	struct nlmsghdr *nlh = lm_link_message(buf, RTM_NEWLINK, 0, index);
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	ifi->ifi_flags = flags;
	ifi->ifi_change = mask;
	return lm_rt_talk(rt, nlh, NULL, NULL);
}

int lm_rt_del_link(struct lm_rt *rt, int index)
{
	char buf[512];

	return lm_rt_talk(rt, lm_link_message(buf, RTM_DELLINK, 0, index), NULL, NULL);
}
