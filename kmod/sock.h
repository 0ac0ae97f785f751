/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets: sock.c has what all of them have, sock_*.c one protocol each,
 * sock_data.c cuts the contents of queues into DATA objects.
 */
#ifndef _LIVEMIG_SOCK_H
#define _LIVEMIG_SOCK_H

#include <net/sock.h>
#include "dump.h"

/* One protocol: an entry in the table of sock.c. */
struct lm_sock_kind {
	const char *name;
	bool (*match)(const struct sock *sk);
	/* Adds addresses and what else is special. Inet sockets are locked. */
	int (*put)(struct lm_dump *d, struct sock *sk, struct sk_buff *obj);
	/* What is in its queues: DATA objects (frozen sessions only), FILE
	 * objects of connections that are not accepted; may be NULL. @t: the
	 * process that it was found at.
	 */
	int (*put_queues)(struct lm_dump *d, struct task_struct *t,
			  struct sock *sk, u32 file_id);
	/* Why it cannot be moved, or NULL. Not locked. */
	const char *(*unsupported)(struct lm_dump *d, struct sock *sk,
				   bool *transient);
};

extern const struct lm_sock_kind lm_sock_tcp;
extern const struct lm_sock_kind lm_sock_udp;
extern const struct lm_sock_kind lm_sock_unix;
extern const struct lm_sock_kind lm_sock_raw;		/* sock_raw.c */
extern const struct lm_sock_kind lm_sock_netlink;
extern const struct lm_sock_kind lm_sock_packet;

/* sock.c: LOCAL and REMOTE of an inet socket. */
int lm_put_inet_addresses(const struct sock *sk, struct sk_buff *obj);
/* sock.c: a program that is not a classic socket filter. */
bool lm_sock_has_bpf(const struct sock *sk);
/* sock.c: obstacles that every inet socket may have, or NULL. */
const char *lm_inet_unsupported(const struct sock *sk);

/* sock_mcast.c: multicast groups: obstacles, or NULL; IP_MULTICAST_IF; DATA objects,
 * from frozen sessions.
 */
const char *lm_groups_unsupported(const struct sock *sk);
int lm_put_mcast_if(const struct sock *sk, struct sk_buff *obj);
int lm_put_groups(struct lm_dump *d, struct sock *sk, u32 file_id);

/* sock.c: number of a socket's inode, or a number of its own. 0: no memory. */
u64 lm_sock_ino(struct lm_dump *d, const struct sock *sk);
/* sock.c: the objects of a connection that the listener, FILE @listener, has not
 * accepted; 0: of one that was closed.
 */
int lm_dump_fileless(struct lm_dump *d, struct task_struct *t, struct sock *sk,
		     u32 listener);

/* sock_timewait.c: connections of a bucket of the table that are over. */
struct inet_hashinfo;
int lm_dump_timewait(struct lm_dump *d, struct task_struct *task,
		     struct inet_hashinfo *h, unsigned int slot, const struct net *net);

/* What is said about a message besides its bytes. */
struct lm_data_head {
	const void *name;	/* address of the sender, NULL: none */
	int name_len;
	const void *dest;	/* where it went, of the same length; NULL */
	const u32 *fds;		/* FILE ids */
	int nr_fds;
};

/* Contents of a queue on the way into DATA objects. */
struct lm_data {
	struct lm_dump *d;
	u32 file_id;
	u32 queue;		/* enum livemig_queue */
	bool stream;		/* offset counts bytes, not messages */
	u64 offset;
	const struct ucred *cred; /* of the message, or NULL */
	struct sk_buff *obj;	/* under construction, or NULL */
	struct nlattr *bytes;	/* its BYTES, reserved at full size */
	size_t used;
};

int lm_data_begin(struct lm_data *w, const struct lm_data_head *head);
int lm_data_add(struct lm_data *w, const struct sk_buff *skb, int off, int len);
int lm_data_add_bytes(struct lm_data *w, const u8 *from, size_t len);
void lm_data_end(struct lm_data *w);
void lm_data_abort(struct lm_data *w);

#endif
