/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to net/ and the socket kinds: working inside another network
 * namespace, and talking rtnetlink there.
 */
#ifndef LM_RTNL_H
#define LM_RTNL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>
#include "../error.h"

/* Run @fn in a thread of its own that has entered @nsfd: whatever goes wrong,
 * the caller stays in its namespace. @nsfd < 0: in the caller's namespace, as a
 * plain call. Return: what @fn returned, or -1.
 */
typedef int (*lm_ns_fn)(void *arg, struct lm_error *e);
int lm_in_netns(int nsfd, lm_ns_fn fn, void *arg, struct lm_error *e);
/* The same for a namespace of the type @flag, CLONE_NEW*. */
int lm_in_ns(int nsfd, int flag, lm_ns_fn fn, void *arg, struct lm_error *e);
/* socket() in @nsfd, close-on-exec. Return: fd or -1. */
int lm_socket_in_netns(int nsfd, int family, int type, int protocol,
		       struct lm_error *e);
/* Inode number of a namespace, 0 on error. */
uint32_t lm_ns_ino(int nsfd);
/* Name under /run/netns whose namespace has inode @ino. Return: found? */
bool lm_netns_name(uint32_t ino, char *name, size_t len);

/* A netlink socket in the namespace of the thread that opened it. */
struct lm_rt {
	struct mnl_socket *nl;
	unsigned int seq;
	char text[128];		/* what the kernel said to the last error */
	bool interrupted;	/* a list has changed while it was told */
};
int lm_rt_open(struct lm_rt *rt, int bus, struct lm_error *e);
void lm_rt_close(struct lm_rt *rt);
/* Send @nlh, run @cb on every answer until the last. Return: 0, or -1 with errno
 * and rt->text ("" or ": why").
 */
int lm_rt_talk(struct lm_rt *rt, struct nlmsghdr *nlh, mnl_cb_t cb, void *arg);
/* In @buf, the beginning of a message about a link. */
struct nlmsghdr *lm_link_message(void *buf, uint16_t type, uint16_t flags, int index);
/* The same, failing with "@what: reason". */
int lm_rt_do(struct lm_rt *rt, struct nlmsghdr *nlh, struct lm_error *e,
	     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* An interface, as far as anyone here cares. */
struct lm_link {
	int index, master, lower;
	int lower_nsid;		/* of ->lower; -1: the same namespace */
	unsigned int flags, mtu;
	uint32_t mode;		/* macvlan */
	char name[16], kind[16];	/* kind "" = hardware, "lo" = loopback */
	uint8_t mac[6];
	bool has_mac;
};
/* By name, or by index when @name is NULL. errno ENODEV: there is none. */
int lm_rt_link(struct lm_rt *rt, const char *name, int index, struct lm_link *l);
int lm_rt_links(struct lm_rt *rt, struct lm_link **links, size_t *n);
int lm_rt_flags(struct lm_rt *rt, int index, unsigned int flags,
		unsigned int mask);
int lm_rt_del_link(struct lm_rt *rt, int index);

/* dad.c: no duplicate address detection, in the namespace of the calling thread.
 * _off() before its devices are made, _on() after their addresses are.
 */
void lm_dad_off(void);
void lm_dad_on(struct lm_rt *rt);

/* fallback.c: devices that a new namespace has by itself. Is @l one of them, unused? */
bool lm_is_fallback(const struct lm_link *l);
/* Until _on() gets what this returns, new namespaces have none, and signals wait. It is
 * in the namespace of the host that this can be set; elsewhere nothing happens.
 */
int lm_fallback_off(sigset_t *signals);
void lm_fallback_on(int fd, const sigset_t *signals);

/* announce.c: tell the neighbours where the addresses of the namespace of the
 * calling thread live now. Best effort: nobody can be told twice that it failed.
 */
void lm_net_announce(void);

#endif
