/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing and reading records: images on disk and streams on the wire are the
 * same (livemig_records.h; Documentation/image-format.rst). The kernel
 * writes PAGES records to the same fd by itself, so nothing is buffered here
 * beyond one record, neither on the way out nor on the way in; but for
 * lm_out_gather(), and short records of a file.
 */
#ifndef LM_RECORD_H
#define LM_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/livemig.h>
#include <linux/netlink.h>
#include "error.h"

/* Record types of user space, after those of enum livemig_obj. */
enum lm_rec_type {
	LM_REC_PAD = LIVEMIG_OBJ_USER,	/* empty head; payload: zeros */
	LM_REC_HEADER,		/* first of an image or stream: enum lm_header_attr */
	LM_REC_ROUND,		/* a round begins: enum lm_round_attr */
	LM_REC_ROUND_END,	/* ... and ends: enum lm_round_attr with STATS */
	LM_REC_NETNS,		/* enum lm_netns_attr */
	LM_REC_CGROUP,		/* enum lm_cgroup_attr */
	LM_REC_END,		/* last of an image: enum lm_end_attr */
	LM_REC_SECCOMP,		/* one filter: enum lm_seccomp_attr */
	LM_REC_NS,		/* one namespace: enum lm_ns_attr, ns/ns.h */
	LM_REC_IPC,		/* a System V object or a POSIX message queue:
				 * enum lm_ipc_attr, ipc/ipc.h
				 */
	LM_REC_TREE,		/* what is in a tmpfs: enum lm_tree_attr, ns/tree.h */
	LM_REC_NFT,		/* rules of the network: enum lm_nft_attr, net/nft.h */
	/* the migration protocol: not in images; migrate/wire.h */
	LM_REC_HELLO = 128,
	LM_REC_OFFER,
	LM_REC_ACCEPT,
	LM_REC_READY,
	LM_REC_COMMIT,
	LM_REC_RUNNING,
	LM_REC_ABORT,
	LM_REC_ROUND_OK,
	LM_REC_QUERY,
	LM_REC_STATE,
	LM_REC_PACKET,
	LM_REC_ECHO,
	LM_REC_FRAMES,
	LM_REC_WANT,
	LM_REC_ARRIVED,
};

enum lm_header_attr {
	LM_HEADER_UNSPEC,
	LM_HEADER_FORMAT,	/* u32: 1 */
	LM_HEADER_ID,		/* 16 random bytes */
	LM_HEADER_PARENT,	/* 16 bytes, when the image is a difference */
	LM_HEADER_ARCH,		/* string: "x86_64" */
	LM_HEADER_KERNEL,	/* string, uname -r of the source */
	LM_HEADER_HOST,		/* string, host name of the source */
	LM_HEADER_TIME,		/* u64, seconds since the epoch */
	LM_HEADER_XFEATURES,	/* u64 */
	LM_HEADER_XSTATE_SIZE,	/* u32 */
	LM_HEADER_VDSO_ID,	/* u64 */
	LM_HEADER_NAME,		/* string: the target's name */
	LM_HEADER_BOOTTIME_NS,	/* u64, CLOCK_BOOTTIME at dump */
	LM_HEADER_VDSO,		/* the vdso itself, up to 32 KB */
	LM_HEADER_MAX = LM_HEADER_VDSO
};

enum lm_round_attr {
	LM_ROUND_UNSPEC,
	LM_ROUND_NR,		/* u32 */
	LM_ROUND_FINAL,		/* flag: the tasks are frozen */
	LM_ROUND_DATA,		/* u64, as LIVEMIG_STATS_DATA and so on */
	LM_ROUND_ZERO,
	LM_ROUND_HOLE,
	LM_ROUND_BYTES,
	LM_ROUND_NS,		/* u64, time the round took */
	LM_ROUND_MAX = LM_ROUND_NS
};

/* As long as an attribute may be, at most. */
#define LM_CGROUP_XATTR_MAX	65000

/* The container's cgroup (SUB "") and each one below it, parents first; there may be several
 * of one.
 */
