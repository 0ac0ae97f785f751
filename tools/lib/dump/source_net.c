// SPDX-License-Identifier: LGPL-2.1-or-later
/* The network namespace of a container that has one of its own: listed while it is in
 * use, and watched from then on.
 */
#include <string.h>

#include "source_priv.h"
#include "../net/nft.h"

#define NET_TRIES	5

/* A client of DHCP that gets an address and its routes between two of the lists would
 * make routes of nothing. (After so many tries it is as it is, but for the stop: stop().)
 */
int lm_source_list_net(struct lm_source *s, struct lm_buf *b, struct lm_error *e)
{
	struct lm_error why;
	int ret;

	if (s->net_watch.links < 0 && lm_netns_watch_open(&s->net_watch, s->nsfd, e))
		return -1;
	for (int i = 0; i < NET_TRIES; i++) {
		lm_netns_watch_again(&s->net_watch);
		lm_buf_free(b);
		memset(&why, 0, sizeof(why));
		ret = lm_netns_dump(s->nsfd, b, &why);
		if (!lm_netns_changed(&s->net_watch))
			break;
	}
	if (ret && e)
		*e = why;
	return ret;
}

/* A ruleset, cut into records. */
static int add_rules(struct lm_objects *o, const struct lm_buf *all, struct lm_error *e)
{
	const char *p = all->data, *stop = p + all->len;

	while (p < stop) {
		const struct nlattr *a = NULL;
		size_t n = 0;

		while ((a = lm_next(p, stop - p, a)) &&
		       (const char *)a + NLA_ALIGN(a->nla_len) - p <= LIVEMIG_REC_HEAD_MAX)
			n = (const char *)a + NLA_ALIGN(a->nla_len) - p;
		if (lm_objects_add_checked(o, LM_REC_NFT, p, n, e))
			return -1;
		p += n;
	}
	return 0;
}

int lm_source_describe_net(struct lm_source *s, struct lm_objects *o,
			   struct lm_error *e)
{
	struct lm_buf b = { 0 };
	int ret;

	if (s->nsfd < 0)
		return 0;
	if (lm_source_list_net(s, &b, e) < 0) {
		lm_buf_free(&b);
		return -1;
	}
	if (lm_objects_add_buf(o, LM_REC_NETNS, &b, e) < 0)
		return -1;
	ret = lm_nft_dump(s->nsfd, &b, e) < 0 ? -1 : add_rules(o, &b, e);
	lm_buf_free(&b);
	return ret;
}
