/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * livemig: the records that images and streams are made of.
 *
 * Images and streams are sequences of records, little endian:
 *
 *   struct livemig_rec   32 bytes
 *   head                 head_len bytes: netlink attributes of the object with
 *                        the record's type; or for PAGES struct livemig_pages
 *                        and its entries
 *   padding              zeros to a multiple of 8 bytes; for PAGES to 4096
 *                        bytes counted from the start of the record
 *   payload              payload_len bytes, raw
 *
 * In a file each PAGES record starts at a multiple of 4096 (a PAD record fills
 * the gap). A reader skips a record of unknown type unless its REQUIRED flag
 * is set. Sequence of a stream or image: see Documentation/image-format.rst.
 */
#ifndef _UAPI_LINUX_LIVEMIG_RECORDS_H
#define _UAPI_LINUX_LIVEMIG_RECORDS_H

#include <linux/types.h>

#define LIVEMIG_REC_MAGIC	0x52474d4c	/* "LMGR" */
#define LIVEMIG_REC_ALIGN	8
#define LIVEMIG_REC_PAGE	4096
/* A reader refuses more than this without reading it. */
#define LIVEMIG_REC_HEAD_MAX	(1U << 20)
#define LIVEMIG_REC_PAYLOAD_MAX	(4U << 20)

enum livemig_rec_flags {
	LIVEMIG_REC_F_REQUIRED	= 1 << 0,
};

struct livemig_rec {
	__le32 magic;
	__le16 type;		/* enum livemig_obj and its user part */
	__u8 version;		/* of the record type: 1 */
	__u8 flags;		/* enum livemig_rec_flags */
	__le32 head_len;
	__le32 payload_len;
	__le64 seq;		/* 0, 1, ...; PAGES and PATCHES records written by the
				 * module have ~0, as it does not know the stream's count
				 */
	__le64 checksum;	/* xxh64, seed 0, over this header with checksum 0
				 * followed by the head (without padding)
				 */
};

enum livemig_pages_space {
	LIVEMIG_PAGES_SPACE_MM,		/* id is an mm, addresses are virtual */
	LIVEMIG_PAGES_SPACE_SHMEM,	/* id is a shmem object, offsets in it */
};

/*
 * Head of a PAGES record: this struct and nr_entries entries; head_len is
 * their exact size. The payload is the bytes of the DATA entries in order,
 * 4096 each; payload_len = 4096 * their number.
 */
struct livemig_pages {
	__le32 space;		/* enum livemig_pages_space */
	__le32 id;
	__le32 round;
	__le32 nr_entries;	/* 1..LIVEMIG_PAGES_ENTRIES_MAX */
};

enum livemig_page_kind {
	LIVEMIG_PAGE_DATA,	/* one page; value = xxh64 (seed 0) of its bytes */
	LIVEMIG_PAGE_ZERO,	/* value pages of zeros */
	LIVEMIG_PAGE_HOLE,	/* value pages that are no more: what a fresh
				 * mapping of that range would show
				 */
	LIVEMIG_PAGE_LATER,	/* value pages whose bytes have to be asked for; only
				 * in the last round of a migration
				 */
};
#define LIVEMIG_PAGE_KIND_MASK	0xfULL
#define LIVEMIG_PAGE_F_HUGE	0x10ULL	/* part of a huge page on the source */

struct livemig_page_entry {
	__le64 addr;		/* multiple of 4096, with the kind in the low bits */
	__le64 value;
};
#define LIVEMIG_PAGES_ENTRIES_MAX \
	((LIVEMIG_REC_PAGE - sizeof(struct livemig_rec) - \
	  sizeof(struct livemig_pages)) / sizeof(struct livemig_page_entry))

/*
 * Head of a PATCHES record: struct livemig_pages, whose nr_entries is the number
 * of items, and the items; no payload. It tells the contents of pages by what
 * the reader has: all that was told before in the stream. An item is for @pages
 * that follow each other:
 *
 *	struct livemig_patch
 *	COPY:	struct livemig_patch_from	the first of as many pages
 *		for each page	hash (8 bytes)
 *	DELTA:	for each page	hash (8 bytes), n (1 byte, 1..64),
 *				n numbers of pieces (1 byte each, ascending),
 *				n times LIVEMIG_PATCH_PIECE bytes
 *	zeros up to a multiple of 8 bytes
 *
 * A hash is the xxh64 (seed 0) of the page when it is done.
 */
struct livemig_patch {
	__le64 addr;		/* multiple of 4096, with the kind in the low bits */
	__le32 pages;		/* 1.. */
	__le32 len;		/* bytes that follow, zeros at the end included */
};

struct livemig_patch_from {
	__le64 addr;
	__le32 space;		/* enum livemig_pages_space */
	__le32 id;
};

enum livemig_patch_kind {
	LIVEMIG_PATCH_DELTA,	/* pieces of it have changed */
	LIVEMIG_PATCH_COPY,	/* it has the bytes of another page */
};
#define LIVEMIG_PATCH_PIECE	64
#define LIVEMIG_PATCHES_MAX	(256U << 10)	/* bytes of a record */

#endif /* _UAPI_LINUX_LIVEMIG_RECORDS_H */