enum lm_cgroup_attr {
	LM_CGROUP_UNSPEC,
	LM_CGROUP_ROOT,		/* string: the container's, below the cgroup2 mount: "/a/b" */
	LM_CGROUP_SUB,		/* string: below ROOT: "" or "c/d" */
	LM_CGROUP_VALUE,	/* string "memory.max=1048576"; one each, in the order to write;
				 * of a block device "io.max=sda rbps=1048576 ...".
				 * "cgroup.type=threaded": when it is made; "cgroup.freeze=1":
				 * before tasks run
				 */
	LM_CGROUP_OWNER,	/* string "cgroup.procs=100000:100000:664": a file that is
				 * not root's, or has another mode (octal) than the kernel
				 * gives it; "" is the directory; one each
				 */
	LM_CGROUP_XATTR,	/* "user.name", 0, its value: of the directory; one each */
	LM_CGROUP_MAX = LM_CGROUP_XATTR
};

/* Several of one ID are in the order in which they were put on. */
enum lm_seccomp_attr {
	LM_SECCOMP_UNSPEC,
	LM_SECCOMP_ID,		/* u32, as in LIVEMIG_THREAD_SECCOMP */
	LM_SECCOMP_FLAGS,	/* u32, SECCOMP_FILTER_FLAG_* */
	LM_SECCOMP_PROG,	/* struct sock_filter[] */
	LM_SECCOMP_MAX = LM_SECCOMP_PROG
};

enum lm_end_attr {
	LM_END_UNSPEC,
	LM_END_RECORDS,		/* u64: records before this one that carry a sequence
				 * number: all but the module's PAGES, which
				 * ROUND_END accounts for
				 */
	LM_END_MAX = LM_END_RECORDS
};

/* ---- attributes: a growing buffer of netlink attributes ---- */
struct lm_buf {
	void *data;
	size_t len, cap;
	bool oom, too_long;	/* checked once at the end, by lm_out_buf() */
};
void lm_buf_free(struct lm_buf *b);
/* Bytes that are no attribute. */
void lm_buf_add(struct lm_buf *b, const void *data, size_t len);
void lm_put(struct lm_buf *b, uint16_t type, const void *data, size_t len);
void lm_put_u32(struct lm_buf *b, uint16_t type, uint32_t v);
void lm_put_u64(struct lm_buf *b, uint16_t type, uint64_t v);
void lm_put_str(struct lm_buf *b, uint16_t type, const char *s);
void lm_put_flag(struct lm_buf *b, uint16_t type);
size_t lm_nest_start(struct lm_buf *b, uint16_t type); /* returns a mark */
void lm_nest_end(struct lm_buf *b, size_t mark);

/* The attribute after @prev (NULL: the first) of @attrs, or NULL; for types that
 * occur several times. Stops at the first malformed one.
 */
const struct nlattr *lm_next(const void *attrs, size_t len,
			     const struct nlattr *prev);
uint16_t lm_type(const struct nlattr *a);	/* without the flag bits */
/* Index the attributes in @attrs by type into tb[0..max]; of several of one
 * type the last counts; unknown types are skipped. Never trusts a length.
 */
int lm_parse(const void *attrs, size_t len, const struct nlattr **tb, int max,
	     struct lm_error *e);
const void *lm_data(const struct nlattr *a);
size_t lm_len(const struct nlattr *a);		/* 0 for NULL */
uint32_t lm_u32(const struct nlattr *a);	/* 0 when absent or too short */
int32_t lm_s32(const struct nlattr *a);
uint64_t lm_u64(const struct nlattr *a);	/* also reads a u32 */
const char *lm_str(const struct nlattr *a);	/* NULL when absent or not terminated */
/* @n: how many structs of @size a binary attribute holds. NULL and n = 0 when
 * absent or when its length is no multiple.
 */
const void *lm_array(const struct nlattr *a, size_t size, size_t *n);

/* ---- out ---- */
struct lm_out {
	int fd;
	bool file;		/* PAGES must be aligned by a PAD record */
	bool sock;
	int timeout_ms;		/* for sockets, each wait; -1: none; at
				 * first what SO_SNDTIMEO, SO_RCVTIMEO say
				 */
	uint64_t seq;		/* one count for all that goes out on @fd */
	bool gather;
	struct lm_buf held;	/* records that wait */
};
void lm_out_init(struct lm_out *o, int fd);
/* Whole record or error (EPIPE, ENOSPC, ... named). REQUIRED is set unless
 * @optional.
 */
