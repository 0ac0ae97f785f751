/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to netns_dump.c and netns_make.c: the parts of a network namespace that
 * have files of their own. A device is given by its place in the record: @links and
 * @index are in that order.
 */
#ifndef LM_NET_PARTS_H
#define LM_NET_PARTS_H

#include "netns.h"
#include "rtnl.h"

/* link.c: of a nest LM_NETNS_LINK */
int lm_link_dump(struct lm_rt *rt, const struct lm_link *l, struct lm_buf *b,
		 struct lm_error *e);
int lm_link_make(struct lm_rt *rt, int index, const struct nlattr *rec, struct lm_error *e);

/* ... and of one that is a macvlan, on making it: how it differs from others */
void lm_macvlan_put(struct nlmsghdr *nlh, const struct nlattr *const *tb);

/* refuse.c: what does not move */
int lm_net_refuse(struct lm_rt *rt, const struct lm_link *links, size_t nr_links,
		  struct lm_error *e);

/* neigh.c */
int lm_neigh_dump(struct lm_rt *rt, const struct lm_link *links, size_t nr_links,
		  struct lm_buf *b, struct lm_error *e);
int lm_neigh_make(struct lm_rt *rt, const int *index, size_t nr_links,
		  const struct nlattr *rec, struct lm_error *e);

/* rules.c: all that the record has, in its order */
int lm_rules_dump(struct lm_rt *rt, struct lm_buf *b, struct lm_error *e);
int lm_rules_make(struct lm_rt *rt, const struct nlattr *const *rules, size_t nr,
		  struct lm_error *e);

/* addrlabel.c */
int lm_addrlabels_dump(struct lm_rt *rt, const struct lm_link *links, size_t nr_links,
		       struct lm_buf *b, struct lm_error *e);
int lm_addrlabel_make(struct lm_rt *rt, const int *index, size_t nr_links,
		      const struct nlattr *rec, struct lm_error *e);

/* kroutes.c: the kernel's own routes. Tell it of all addresses first: a route of one
 * that comes meanwhile is not missing then.
 */
struct lm_kroutes {
	const struct lm_link *links;
	size_t nr_links;
	struct lm_kroute *v;	/* free() it in the end */
	size_t nr;
	bool oom;
};
void lm_kroutes_addr(struct lm_kroutes *k, const struct nlmsghdr *nlh);
/* Does this route come by itself where its address goes? */
bool lm_kroutes_own(struct lm_kroutes *k, const struct nlmsghdr *nlh);
/* Those of which lm_kroutes_own() was not told. */
int lm_kroutes_put_gone(const struct lm_kroutes *k, struct lm_buf *b, struct lm_error *e);
/* When the routes are made. */
int lm_kroutes_make_gone(struct lm_rt *rt, const int *index, size_t nr_links,
			 const struct nlattr *rec, struct lm_error *e);

/* nsid.c. *@id: number of the namespace behind @fd in that of @rt; -1: it has none. */
int lm_nsid_ask(struct lm_rt *rt, int fd, int *id, struct lm_error *e);
/* @host: the number of the host's */
int lm_nsid_dump(struct lm_rt *rt, const struct lm_link *links, size_t nr_links, int host,
		 struct lm_buf *b, struct lm_error *e);
/* Before devices are made, by which the kernel gives numbers. */
int lm_nsid_make(struct lm_rt *rt, int host_fd, const struct nlattr *rec, struct lm_error *e);

/* mptcp.c: in the namespace of the calling thread. */
int lm_mptcp_dump(const struct lm_link *links, size_t nr_links, struct lm_buf *b,
		  struct lm_error *e);
int lm_mptcp_make(const int *index, size_t nr_links, const struct nlattr *rec,
		  struct lm_error *e);
void lm_mptcp_fresh(void);	/* this is a fresh one: what are its limits? */

/* net_sysctl.c: look at a fresh namespace, once */
void lm_net_fresh(void);
/* ... in the namespace of the calling thread */
int lm_net_sysctl_dump(const struct lm_link *links, size_t nr_links, struct lm_buf *b,
		       struct lm_error *e);
/* Does one of @all begin with @dir? */
bool lm_net_sysctl_below(const struct nlattr *const *all, size_t nr, const char *dir);
/* @all: attributes LM_NETNS_SYSCTL. @dev NULL: set those of no device that is still to be
 * made; a name: that device's; "": all of them.
 */
int lm_net_sysctl_make(const struct nlattr *const *all, size_t nr, const char *dev,
		       struct lm_error *e);

#endif
