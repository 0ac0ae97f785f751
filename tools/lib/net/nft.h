/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nf_tables ruleset of a network namespace, that of iptables-nft too: as the
 * messages by which the kernel tells it, from which it can be made again. Text, as
 * "nft list ruleset" has it, would lose what xtables modules match, and names that
 * the container has chosen would have to be kept from being read as commands.
 *
 * The kernel's own tables of the network lock (netlock.c) are left out.
 */
#ifndef LM_NFT_H
#define LM_NFT_H

#include "../record.h"

/* LM_REC_NFT: a ruleset, in as many records as it takes. */
enum lm_nft_attr {
	LM_NFT_UNSPEC,
	LM_NFT_MSG,		/* binary, each: u16 NFT_MSG_NEW*, u16 0, then struct nfgenmsg
				 * and the attributes; in an order in which they can be set
				 */
	LM_NFT_MAX = LM_NFT_MSG
};
#define LM_NFT_MSG_MAX	65000
/* Of all messages, as they are set, and of what is around each: header, nfgenmsg, and
 * the one attribute that is added.
 */
#define LM_NFT_TOTAL_MAX	(64u << 20)
#define LM_NFT_AROUND	(MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg) + 8)
#define LM_NFT_TOO_LARGE	"nft ruleset of more than %u MB: not supported"

/* Append LM_NFT_MSGs to @b; none, if there are no tables. LM_REFUSED: tables that
 * belong to an open socket, more than could be set.
 */
int lm_nft_dump(int nsfd, struct lm_buf *b, struct lm_error *e);
/* Replace what @nsfd has by the @n messages, all or nothing. */
int lm_nft_load(int nsfd, const struct nlattr *const *msgs, size_t n, struct lm_error *e);

/* Tables of the network lock: netlock.c. */
bool lm_nft_is_lock(const char *table);

#endif