int lm_out_rec(struct lm_out *o, uint16_t type, const void *attrs, size_t len,
	       struct lm_error *e);
int lm_out_buf(struct lm_out *o, uint16_t type, struct lm_buf *b,
	       struct lm_error *e);	/* frees *b in any case */
int lm_out_align(struct lm_out *o, struct lm_error *e);	/* before PAGES */
/* From now on records wait, so that many short ones go out in one piece; off: those
 * that wait go out, also after an error, when nothing is to be heard of @e.
 */
int lm_out_gather(struct lm_out *o, bool on, struct lm_error *e);

/* ---- in ---- */
struct lm_in {
	int fd;			/* stands at the payload of a record that has one */
	bool sock, file;
	uint64_t records;	/* number of the current one; at the end: how many */
	uint64_t seq;		/* ... of these, with a sequence number */
	uint64_t start;		/* where the record of the last lm_in_next() begins */
	uint64_t left;		/* payload bytes of the record not yet taken */
	uint64_t pos;		/* bytes taken: where a damaged image is damaged */
	int timeout_ms;		/* for sockets: for each call below; -1: none */
	uint64_t deadline;	/* ... of the one under way, CLOCK_MONOTONIC ms */
	void *head;		/* owned */
	size_t head_cap;
	char *ahead;		/* owned: what of a file was read ahead, */
	size_t nr_ahead, taken;	/* and how much of that is not ahead any more */
};
struct lm_record {
	uint16_t type;
	uint8_t flags;
	const void *head;	/* valid until the next lm_in_next() */
	size_t head_len;
	uint32_t payload_len;	/* still on the fd */
};
void lm_in_init(struct lm_in *in, int fd);
void lm_in_free(struct lm_in *in);
/* Next record: magic, version, lengths, checksum, sequence number and padding
 * are verified; payload that nobody took of the record before is skipped, and so
 * are unknown records that are not REQUIRED. Return: 1, 0 at the end of file on a
 * record border, -1: LM_REFUSED with record and offset when the data is bad,
 * LM_FAILED when reading failed.
 */
int lm_in_next(struct lm_in *in, struct lm_record *r, struct lm_error *e);
/* Take payload into @buf. */
int lm_in_payload(struct lm_in *in, void *buf, size_t len, struct lm_error *e);
/* Leave the payload where it is: of a file, without reading it. */
int lm_in_pass(struct lm_in *in, struct lm_error *e);
/* Somebody else (the module) read @len bytes of payload from in->fd. */
void lm_in_taken(struct lm_in *in, size_t len);
/* LM_REFUSED: "record 12 at offset 40960: " and the message. */
int lm_in_bad(const struct lm_in *in, struct lm_error *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Check a PAGES head: counts, addresses, payload length. */
int lm_pages_check(const struct lm_record *r, const struct livemig_pages **p,
		   const struct livemig_page_entry **entries, uint32_t *n,
		   struct lm_error *e);

/* ---- PATCHES (patch.c) ---- */

/* One page of a PATCHES record. */
struct lm_patch {
	uint32_t space, id;
	uint64_t addr;
	enum livemig_patch_kind kind;
	uint64_t hash;			/* of the page when it is done */
	struct {
		uint32_t space, id;
		uint64_t addr;
	} from;				/* COPY */
	const uint8_t *piece;		/* DELTA: numbers of pieces, ... */
	uint32_t nr_pieces;
	const uint8_t *bytes;		/* ... LIVEMIG_PATCH_PIECE bytes of each */
};
/* Call @use for each page of a record. Nothing in it is trusted. Return: 0, what
 * @use returned to end it, or -1 (LM_REFUSED) for a malformed record.
 */
int lm_patches_each(const struct lm_record *r,
		    int (*use)(const struct lm_patch *p, void *arg,
			       struct lm_error *e), void *arg, struct lm_error *e);
/* Change the pieces of @page. */
void lm_patch_delta(const struct lm_patch *p, void *page);

#endif
