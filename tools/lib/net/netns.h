/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container's network namespace: links (veth, macvlan, lo, dummy), addresses,
 * routes and their rules, neighbours, address labels, sysctls; and the lock that drops
 * (never refuses) its packets between freeze and resume.
 */
#ifndef LM_NETNS_H
#define LM_NETNS_H

#include "../record.h"

/* One link is a nest LM_NETNS_LINK; addresses, routes and so on are the kernel's own
 * rtnetlink messages in binary, with the interface given by its index in the
 * list of links.
 */
enum lm_netns_attr {
	LM_NETNS_UNSPEC,
	LM_NETNS_INO,		/* u32: as in struct livemig_ns */
	LM_NETNS_NAME,		/* string: name under /run/netns, or absent */
	LM_NETNS_LINK,		/* nest, enum lm_link_attr; one a link */
	LM_NETNS_ADDR,		/* binary: ifaddrmsg + attributes; one an address */
	LM_NETNS_ROUTE,		/* binary: rtmsg + attributes; one a route */
	LM_NETNS_SYSCTL,	/* string "net/ipv4/...=value"; one each */
	LM_NETNS_NEIGH,		/* binary: ndmsg + attributes; one a neighbour, or a forwarding
				 * entry (AF_BRIDGE); the interface is -1 for a proxy on all
				 */
	LM_NETNS_RULE,		/* binary: fib_rule_hdr + attributes; one a rule, see rules.c */
	LM_NETNS_ADDRLABEL,	/* binary: ifaddrlblmsg + attributes; one a label; the
				 * interface is -1 for all; see addrlabel.c
				 */
	LM_NETNS_NO_ROUTE,	/* binary: rtmsg + attributes; one of the kernel's that is
				 * not there each, see kroutes.c
				 */
	LM_NETNS_NSID,		/* binary: u32 whose, s32 number: nsid.c */
	LM_NETNS_MPTCP,		/* binary: genlmsghdr + attributes; one a message that sets an
				 * endpoint or limits, see mptcp.c
				 */
	LM_NETNS_MAX = LM_NETNS_MPTCP
};

enum lm_link_attr {
	LM_LINK_UNSPEC,
	LM_LINK_INDEX,		/* u32: ifindex on the source */
	LM_LINK_NAME,		/* string */
	LM_LINK_KIND,		/* string: "lo", "veth", "macvlan", "dummy" */
	LM_LINK_MAC,		/* 6 bytes */
	LM_LINK_MTU,		/* u32 */
	LM_LINK_UP,		/* flag */
	LM_LINK_PEER,		/* string: veth: name of the host's end */
	LM_LINK_PARENT,		/* string: veth: bridge of the host's end; macvlan: lower */
	LM_LINK_MODE,		/* u32: macvlan mode */
	LM_LINK_FLAGS,		/* u32: IFF_NOARP, _ALLMULTI, _PROMISC, _MULTICAST */
	LM_LINK_TXQLEN,		/* u32 */
	LM_LINK_GROUP,		/* u32 */
	LM_LINK_ALIAS,		/* string */
	LM_LINK_ALTNAME,	/* string; one a name */
	LM_LINK_VFLAGS,		/* u32: macvlan: MACVLAN_FLAG_* */
	LM_LINK_BC_QUEUE,	/* u32: macvlan: broadcasts that may wait */
	LM_LINK_SOURCE,		/* 6 bytes: macvlan in source mode: from whom; one each */
	LM_LINK_MAX = LM_LINK_SOURCE
};

/* Describe the namespace behind @nsfd into @b (attributes of LM_REC_NETNS).
 * Refuses link kinds that it does not know, by name.
 */
int lm_netns_dump(int nsfd, struct lm_buf *b, struct lm_error *e);

/* Do devices, addresses, routes and rules (nftables, too) change? watch.c */
struct lm_netns_watch {
	int links, rules;	/* sockets; -1: none */
};
int lm_netns_watch_open(struct lm_netns_watch *w, int nsfd, struct lm_error *e);
bool lm_netns_changed(const struct lm_netns_watch *w);	/* since _open() or _again() */
void lm_netns_watch_again(const struct lm_netns_watch *w);
void lm_netns_watch_close(struct lm_netns_watch *w);

/* Make it again: a new namespace with its links, isolated: it neither answers
 * nor sends until lm_netns_open_up(). Return: fd of the namespace, or -1.
 * @user: an fd of the user namespace that it belongs to; 0: ours.
 * @parent: as lm_restore_opts.net_parent. Fails with LM_REFUSED when the
 * name or the parent device is taken or missing. *@undo is for _remove().
 */
struct lm_netns_made;
int lm_netns_make(const void *attrs, size_t len, int user, const char *parent,
		  struct lm_netns_made **undo, struct lm_error *e);
int lm_netns_open_up(struct lm_netns_made *n, struct lm_error *e); /* and announce */
void lm_netns_remove(struct lm_netns_made *n);	/* undo all */
void lm_netns_free(struct lm_netns_made *n);	/* keep all */

/* Drop all packets (IP and ARP) in and out of @nsfd while the lock is held; it is
 * nft tables owned by a netlink socket: they go when this process dies.
 */
struct lm_netlock;
#define LM_NETLOCK_MARK	0x6c6d	/* SO_MARK of our own packets */
/* @pass: those do pass. Not on a source, where a container's rules can mark others. */
int lm_netlock(int nsfd, bool pass, struct lm_netlock **l, struct lm_error *e);
void lm_netunlock(struct lm_netlock *l);

/* Source: the same without an owner, from COMMIT on: stays when this process
 * dies, as then the addresses may be in use elsewhere. @quiet false undoes it.
 */
int lm_netns_quiet(int nsfd, bool quiet, struct lm_error *e);
/* Source, after the move: delete the links, and the name in /run/netns. */
int lm_netns_clear(int nsfd, struct lm_error *e);

/* Tell the neighbours where the addresses of @nsfd live. Best effort. */
void lm_netns_announce(int nsfd);

/* Give it its name under /run/netns; from then on it outlives this process. */
int lm_netns_publish(struct lm_netns_made *n, struct lm_error *e);
/* Lock it again: what happens now must not be heard outside. */
void lm_netns_shut(struct lm_netns_made *n);

/* Have the kernel load what all this needs, before a container is stopped. Best
 * effort.
 */
void lm_netns_warm(void);
/* The same for the tracking of connections, which has settings. */
void lm_netns_warm_conntrack(void);

#endif
